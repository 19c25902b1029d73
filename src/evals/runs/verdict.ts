/** What a run's figures are worth and whether they are good enough: one object, from which every report and exit code is made. Pure. */

import { namedRandom } from '../../lib/random.ts'
import { CONFIDENCE } from '../../lib/statistics/bootstrap.ts'
import { type Difference, estimateDifference } from '../../lib/statistics/difference.ts'
import { type Estimate, estimateMean } from '../../lib/statistics/estimate.ts'
import { holm } from '../../lib/statistics/multiple.ts'
import { type Flips, flipsOf } from '../robustness/flips.ts'
import { type Interval, type JudgeCalibration, type JudgeEvidence, mayDecide } from './calibration.ts'
import { type Corrected, correctMean } from './correct.ts'
import type { TakenOver } from './count-results.ts'
import { type Gate, type GateVerdict, gatesOf } from './gates.ts'
import { groupOf, judgedOf, type Pair, pairsOf } from './item-pairs.ts'
import { type Reliability, reliabilityOf } from './reliability.ts'
import type { ItemScores } from './result-rows.ts'
import { judgeAlike, type RunContent, type RunScorer } from './run-content.ts'

/** A run as a verdict needs it: what was fixed, and each scorer's judgements of each item, in the order of the items. */
export type Measured = {
  id: string
  subject: string
  content: RunContent
  /** By the scorer's name. */
  scores: ReadonlyMap<string, readonly ItemScores[]>
  /** From earlier runs; left out where all is the run's own. */
  takenOver?: TakenOver
}

export type Coverage = { scored: number; abstained: number; errors: number; expected: number }
export type Compared = {
  baseline: Estimate | null
  /** Candidate − baseline over the items that both have. */
  difference: Difference | null
  /** Of no difference, adjusted over all scorers of the suite (Holm). */
  adjustedP: number | null
  /** Said of the difference alone: the gates decide. */
  reads: 'better' | 'worse' | 'no difference seen'
}
export type ScorerVerdict = {
  scorer: string
  kind: string
  version: number
  values: RunScorer['values']
  better: RunScorer['better']
  /** False for a judge that people have not qualified: its gates decide nothing, and what it left unjudged holds nothing up. */
  decides: boolean
  coverage: Coverage
  /** False where less was judged than the suite demands. */
  covered: boolean
  estimate: Estimate | null
  /** Null for a run without repeats, and for a scorer that passes nothing. */
  reliability: Reliability | null
  /** What people have shown of a judge; null for one that is not calibrated, and for what is no judge. */
  calibration: CalibrationSummary | null
  /** The mean that people would have given, as far as its calibration tells. */
  corrected: Corrected | null
  compared: Compared | null
  gates: Gate[]
  /** Of a dataset with perturbed items; left out without any. */
  flips?: Flips[]
}
/** The calibration that a verdict used, by its id, with what it rests on. */
export type CalibrationSummary = {
  id: string
  qualifies: boolean
  misses: readonly string[]
  truths: number
  kappa: Interval | null
  sensitivity: Interval | null
  specificity: Interval | null
}
export type Verdict = {
  /** `measured`: nothing was demanded. */
  verdict: GateVerdict | 'measured'
  /** Less was judged than the suite demands, whatever the figures say. */
  uncovered: boolean
  /** Sentences. */
  reasons: string[]
  run: { id: string; subject: string }
  baseline: { id: string; subject: string; sharedItems: number; takenOver?: TakenOver } | null
  /** Of the candidate: what stands in its figures and was asked by earlier runs; left out where all is its own. */
  takenOver?: TakenOver
  items: number
  repeats: number
  scorers: ScorerVerdict[]
}

/** Of judges that nobody has calibrated. */
const NO_EVIDENCE: JudgeEvidence = { calibration: null, rated: [] }

/**
 * `evidence` is what is known of the judges, by their names: it decides whether they may. Throws RangeError for scores that
 * are not on their scorer's scale, which no stored score is.
 */
