/**
 * What a suite demands of a scorer, decided on the worst case: a judgement that is missing counts against the candidate for
 * passing, and for it before it fails. Pure.
 */

import { namedRandom } from '../../lib/random.ts'
import { estimateMean } from '../../lib/statistics/estimate.ts'
import { compareWithMargin, type NonInferiority } from '../../lib/statistics/non-inferiority.ts'
import { withUnknownAs } from '../../lib/statistics/worst-case.ts'
import { flipBounds } from '../robustness/flips.ts'
import { type JudgeEvidence, mayDecide } from './calibration.ts'
import { correctMean } from './correct.ts'
import { groupOf, judgedOf, type Pair } from './item-pairs.ts'
import type { ItemScores } from './result-rows.ts'
import type { RunScorer } from './run-content.ts'

export type GateVerdict = 'pass' | 'fail' | 'inconclusive'
export type Gate = {
  rule: 'at_least' | 'at_most' | 'not_worse_by' | 'observed_at_least' | 'flips_at_most'
  /** Of `flips_at_most` alone. */
  perturbation?: string
  bar: number
  verdict: GateVerdict
  /** One sentence with the numbers it rests on. */
  reason: string
  /** What the decision rests on: the bound that had to clear the bar, and the one that had to miss it. */
  low: number | null
  high: number | null
  /** About how many items more would settle it; null when settled or unknown. */
  itemsMore: number | null
}

/** A margin lies above 0; of a judge that may see next to nothing, only no loss at all passes. */
const LEAST_SEEN = 1e-6

type Known = {
  own: readonly ItemScores[]
  /** Items that the baseline has too; null without a baseline. */
  pairs: readonly Pair[] | null
  alpha: number
  /** Share of items that must be judged where missing ones have no worst case. */
  coverage: number
  /** Of a judge. */
  evidence: JudgeEvidence
}

export function gatesOf(scorer: RunScorer, known: Known): Gate[] {
  // Runs that were begun before there was such a gate do not say.
  const { atLeast, atMost, notWorseBy, observedAtLeast = null, flipsAtMost = {} } = scorer.gates
  const gates = [
    ...(atLeast === null ? [] : [valueGate(scorer, 'at_least', atLeast, known)]),
    ...(atMost === null ? [] : [valueGate(scorer, 'at_most', atMost, known)]),
    ...(notWorseBy === null ? [] : [changeGate(scorer, notWorseBy, known)]),
    ...(observedAtLeast === null ? [] : [observedGate(scorer, observedAtLeast, known)]),
    ...Object.entries(flipsAtMost).map(([perturbation, bar]) => flipGate(scorer, perturbation, bar, known)),
  ]
  const { calibration } = known.evidence
  return mayDecide(scorer, calibration) ? gates : gates.map((gate) => onlyReports(gate, calibration))
}

/** The bounds stay, as what a judge reports that may not decide. More items would not settle it. */
function onlyReports(gate: Gate, calibration: JudgeEvidence['calibration']): Gate {
  const { low, high } = gate
  const between = low === null || high === null ? '' : ` Its bounds are ${text(low)} and ${text(high)}.`
  const reason =
    calibration === null
      ? `an uncalibrated judge reports and cannot block.${between}`
      : `a judge that its calibration does not qualify reports and cannot block.${between} ${calibration.id}: ${calibration.misses.join(' ')}`
  return { ...gate, verdict: 'inconclusive', itemsMore: null, reason }
}

