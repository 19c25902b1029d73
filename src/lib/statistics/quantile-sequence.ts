/** Bounds of a quantile that hold at every look at once, whatever the distribution: two of the values seen. Pure. */

import { logEvidenceAbove, logEvidenceBelow } from './bernoulli-evidence.ts'
import { type Ends, NO_BOUNDS } from './ends.ts'
import { requireProbability, requireWhole } from './inputs.ts'

/** Values in ascending order, each once, with how often it was seen. As short as what was rounded is coarse. */
export type Tally = readonly { value: number; count: number }[]

/** More different values than this are refused: round them first, both sides alike. */
const MOST_VALUES = 20_000

/**
 * Lower and upper bound of the `share` quantile Q = inf{x : F(x) ≥ share}, each of which ever fails with the chance α at most. A
 * side without a bound yet is infinite. Quantiles of rounded values are rounded quantiles, so a tally of rounded values bounds
 * the rounded quantile exactly as well. Throws RangeError for values out of order or not finite, and counts that are none.
 */
export function quantileBounds(tally: Tally, share: number, alpha: number): Ends {
  const total = requireTally(tally)
  const ranks = quantileRanks(total, share, alpha)
  return {
    low: ranks.low === 0 ? NO_BOUNDS.low : (valueAtRank(tally, ranks.low) ?? NO_BOUNDS.low),
    high: valueAtRank(tally, ranks.high) ?? NO_BOUNDS.high,
  }
}

/**
 * Ranks, counted from 1, of the values that bound the quantile among `total`: 0 and total + 1 mean that there is none yet.
 *
 * How many values are at most Q is a sum of yes and no with a rate of at least `share`; how many are below Q, one of at most
 * `share`. The low bound lies above Q only where fewer values than its rank are at most Q: so few that they rule out `share` by
 * `logEvidenceBelow`. The high one lies below Q only where so many are below Q that they rule it out by `logEvidenceAbove`. Both
 * ever happen with the chance α at most. The beta-binomial bounds for one quantile of Howard and Ramdas 2022
 * (https://doi.org/10.3150/21-BEJ1388), with this folder's one-sided mixture.
 */
export function quantileRanks(total: number, share: number, alpha: number): { low: number; high: number } {
  requireWhole('total', total, 0)
  requireProbability('share', share)
  requireProbability('alpha', alpha)
  const threshold = Math.log(1 / alpha)
  const counts = (successes: number) => ({ successes, failures: total - successes })
  const isTooFew = (seen: number) => logEvidenceBelow(counts(seen), share, sharpnessFor(share)) >= threshold
  const isTooMany = (seen: number) =>
    logEvidenceAbove(counts(seen), share, sharpnessFor(1 - share)) >= threshold
  const middle = Math.floor(total * share)
  return {
    low: leastWhere((seen) => !isTooFew(seen), 0, middle),
    high: leastWhere(isTooMany, middle, total + 1),
  }
}

/** At 1 alternatives lie anywhere; nearer to a share close to 1, where what is left to the end is all there is to tell apart. */
function sharpnessFor(share: number): number {
  return Math.max(1, share / (1 - share))
}

/** The least whole number for which it holds, where it holds for all above it; `to` where for none below. */
function leastWhere(holds: (value: number) => boolean, from: number, to: number): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** The value of this rank, counted from 1; undefined beyond the last. */
export function valueAtRank(tally: Tally, rank: number): number | undefined {
  let seen = 0
  return tally.find(({ count }) => {
    seen += count
    return seen >= rank
  })?.value
}

/** How many values there are. */
export function sizeOf(tally: Tally): number {
  return tally.reduce((sum, { count }) => sum + count, 0)
}

function requireTally(tally: Tally): number {
  if (tally.length > MOST_VALUES) {
    throw new RangeError(`A tally of ${tally.length} values is more than ${MOST_VALUES}: round them first.`)
  }
  let [total, before] = [0, Number.NEGATIVE_INFINITY]
  for (const [at, { value, count }] of tally.entries()) {
    requireWhole(`counts[${at}]`, count, 1)
    if (!(value > before && value < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`values[${at}] is ${value}, which is no number above ${before}.`)
    }
    total += count
    before = value
  }
  return total
}
