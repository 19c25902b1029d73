/**
 * Whether the evidence for exactly one release meets a policy: pass, fail or inconclusive, with every figure that it rests on.
 * Pure.
 */

import type { JudgeEvidence } from '../../evals/runs/calibration.ts'
import type { TakenOver } from '../../evals/runs/count-results.ts'
import { type Gate, gatesOf } from '../../evals/runs/gates.ts'
import { pairsOf } from '../../evals/runs/item-pairs.ts'
import type { RunScorer } from '../../evals/runs/run-content.ts'
import { type Measured, type ScorerVerdict, verdictOf } from '../../evals/runs/verdict.ts'
import type { Gates } from '../../evals/suites/suite.ts'
import { normalQuantile } from '../../lib/statistics/distributions.ts'
import { holm } from '../../lib/statistics/multiple.ts'
import { type Policy, type PolicyRule, type Slice, sliceText } from '../policy.ts'
import { bounded, type Figure, figureOf, type ScorerSummary, summariseScorers } from './scorer-summary.ts'

/** What is written of a run beside its figures. */
export type RunFacts = {
  id: string
  subject: string
  /** SHA-256 of all that was fixed when it began. */
  hash: string
  /** ISO 8601, UTC. */
  finishedAt: string
  /** Micro-USD of what has a price, and how many answers and judgements have none that is known. */
  costMicroUsd: string
  unpriced: number
  /** What it took over from earlier runs: the evidence is as old as the oldest of it. Left out where all is its own. */
  takenOver?: TakenOver
}

/** A suite's finished run of the candidate, and of what the label serves now; null where it serves nothing. */
export type SuiteEvidence = {
  suite: string
  candidate: Measured
  baseline: Measured | null
  /** By the names of the run's judges. */
  judges: ReadonlyMap<string, JudgeEvidence>
  /** Positions of the candidate's items, by the slice's text. */
  slices: ReadonlyMap<string, ReadonlySet<number>>
  facts: { candidate: RunFacts; baseline: RunFacts | null }
}

export type RuleVerdict = {
  suite: string
  scorer: string
  kind: string
  version: number
  /** `language = de`; null for all items. */
  slice: string | null
  rule: Gate['rule']
  perturbation: string | null
  bar: number
  verdict: Gate['verdict']
  reason: string
  low: number | null
  high: number | null
  /** About how many items more would settle it. */
  itemsMore: number | null
  estimate: Figure | null
  difference: Figure | null
  /** The smallest level at which the rule passes; null for a rule about these very items, which has no level. */
  p: number | null
  /** Over all rules of the verdict (Holm). */
  adjustedP: number | null
  /** The least true difference or distance that so many items show at this level with the chance 0.8. */
  detectable: number | null
  coverage: ScorerVerdict['coverage']
  judge: ScorerVerdict['calibration']
  corrected: ScorerVerdict['corrected']
}

export type SuiteSummary = {
  suite: string
  dataset: { name: string; version: number; hash: string; split: string | null }
  items: number
  repeats: number
  seed: number | null
  candidate: RunFacts
  baseline: (RunFacts & { sharedItems: number }) | null
  /** Over all items first, then over the slices that rules name. */
  scorers: ScorerSummary[]
}

export type PromotionVerdict = {
  outcome: 'pass' | 'fail' | 'inconclusive'
  alpha: number
  multiple: Policy['multiple']
  /** Sentences: why it does not pass; empty when it does. */
  reasons: string[]
  rules: RuleVerdict[]
  suites: SuiteSummary[]
}

/** The chance with which `detectable` is seen; the customary one, as in `power.ts`. */
const POWER = 0.8
/** Levels below are as good as nought, and none above decides anything. */
const LEVELS = { least: 1e-6, most: 0.4999, steps: 18 } as const