function valueGate(
  scorer: RunScorer,
  rule: 'at_least' | 'at_most',
  bar: number,
  { own, alpha, coverage, evidence }: Known,
): Gate {
  const unknown = own.filter(({ mean }) => mean === null).length
  const base = { rule, bar, itemsMore: null }
  if (own.length === 0 || unknown === own.length) {
    return { ...base, verdict: 'inconclusive', low: null, high: null, reason: 'no item was judged.' }
  }
  if (scorer.values === 'unbounded' && unknown > (1 - coverage) * own.length) {
    const reason = `${unknown} of ${own.length} items have no value, and what it would be has no bounds.`
    return { ...base, verdict: 'inconclusive', low: null, high: null, reason }
  }
  const corrected = correctMean(own, evidence, 1 - 2 * alpha)
  // What is unknown has no mistakes of the judge in it: it is 0 or 1 as people would see it.
  const share = unknown / own.length
  const { low, high } =
    corrected === null
      ? boundsOf(scorer, own, alpha)
      : { low: (1 - share) * corrected.low, high: (1 - share) * corrected.high + share }
  const isPass = rule === 'at_least' ? low >= bar : high <= bar
  const isFail = rule === 'at_least' ? high < bar : low > bar
  const verdict = isPass ? 'pass' : isFail ? 'fail' : 'inconclusive'
  const wanted = rule === 'at_least' ? 'at least' : 'at most'
  const what = corrected === null ? 'the mean' : 'the mean as people would give it'
  return {
    ...base,
    verdict,
    low,
    high,
    reason: `${wanted} ${text(bar)} is demanded, and ${what} lies between ${text(low)} and ${text(high)}.`,
  }
}

/**
 * Of the items themselves, which are then all there is: no interval, as nothing is concluded about others. What is missing
 * counts 0 for passing and 1 before it fails.
 */
function observedGate(scorer: RunScorer, bar: number, { own }: Known): Gate {
  const base = { rule: 'observed_at_least' as const, bar, itemsMore: null }
  const known = own.flatMap(({ mean }) => (mean === null ? [] : [mean]))
  const missing = own.length - known.length
  if (known.length === 0 || (scorer.values === 'unbounded' && missing > 0)) {
    const reason = known.length === 0 ? 'no item was judged.' : `${missing} items have no value.`
    return { ...base, verdict: 'inconclusive', low: null, high: null, reason }
  }
  const sum = known.reduce((total, mean) => total + mean, 0)
  const [low, high] = [sum / own.length, (sum + missing) / own.length]
  const verdict = low >= bar ? 'pass' : high < bar ? 'fail' : 'inconclusive'
  const observed = missing === 0 ? text(low) : `between ${text(low)} and ${text(high)}`
  const reason = `at least ${text(bar)} of these items is demanded, and the mean is ${observed}.`
  return { ...base, verdict, low, high, reason }
}

function flipGate(scorer: RunScorer, perturbation: string, bar: number, { own, alpha }: Known): Gate {
  const base = { rule: 'flips_at_most' as const, perturbation, bar, itemsMore: null }
  const random = () => namedRandom(`${scorer.name} ${perturbation}`)
  const found = flipBounds(own.map(judgedOf), perturbation, { alpha, random })
  if (found.low === null) {
    const reason =
      found.pairs === 0
        ? `the run has no pair with an item perturbed by ${perturbation}. aval dataset perturb makes such pairs.`
        : `of ${found.pairs} pairs none passed or failed on both sides. A scorer that only measures needs a threshold.`
    return { ...base, verdict: 'inconclusive', low: null, high: null, reason }
  }
  const { low, high, unknown, pairs } = found
  const verdict = high <= bar ? 'pass' : low > bar ? 'fail' : 'inconclusive'
  const missing = unknown === 0 ? '' : `, ${unknown} of ${pairs} pairs being undecided`
  const reason = `at most ${text(bar)} may flip by ${perturbation}, and the share lies between ${text(low)} and ${text(high)}${missing}.`
  return { ...base, verdict, low, high, reason }
}

/** The lower end with unknown scores at 0, and the upper one with them at 1; unbounded ones are left out. */
function boundsOf(
  scorer: RunScorer,
  own: readonly ItemScores[],
  alpha: number,
): { low: number; high: number } {
  const known = own.filter(({ mean }) => mean !== null)
  const items = scorer.values === 'unbounded' ? known : own
  const estimateAt = (unknown: 0 | 1) =>
    estimateMean(
      items.map(({ mean }) => mean ?? unknown),
      {
        scale: scorer.values,
        groups: items.map(groupOf),
        confidence: 1 - 2 * alpha,
        random: namedRandom(scorer.name),
      },
    )
  const worst = estimateAt(0)
  const best = known.length === items.length ? worst : estimateAt(1)
  return { low: worst?.low ?? 0, high: best?.high ?? 1 }
}

