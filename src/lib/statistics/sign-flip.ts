/** The sign-flip permutation test: could it as well have been the other way round? Pure and seeded. */

import { type Interval, intervalOfMean, RESAMPLES, type Settings } from './bootstrap.ts'
import { sumsOf } from './groups.ts'
import { requirePairs } from './inputs.ts'
import type { Random } from './resample.ts'

export type PairedInterval = Interval & {
  /** Two-sided; the chance of a difference at least as large if which run is which meant nothing. */
  p: number
}

/**
 * How much higher the second run is than the first over the same queries, in the same order: mean of the differences, the
 * interval of `intervalOfMean`, and the p of `signFlipP` over groups (for retrieval: Smucker, Allan and Carterette, "A
 * Comparison of Statistical Significance Tests for Information Retrieval Evaluation", CIKM 2007,
 * https://doi.org/10.1145/1321440.1321528). Null without values. Throws RangeError for runs of different lengths.
 */
export function comparePaired(
  baseline: readonly number[],
  other: readonly number[],
  settings: Settings,
): PairedInterval | null {
  requirePairs(baseline, other)
  const differences = other.map((value, at) => value - (baseline[at] ?? 0))
  const interval = intervalOfMean(differences, settings)
  if (interval === null) return null
  return { ...interval, p: signFlipP(sumsOf(differences, settings.groups).sums, settings) }
}

/**
 * Two-sided p of differences (or of each group's sum of them) under the null hypothesis that each might as well have the
 * other sign (Fisher, "The Design of Experiments", 1935). Every combination of signs is tried when there are no more of them
 * than resamples; otherwise signs are drawn, and p = (1 + those at least as far from 0) / (1 + drawn), which is never 0
 * (Phipson and Smyth 2010, https://doi.org/10.2202/1544-6115.1585). 1 without differences. Exact where differences are
 * symmetric about 0 under the null hypothesis; with fewer than six that are not 0 it cannot go below 0.05.
 */
export function signFlipP(
  differences: ArrayLike<number>,
  { random, resamples = RESAMPLES }: { random: Random; resamples?: number },
): number {
  // A difference of 0 has no sign to flip.
  const sums = Float64Array.from(differences).filter((sum) => sum !== 0)
  const size = sums.length
  // Sums of the same numbers in another order differ in their last bits, and must count as equal.
  const tolerance = 1e-9 * sums.reduce((largest, sum) => Math.max(largest, Math.abs(sum)), 0)
  const least = Math.abs(sums.reduce((total, sum) => total + sum, 0)) - tolerance
  const combinations = 2 ** size
  const isExact = combinations <= resamples
  const tried = isExact ? combinations : resamples
  let asFar = 0
  for (let draw = 0; draw < tried; draw += 1) {
    let total = 0
    for (let at = 0; at < size; at += 1) {
      const isFlipped = isExact ? ((draw >>> at) & 1) === 1 : random() < 0.5
      total += isFlipped ? -(sums[at] ?? 0) : (sums[at] ?? 0)
    }
    if (Math.abs(total) >= least) asFar += 1
  }
  return isExact ? asFar / tried : (1 + asFar) / (1 + tried)
}