/** Throws RangeError for scores that are not on their scorer's scale, which no stored score is. */
export function promotionVerdict(policy: Policy, evidence: readonly SuiteEvidence[]): PromotionVerdict {
  const judged = evidence.map((one) => judgeSuite(policy, one))
  const rules = judged.flatMap((one) => one.rules)
  adjust(rules)
  const held = rules.map((rule) => (policy.multiple === 'holm' ? atAdjusted(rule, policy.alpha) : rule))
  const doubts = [...judged.flatMap((one) => one.doubts), ...unmet(policy, evidence)]
  const failing = held.filter(({ verdict }) => verdict === 'fail')
  const open = held.filter(({ verdict }) => verdict === 'inconclusive')
  return {
    outcome: failing.length > 0 ? 'fail' : open.length + doubts.length > 0 ? 'inconclusive' : 'pass',
    alpha: policy.alpha,
    multiple: policy.multiple,
    reasons: [...failing.map(reasonOf), ...open.map(reasonOf), ...doubts],
    rules: held,
    suites: judged.map(({ summary }) => summary),
  }
}

function reasonOf({ suite, scorer, slice, reason }: RuleVerdict): string {
  return `${suite}, ${scorer}${slice === null ? '' : ` where ${slice}`}: ${reason}`
}

/** What the policy asks of no run that is there: such a rule is not passed over. */
function unmet(policy: Policy, evidence: readonly SuiteEvidence[]): string[] {
  const scorersOf = new Map(
    evidence.map(({ suite, candidate }) => [suite, candidate.content.scorers.map(({ name }) => name)]),
  )
  return policy.rules.flatMap(({ suite, scorer }) => {
    const suites = suite === null ? [...scorersOf.keys()] : [suite]
    if (suites.some((one) => scorersOf.get(one)?.includes(scorer))) return []
    const where = suite === null ? 'no suite of the policy has' : `the suite ${suite} does not have`
    return [`${scorer}: ${where} this scorer. aval policy check ${policy.name}`]
  })
}

type Judged = { rules: RuleVerdict[]; doubts: string[]; summary: SuiteSummary }

function judgeSuite(policy: Policy, evidence: SuiteEvidence): Judged {
  const { suite, candidate, facts } = evidence
  const rules: RuleVerdict[] = []
  const doubts: string[] = []
  const summaries: ScorerSummary[] = []
  let sharedItems = 0
  for (const slice of slicesOf(policy, suite)) {
    const asked = withRules(policy, evidence, slice)
    if (asked.content.scorers.length === 0) continue
    const { scorers, baseline, items } = verdictOf(asked, evidence.baseline, evidence.judges)
    if (slice === null) sharedItems = baseline?.sharedItems ?? 0
    const where = slice === null ? suite : `${suite} where ${sliceText(slice)}`
    if (items < policy.evidence.itemsMin) {
      doubts.push(`${where}: ${items} items, and the policy demands ${policy.evidence.itemsMin}.`)
    }
    summaries.push(...summariseScorers(scorers, asked.content, slice === null ? null : sliceText(slice)))
    for (const row of scorers) {
      rules.push(...row.gates.map((gate) => ruleOf(policy, evidence, asked, { row, gate, slice })))
      const { scored, abstained, expected } = row.coverage
      if (row.covered || !row.decides) continue
      doubts.push(
        `${where}, ${row.scorer}: ${scored} of ${expected} judged (${abstained} abstained), and the policy demands ${Math.round(policy.evidence.coverage * 1000) / 10} %.`,
      )
    }
  }
  if (rules.length === 0) doubts.push(emptyText(policy, evidence))
  const { dataset, split, repeats, seed } = candidate.content
  const { name, version, hash } = dataset
  const items = candidate.scores.get(candidate.content.scorers[0]?.name ?? '')?.length ?? 0
  const summary = {
    suite,
    dataset: { name, version, hash, split },
    items,
    repeats,
    seed,
    candidate: facts.candidate,
    baseline: facts.baseline === null ? null : { ...facts.baseline, sharedItems },
    scorers: summaries,
  }
  return { rules, doubts, summary }
}