export function verdictOf(
  candidate: Measured,
  baseline: Measured | null,
  evidence: ReadonlyMap<string, JudgeEvidence> = new Map(),
): Verdict {
  const { content } = candidate
  const rows = content.scorers.map((scorer) =>
    judge(scorer, candidate, baseline, evidence.get(scorer.name) ?? NO_EVIDENCE),
  )
  adjust(rows)
  const gates = rows.flatMap((row) => row.gates)
  const thin = rows.filter(({ covered }) => !covered)
  const uncovered = thin.some(({ decides }) => decides)
  const items = candidate.scores.get(content.scorers[0]?.name ?? '')?.length ?? 0
  return {
    verdict: overall(gates, uncovered),
    uncovered,
    reasons: [
      ...thin.map(({ scorer, coverage }) => thinReason(scorer, coverage, content.coverage)),
      ...(baseline === null ? [] : otherRules(candidate, baseline)),
      ...rows.flatMap(({ scorer, gates: own }) =>
        own.filter(({ verdict }) => verdict !== 'pass').map(({ reason }) => `${scorer}: ${reason}`),
      ),
    ],
    run: { id: candidate.id, subject: candidate.subject },
    baseline:
      baseline === null
        ? null
        : {
            id: baseline.id,
            subject: baseline.subject,
            sharedItems: shared(candidate, baseline),
            ...takenOverOf(baseline),
          },
    ...takenOverOf(candidate),
    items,
    repeats: content.repeats,
    scorers: rows,
  }
}

function takenOverOf({ takenOver }: Measured): Pick<Measured, 'takenOver'> {
  return takenOver === undefined ? {} : { takenOver }
}

/** All gates must pass; each at the same α keeps the whole at α (Berger 1982, https://doi.org/10.1080/00401706.1982.10487790). */
function overall(gates: readonly Gate[], isThin: boolean): Verdict['verdict'] {
  if (gates.some(({ verdict }) => verdict === 'fail')) return 'fail'
  if (isThin || gates.some(({ verdict }) => verdict === 'inconclusive')) return 'inconclusive'
  return gates.length === 0 ? 'measured' : 'pass'
}

/**
 * What decides has to have judged. A scorer that is only looked at may abstain as often as its rules say; what failed, or was
 * never judged, it lacks all the same.
 */
function isCovered(
  { scored, abstained, expected }: Coverage,
  gates: readonly Gate[],
  wanted: number,
): boolean {
  return (gates.length > 0 ? scored : scored + abstained) >= wanted * expected
}

function judge(
  scorer: RunScorer,
  candidate: Measured,
  baseline: Measured | null,
  evidence: JudgeEvidence,
): ScorerVerdict {
  const { content } = candidate
  const own = candidate.scores.get(scorer.name) ?? []
  const other = baseline === null ? null : scoresLike(scorer, baseline)
  const pairs = other === null ? null : pairsOf(other, own)
  const coverage = coverageOf(own, content.repeats)
  const flips = flipsIn(scorer, own)
  const gates = gatesOf(scorer, { own, pairs, alpha: content.alpha, coverage: content.coverage, evidence })
  return {
    scorer: scorer.name,
    kind: scorer.kind,
    version: scorer.version,
    values: scorer.values,
    better: scorer.better,
    decides: mayDecide(scorer, evidence.calibration),
    coverage,
    covered: isCovered(coverage, gates, content.coverage),
    estimate: estimateOf(scorer, own),
    reliability: reliabilityOf(scorer, own, content.repeats),
    calibration: evidence.calibration === null ? null : summaryOf(evidence.calibration),
    corrected: correctMean(own, evidence, CONFIDENCE),
    compared: other === null || pairs === null ? null : compare(scorer, other, pairs),
    gates,
    ...(flips.length > 0 && { flips }),
  }
}

function summaryOf({ id, misses, truths, ...figures }: JudgeCalibration): CalibrationSummary {
  const interval = (of: Interval | null) => of && { estimate: of.estimate, low: of.low, high: of.high }
  return {
    id,
    qualifies: misses.length === 0,
    misses,
    truths,
    kappa: interval(figures.kappa),
    sensitivity: interval(figures.sensitivity),
    specificity: interval(figures.specificity),
  }
}

