/** Whether scores moved because the judge judges otherwise, because answers are others, or both. Pure. */

import { studentQuantile } from '../../lib/statistics/distributions.ts'
import { type Mean, meanOf } from '../../lib/statistics/mean.ts'

export type JudgeVerdict = 'judge_drift' | 'model_drift' | 'both' | 'neither' | 'unknown'

/** Now less then: the mean difference, its standard error and an interval that holds 99.9 % of the time; what it rests on. */
export type Shift = { mean: number; se: number; low: number; high: number; count: number }

/** Less is too few for an interval of a skewed difference. */
export const LEAST_SENTINELS = 30
/** Of live scores, then and now each. */
const LEAST_LIVE = 50
/** One interval in a thousand is wrong by chance, for answers that are independent: with two a day for each judge, once in some sixteen months. */
const CONFIDENCE = 0.999
/** A shift that is surely there and smaller moves no decision. */
const SHIFT_BAR = 0.05
/** Two values of a judge that differ by less are the same judgement. */
const SAME = 0.1

/**
 * The judge's shift on the answers that it judged before: by pairs, one for each answer (Student 1908). Null for fewer than thirty.
 * `agreement` is the share of pairs that differ by less than a tenth.
 */
export function judgeShift(pairs: readonly { before: number; after: number }[]): {
  shift: Shift | null
  agreement: number | null
} {
  const differences = pairs.map(({ before, after }) => after - before)
  const same = differences.filter((difference) => Math.abs(difference) < SAME).length
  const agreement = pairs.length === 0 ? null : same / pairs.length
  const mean = differences.length < LEAST_SENTINELS ? null : meanOf(differences)
  return { agreement, shift: mean === null ? null : shiftOf(mean.mean, mean.se, mean.items - 1, mean.items) }
}

/** Of two samples of other answers (Welch 1947). Null when either is smaller than fifty. */
export function liveShift(earlier: readonly number[], recent: readonly number[]): Shift | null {
  if (Math.min(earlier.length, recent.length) < LEAST_LIVE) return null
  const [before, after] = [meanOf(earlier), meanOf(recent)]
  if (before === null || after === null) return null
  const squares = before.se ** 2 + after.se ** 2
  const degrees =
    squares === 0 ? before.items + after.items - 2 : squares ** 2 / (share(before) + share(after))
  return shiftOf(after.mean - before.mean, Math.sqrt(squares), Math.floor(degrees), recent.length)
}

function share({ se, items }: Mean): number {
  return se ** 4 / (items - 1)
}

/**
 * Live scores move by the judge's shift and by what answers have become: the second is what is left when the first, known from
 * answers that cannot have changed, is taken off. Without the first nothing is told apart.
 */
export function tellApart({ judge, live }: { judge: Shift | null; live: Shift | null }): {
  verdict: JudgeVerdict
  reason: string
} {
  if (judge === null) {
    return { verdict: 'unknown', reason: `Fewer than ${LEAST_SENTINELS} sentinels could be judged again.` }
  }
  const moved = isMoved(judge)
  const judgeText = `The judge gives the same answers ${signed(judge.mean)} (${signed(judge.low)} to ${signed(judge.high)})`
  if (live === null) {
    const reason = `${judgeText}; live scores are too few to compare.`
    return { verdict: moved ? 'judge_drift' : 'unknown', reason }
  }
  const se = Math.sqrt(live.se ** 2 + judge.se ** 2)
  const answers = shiftOf(live.mean - judge.mean, se, Math.min(live.count, judge.count) - 1, live.count)
  const reason = `${judgeText}; live scores moved by ${signed(live.mean)}, so answers by ${signed(answers.mean)} (${signed(answers.low)} to ${signed(answers.high)}).`
  const changed = isMoved(answers)
  if (moved) return { verdict: changed ? 'both' : 'judge_drift', reason }
  return { verdict: changed ? 'model_drift' : 'neither', reason }
}

function isMoved({ mean, low, high }: Shift): boolean {
  return Math.abs(mean) >= SHIFT_BAR && (low > 0 || high < 0)
}

function shiftOf(mean: number, se: number, degreesOfFreedom: number, count: number): Shift {
  const reach = studentQuantile((1 + CONFIDENCE) / 2, Math.max(1, degreesOfFreedom)) * se
  return { mean, se, low: mean - reach, high: mean + reach, count }
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
}