/** Why a suite without rules is no evidence. */
function emptyText(policy: Policy, { suite, candidate, baseline }: SuiteEvidence): string {
  const compares =
    policy.rules.some((rule) => rule.notWorseBy !== null && concerns(rule, suite)) ||
    candidate.content.scorers.some(({ gates }) => gates.notWorseBy !== null)
  return compares && baseline === null
    ? `${suite}: all that is demanded compares with what the label serves, and it serves nothing yet. Add an at_least.`
    : `${suite}: nothing is demanded of any scorer, so it proves nothing.`
}

/** All items first, then every slice that a rule about this suite names. */
function slicesOf(policy: Policy, suite: string): (Slice | null)[] {
  const named = policy.rules.filter((rule) => rule.slice !== null && concerns(rule, suite))
  return [null, ...new Map(named.map(({ slice }) => [sliceText(slice), slice])).values()]
}

function concerns(rule: PolicyRule, suite: string): boolean {
  return rule.suite === null || rule.suite === suite
}

/**
 * The candidate's run with the policy's level, coverage and rules in place of its suite's own. Of all items, what the suite
 * demands holds too; of a slice, only scorers that a rule names are looked at.
 */
function withRules(
  policy: Policy,
  { suite, candidate, baseline, slices }: SuiteEvidence,
  slice: Slice | null,
): Measured {
  const positions = slice === null ? null : (slices.get(sliceText(slice)) ?? new Set<number>())
  const rules = policy.rules.filter(
    (rule) => concerns(rule, suite) && sliceText(rule.slice) === sliceText(slice),
  )
  const scorers = candidate.content.scorers.flatMap((scorer) => {
    const own = rules.filter((rule) => rule.scorer === scorer.name)
    if (slice !== null && own.length === 0) return []
    const gates = own.reduce(strictest, slice === null ? scorer.gates : NO_GATES)
    // Nothing is served yet, so nothing can be worse than it.
    return [{ ...scorer, gates: baseline === null ? { ...gates, notWorseBy: null } : gates }]
  })
  const scores = new Map(
    [...candidate.scores].map(([name, items]) => [
      name,
      positions === null ? items : items.filter(({ position }) => positions.has(position)),
    ]),
  )
  const { alpha, evidence } = policy
  const content = { ...candidate.content, alpha, coverage: evidence.coverage, scorers }
  return { ...candidate, content, scores }
}

const NO_GATES: Gates = { atLeast: null, atMost: null, notWorseBy: null, observedAtLeast: null }

function strictest(gates: Gates, rule: PolicyRule): Gates {
  const highest = (one: number | null, other: number | null) =>
    one === null ? other : other === null ? one : Math.max(one, other)
  const lowest = (one: number | null, other: number | null) =>
    one === null ? other : other === null ? one : Math.min(one, other)
  const flips = { ...gates.flipsAtMost }
  for (const [name, bar] of Object.entries(rule.flipsAtMost))
    flips[name] = lowest(flips[name] ?? null, bar) ?? bar
  return {
    atLeast: highest(gates.atLeast, rule.atLeast),
    atMost: lowest(gates.atMost, rule.atMost),
    notWorseBy: lowest(gates.notWorseBy, rule.notWorseBy),
    observedAtLeast: gates.observedAtLeast,
    ...(Object.keys(flips).length > 0 && { flipsAtMost: flips }),
  }
}