function changeGate(scorer: RunScorer, margin: number, { pairs, alpha, coverage, evidence }: Known): Gate {
  const base = { rule: 'not_worse_by' as const, bar: margin, low: null, high: null, itemsMore: null }
  if (pairs === null) {
    const reason = 'it is compared with a baseline, and there is none. Name one: --against production'
    return { ...base, verdict: 'inconclusive', reason }
  }
  const unknown = pairs.filter(({ baseline, candidate }) => baseline.mean === null || candidate.mean === null)
  if (pairs.length === 0 || unknown.length === pairs.length) {
    return { ...base, verdict: 'inconclusive', reason: 'no item was judged in both runs.' }
  }
  if (scorer.values === 'unbounded' && unknown.length > (1 - coverage) * pairs.length) {
    const reason = `${unknown.length} of ${pairs.length} items lack a value in one of the runs.`
    return { ...base, verdict: 'inconclusive', reason }
  }
  const seen = margin * shareSeen(evidence.calibration)
  const worst = compareAt(scorer, pairs, 'worst', { margin: seen, alpha })
  // Without unknown scores both sides are one, and resampling takes long.
  const isOne = (unknown.length === 0 || scorer.values === 'unbounded') && seen === margin
  const best = isOne ? worst : compareAt(scorer, pairs, 'best', { margin, alpha })
  const low = worst.difference?.low ?? null
  const high = best.difference?.high ?? null
  const verdict = worst.verdict === 'pass' ? 'pass' : best.verdict === 'fail' ? 'fail' : 'inconclusive'
  const more = verdict === 'inconclusive' ? worst.itemsMore : null
  const advice = more === null ? '' : ` About ${more} items more would settle it.`
  return {
    ...base,
    verdict,
    low,
    high,
    itemsMore: more,
    reason: `at most ${text(margin)} worse is allowed${ofWhich(seen, margin)}, and it is between ${signed(low)} and ${signed(high)}, higher being better.${advice}`,
  }
}

/**
 * A judge that errs sees true differences of rates smaller than they are, by sensitivity + specificity − 1: here its lower
 * end, as long as it errs alike with candidate and baseline. A failure needs no correction, as the true difference is larger.
 */
function shareSeen(calibration: JudgeEvidence['calibration']): number {
  if (calibration === null || !calibration.isRate) return 1
  const { sensitivity, specificity } = calibration
  return Math.max(LEAST_SEEN, (sensitivity?.low ?? 0) + (specificity?.low ?? 0) - 1)
}

function ofWhich(seen: number, margin: number): string {
  return seen === margin ? '' : ` (seen by this judge as ${text(seen)})`
}

/** Turned so that higher is better. Unknown scores stand where they hurt the candidate most, or where they help it most. */
function compareAt(
  scorer: RunScorer,
  pairs: readonly Pair[],
  side: 'worst' | 'best',
  { margin, alpha }: { margin: number; alpha: number },
): NonInferiority {
  const isShare = scorer.values !== 'unbounded'
  const used = isShare
    ? pairs
    : pairs.filter(({ baseline, candidate }) => baseline.mean !== null && candidate.mean !== null)
  const turned = (mean: number | null) => {
    if (mean === null || scorer.better === 'higher') return mean
    return isShare ? 1 - mean : -mean
  }
  const baseline = used.map((pair) => turned(pair.baseline.mean))
  const candidate = used.map((pair) => turned(pair.candidate.mean))
  const fill = (values: readonly (number | null)[], unknown: 0 | 1) =>
    isShare ? withUnknownAs(unknown, values) : values.map((value) => value ?? 0)
  return compareWithMargin(
    fill(baseline, side === 'worst' ? 1 : 0),
    fill(candidate, side === 'worst' ? 0 : 1),
    {
      scale: scorer.values,
      groups: used.map((pair) => groupOf(pair.candidate)),
      margin,
      alpha,
      random: namedRandom(scorer.name),
    },
  )
}

function text(value: number): string {
  return Number(value.toPrecision(4)).toString()
}

function signed(value: number | null): string {
  if (value === null) return '?'
  return value > 0 ? `+${text(value)}` : text(value)
}