/** Null when the run has no scorer of that name, or one that judges by other rules: its figures mean something else. */
function scoresLike(scorer: RunScorer, { content, scores }: Measured): readonly ItemScores[] | null {
  const same = content.scorers.find(({ name }) => name === scorer.name)
  if (same === undefined || !judgeAlike(scorer, same)) return null
  return scores.get(scorer.name) ?? null
}

function otherRules(candidate: Measured, baseline: Measured): string[] {
  return candidate.content.scorers
    .filter(({ name }) => baseline.content.scorers.some((other) => other.name === name))
    .filter((scorer) => scoresLike(scorer, baseline) === null)
    .map(
      ({ name }) =>
        `${name}: not compared, as the baseline was judged by other rules (another version or settings).`,
    )
}

function flipsIn({ name, values }: RunScorer, items: readonly ItemScores[]): Flips[] {
  return flipsOf({ scorer: name, scale: values }, items.map(judgedOf), namedRandom)
}

/** Items that both have: every scorer of a run has looked at all of them. */
function shared(candidate: Measured, baseline: Measured): number {
  const [own] = candidate.scores.values()
  const [other] = baseline.scores.values()
  return pairsOf(other ?? [], own ?? []).length
}

function compare(scorer: RunScorer, all: readonly ItemScores[], pairs: readonly Pair[]): Compared {
  const known = pairs.flatMap(({ baseline, candidate }) =>
    baseline.mean === null || candidate.mean === null
      ? []
      : [{ baseline: baseline.mean, candidate: candidate.mean, group: groupOf(candidate) }],
  )
  const difference = estimateDifference(
    known.map((pair) => pair.baseline),
    known.map((pair) => pair.candidate),
    { scale: scorer.values, groups: known.map((pair) => pair.group), random: namedRandom(scorer.name) },
  )
  return { baseline: estimateOf(scorer, all), difference, adjustedP: null, reads: 'no difference seen' }
}

/** Over all scorers of the suite at once: with twenty of them, one differs by chance. */
function adjust(rows: readonly ScorerVerdict[]): void {
  const compared = rows.filter(({ compared }) => compared?.difference != null)
  const adjusted = holm(compared.map(({ compared: one }) => one?.difference?.p ?? 1))
  for (const [at, { compared: one, better }] of compared.entries()) {
    if (one === null || one.difference === null) continue
    one.adjustedP = adjusted[at] ?? null
    if ((one.adjustedP ?? 1) >= 0.05) continue
    one.reads = one.difference.estimate > 0 === (better === 'higher') ? 'better' : 'worse'
  }
}

function estimateOf({ name, values: scale }: RunScorer, items: readonly ItemScores[]): Estimate | null {
  const known = items.filter((item): item is ItemScores & { mean: number } => item.mean !== null)
  return estimateMean(
    known.map(({ mean }) => mean),
    { scale, groups: known.map(groupOf), random: namedRandom(name) },
  )
}

function coverageOf(items: readonly ItemScores[], repeats: number): Coverage {
  const sum = (read: (item: ItemScores) => number) => items.reduce((total, item) => total + read(item), 0)
  return {
    scored: sum(({ scored }) => scored),
    abstained: sum(({ abstained }) => abstained),
    errors: sum(({ errors }) => errors),
    expected: items.length * repeats,
  }
}

function thinReason(
  scorer: string,
  { scored, abstained, errors, expected }: Coverage,
  wanted: number,
): string {
  const missing = expected - scored - abstained - errors
  const parts = [
    `${abstained} abstained`,
    `${errors} errors`,
    ...(missing > 0 ? [`${missing} not judged`] : []),
  ]
  return `${scorer}: ${scored} of ${expected} judged, and the suite demands ${Math.round(wanted * 1000) / 10} % (${parts.join(', ')}).`
}