function ruleOf(
  policy: Policy,
  evidence: SuiteEvidence,
  asked: Measured,
  { row, gate, slice }: { row: ScorerVerdict; gate: Gate; slice: Slice | null },
): RuleVerdict {
  const { estimate } = row
  const difference = row.compared?.difference ?? null
  const about = gate.rule === 'not_worse_by' ? difference : estimate
  const z = normalQuantile(1 - policy.alpha) + normalQuantile(POWER)
  return {
    suite: evidence.suite,
    scorer: row.scorer,
    kind: row.kind,
    version: row.version,
    slice: slice === null ? null : sliceText(slice),
    rule: gate.rule,
    perturbation: gate.perturbation ?? null,
    bar: gate.bar,
    verdict: gate.verdict,
    reason: gate.reason,
    low: bounded(gate.low),
    high: bounded(gate.high),
    itemsMore: gate.itemsMore,
    estimate: figureOf(estimate),
    difference: figureOf(difference),
    p: levelOf(policy, evidence, asked, { row, gate }),
    adjustedP: null,
    // (z_α + z_β) · standard error: Miller, arXiv 2411.00640, equation 9, at the spread that was seen.
    detectable: about === null || !Number.isFinite(about.se) ? null : z * about.se,
    coverage: row.coverage,
    judge: row.calibration,
    corrected: row.corrected,
  }
}

/**
 * The smallest level at which the rule's bound clears its bar: a test's p is its bounds read backwards (Lehmann and Romano,
 * "Testing Statistical Hypotheses", section 3.5). By bisection of the level's logarithm to a hundredth of it; bounds narrow as
 * the level grows. 1 where it passes at none.
 */
function levelOf(
  policy: Policy,
  evidence: SuiteEvidence,
  asked: Measured,
  { row, gate }: { row: ScorerVerdict; gate: Gate },
): number | null {
  if (gate.rule === 'observed_at_least') return null
  const scorer = asked.content.scorers.find(({ name }) => name === row.scorer)
  const own = asked.scores.get(row.scorer) ?? []
  if (scorer === undefined || !row.decides || own.length === 0) return 1
  const other = row.compared === null ? null : (evidence.baseline?.scores.get(row.scorer) ?? null)
  const pairs = other === null ? null : pairsOf(other, own)
  const judge = evidence.judges.get(row.scorer) ?? { calibration: null, rated: [] }
  const only = { ...scorer, gates: gateAlone(gate) } satisfies RunScorer
  const passesAt = (alpha: number) =>
    gatesOf(only, { own, pairs, alpha, coverage: policy.evidence.coverage, evidence: judge })[0]?.verdict ===
    'pass'
  let [low, high] = [Math.log(LEVELS.least), Math.log(LEVELS.most)]
  if (passesAt(LEVELS.least)) return LEVELS.least
  if (!passesAt(LEVELS.most)) return 1
  for (let step = 0; step < LEVELS.steps && high - low > 0.01; step += 1) {
    const middle = (low + high) / 2
    if (passesAt(Math.exp(middle))) high = middle
    else low = middle
  }
  return Math.exp(high)
}

function gateAlone({ rule, bar, perturbation }: Gate): Gates {
  switch (rule) {
    case 'at_least':
      return { ...NO_GATES, atLeast: bar }
    case 'at_most':
      return { ...NO_GATES, atMost: bar }
    case 'not_worse_by':
      return { ...NO_GATES, notWorseBy: bar }
    case 'observed_at_least':
      return { ...NO_GATES, observedAtLeast: bar }
    case 'flips_at_most':
      return { ...NO_GATES, flipsAtMost: { [perturbation ?? '']: bar } }
  }
}

function adjust(rules: RuleVerdict[]): void {
  const levelled = rules.filter((rule) => rule.p !== null)
  const adjusted = holm(levelled.map(({ p }) => p ?? 1))
  for (const [at, rule] of levelled.entries()) rule.adjustedP = adjusted[at] ?? null
}

/** A rule that passes by itself and not among so many stays open: it has not failed. */
function atAdjusted(rule: RuleVerdict, alpha: number): RuleVerdict {
  if (rule.verdict !== 'pass' || rule.adjustedP === null || rule.adjustedP <= alpha) return rule
  const shown = Number(rule.adjustedP.toPrecision(2))
  return {
    ...rule,
    verdict: 'inconclusive',
    reason: `${rule.reason} Among all rules its adjusted p is ${shown}, above ${alpha}.`,
  }
}
