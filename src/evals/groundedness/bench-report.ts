/** What a groundedness scorer is worth on labelled sets, beside the floors in the same draws. Pure and seeded. */

import { seededRandom } from '../../lib/random.ts'
import { auroc, balancedAccuracy, bestThreshold } from '../../lib/statistics/auroc.ts'
import { expectedCalibrationError } from '../../lib/statistics/calibration.ts'
import { endsOf } from '../../lib/statistics/draws.ts'
import type { Ends } from '../../lib/statistics/ends.ts'
import { drawAurocs } from './auroc-interval.ts'
import { FLOORS, type Floors } from './floors.ts'
import { kindOf } from './sets.ts'

export type ScoredAnswer = {
  isSupported: boolean
  group: string
  /** For ranking; any finite number. */
  score: number
  /** Of the same scorer, calibrated. */
  probability: number
  floors: Floors
}

export type ScoredSet = {
  set: string
  answers: readonly ScoredAnswer[]
  /** Of all rows of the set, with those it had nothing to judge in. */
  rows: number
  msPerItem: number
}

type ScorerFigures = {
  scorer: string
  auroc: number | null
  interval: Ends | null
  /** The scorer judged minus this floor, in the same draws; null for the scorer itself. */
  difference: { mean: number; interval: Ends } | null
  /** At 0.5 for the scorer; for a floor at the threshold that is best on all other sets, null without another. */
  balancedAccuracy: number | null
  /** Null for a floor: it is no probability. */
  calibrationError: number | null
}

export type SetFigures = {
  /** A set, or `kind (n sets)` for the mean over the sets of a kind. */
  set: string
  rows: number
  scored: number
  unsupported: number
  groups: number
  msPerItem: number
  /** The scorer first, then the floors. */
  figures: ScorerFigures[]
  /** The floor with the highest AUROC here: chosen on the set itself, which flatters it. */
  bestFloor: string | null
}

const SCORER = 'grounded'
const SEED = 1

/** Figures of every set, and of every kind with several sets, in the order of the sets. */
export function reportSets(sets: readonly ScoredSet[], resamples?: number): SetFigures[] {
  const measured = sets.map((set) => measureSet(set, sets, resamples))
  const kinds = [...new Set(sets.map(({ set }) => kindOf(set)))]
  return kinds.flatMap((kind) => {
    const own = measured.filter(({ figures }) => kindOf(figures.set) === kind)
    return [...own.map(({ figures }) => figures), ...(own.length > 1 ? [meanOfKind(kind, own)] : [])]
  })
}

type MeasuredSet = { figures: SetFigures; draws: readonly Float64Array[] }

function measureSet(own: ScoredSet, sets: readonly ScoredSet[], resamples: number | undefined): MeasuredSet {
  const { answers } = own
  const labels = answers.map(({ isSupported }) => isSupported)
  const groups = answers.map(({ group }) => group)
  const columns = [
    answers.map(({ score }) => score),
    ...FLOORS.map((name) => answers.map(({ floors }) => floors[name])),
  ]
  // Of the same seed for every set, so that no figure depends on which other sets lie in the folder.
  const draws = drawAurocs(columns, labels, groups, {
    random: seededRandom(SEED),
    ...(resamples === undefined ? {} : { resamples }),
  })
  const aurocs = columns.map((column) => auroc(column, labels))
  const others = sets.filter((set) => set !== own).flatMap((set) => set.answers)
  const probabilities = answers.map(({ probability }) => probability)
  const accuracies = [
    balancedAccuracy(probabilities, labels, 0.5),
    ...FLOORS.map((name) => accuracyOfFloor(name, answers, others)),
  ]
  return {
    draws,
    figures: {
      set: own.set,
      rows: own.rows,
      scored: answers.length,
      unsupported: labels.filter((label) => !label).length,
      groups: new Set(groups).size,
      msPerItem: own.msPerItem,
      ...rowsOf(aurocs, draws, accuracies, expectedCalibrationError(probabilities, labels)),
    },
  }
}

function accuracyOfFloor(
  name: keyof Floors,
  answers: readonly ScoredAnswer[],
  others: readonly ScoredAnswer[],
): number | null {
  const valuesOf = (from: readonly ScoredAnswer[]) => from.map(({ floors }) => floors[name])
  const labelsOf = (from: readonly ScoredAnswer[]) => from.map(({ isSupported }) => isSupported)
  const best = bestThreshold(valuesOf(others), labelsOf(others))
  return best === null ? null : balancedAccuracy(valuesOf(answers), labelsOf(answers), best.threshold)
}

/** Macro-averages: each set counts the same, and is drawn from by itself. */
function meanOfKind(kind: string, sets: readonly MeasuredSet[]): SetFigures {
  const each = sets.map(({ figures }) => figures)
  const sum = (read: (figures: SetFigures) => number) => each.reduce((total, one) => total + read(one), 0)
  const meanOf = (read: (figures: ScorerFigures) => number | null, at: number) =>
    meanOrNull(each.map(({ figures }) => (figures[at] === undefined ? null : read(figures[at]))))
  const places = [...(each[0]?.figures.keys() ?? [])]
  const draws = places.map((at) => meanDraws(sets.map((set) => set.draws[at] ?? new Float64Array(0))))
  const scored = sum((one) => one.scored)
  return {
    set: `${kind} (${sets.length} sets)`,
    rows: sum((one) => one.rows),
    scored,
    unsupported: sum((one) => one.unsupported),
    groups: sum((one) => one.groups),
    msPerItem: sum((one) => one.msPerItem * one.scored) / scored,
    ...rowsOf(
      places.map((at) => meanOf((one) => one.auroc, at)),
      draws,
      places.map((at) => meanOf((one) => one.balancedAccuracy, at)),
      meanOf((one) => one.calibrationError, 0),
    ),
  }
}

function rowsOf(
  aurocs: readonly (number | null)[],
  draws: readonly Float64Array[],
  accuracies: readonly (number | null)[],
  calibrationError: number | null,
): Pick<SetFigures, 'figures' | 'bestFloor'> {
  const own = aurocs[0] ?? null
  const figures = [SCORER, ...FLOORS].map((scorer, at): ScorerFigures => {
    const value = aurocs[at] ?? null
    const paired =
      draws[0]?.map((drawn, draw) => drawn - (draws[at]?.[draw] ?? Number.NaN)) ?? new Float64Array(0)
    const interval = endsOf(paired)
    const isComparable = at > 0 && own !== null && value !== null && interval !== null
    return {
      scorer,
      auroc: value,
      interval: endsOf(draws[at] ?? []),
      difference: isComparable ? { mean: own - value, interval } : null,
      balancedAccuracy: accuracies[at] ?? null,
      calibrationError: at === 0 ? calibrationError : null,
    }
  })
  const best = figures
    .slice(1)
    .filter((one) => one.auroc !== null)
    .toSorted((a, b) => (b.auroc ?? 0) - (a.auroc ?? 0))
  return { figures, bestFloor: best[0]?.scorer ?? null }
}

function meanDraws(each: readonly Float64Array[]): Float64Array {
  return Float64Array.from(
    each[0] ?? [],
    (_, draw) => each.reduce((sum, draws) => sum + (draws[draw] ?? Number.NaN), 0) / each.length,
  )
}

function meanOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length < values.length || known.length === 0
    ? null
    : known.reduce((sum, value) => sum + value, 0) / known.length
}
