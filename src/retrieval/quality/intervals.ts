/** What a mean over queries is worth: its interval, and whether two runs over the same queries differ. Pure and seeded. */

import { quantile } from '../../lib/quantile.ts'

/** A number in [0, 1) at each call; `seededRandom` gives the same ones for the same seed. */
type Random = () => number

/** So many that the ends of an interval move by less than a tenth of its width from seed to seed. */
export const RESAMPLES = 10_000
export const CONFIDENCE = 0.95

export type Settings = {
  random: Random
  /**
   * For each value the group that it belongs to, such as the document that several questions were written about. Groups
   * are drawn, not values: questions of one document are easy or hard together, and an interval that takes them for
   * independent is too narrow. Left out, each value is a group of its own.
   */
  groups?: readonly string[] | undefined
  resamples?: number
}

export type Interval = {
  mean: number
  low: number
  high: number
  /** Values, and groups that were drawn. */
  count: number
  groups: number
}

export type Difference = Interval & {
  /** Two-sided; the chance of a difference at least as large if which run is which meant nothing. */
  p: number
}

/**
 * Mean of the values with the 95 % percentile interval of a bootstrap: groups are drawn with replacement, as many as there
 * are, and the mean of all their values is taken, 10,000 times (Efron and Tibshirani, "An Introduction to the Bootstrap",
 * 1993, chapter 13; for retrieval: Sakai, "Evaluating Evaluation Metrics based on the Bootstrap", SIGIR 2006,
 * https://doi.org/10.1145/1148170.1148261; over groups: Davison and Hinkley 1997, section 3.8). Null without values. With
 * few groups the interval is narrower than it says: about 90 % at 10, 94 % at 50. Work: resamples × groups draws.
 */
export function intervalOfMean(values: readonly number[], settings: Settings): Interval | null {
  if (values.length === 0) return null
  const sums = sumsOf(values, settings.groups)
  const means = resampledMeans(sums, settings)
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    low: quantile(means, (1 - CONFIDENCE) / 2) ?? 0,
    high: quantile(means, (1 + CONFIDENCE) / 2) ?? 0,
    count: values.length,
    groups: sums.length,
  }
}

/**
 * How much higher the second run is than the first over the same queries, in the same order: mean of the differences, its
 * interval as above, and the p of a sign-flip permutation test: under the null hypothesis each group's differences might as
 * well have the other sign (Fisher 1935; for retrieval: Smucker, Allan and Carterette, "A Comparison of Statistical
 * Significance Tests for Information Retrieval Evaluation", CIKM 2007, https://doi.org/10.1145/1321440.1321528). Every
 * combination of signs is tried when there are no more of them than resamples; otherwise signs are drawn, and
 * p = (1 + those at least as far from 0) / (1 + drawn), which is never 0 (Phipson and Smyth 2010,
 * https://doi.org/10.2202/1544-6115.1585). Null without values. Throws RangeError for runs of different lengths.
 */
export function comparePaired(
  baseline: readonly number[],
  other: readonly number[],
  settings: Settings,
): Difference | null {
  if (baseline.length !== other.length) {
    throw new RangeError(`A run of ${baseline.length} values and one of ${other.length} have no pairs.`)
  }
  const differences = other.map((value, at) => value - (baseline[at] ?? 0))
  const interval = intervalOfMean(differences, settings)
  if (interval === null) return null
  const sums = sumsOf(differences, settings.groups).map(({ sum }) => sum)
  return { ...interval, p: signFlipP(sums, settings) }
}

type GroupSum = { sum: number; count: number }

function sumsOf(values: readonly number[], groups: readonly string[] | undefined): GroupSum[] {
  if (groups === undefined) return values.map((sum) => ({ sum, count: 1 }))
  if (groups.length !== values.length) {
    throw new RangeError(`${groups.length} groups for ${values.length} values.`)
  }
  const sums = new Map<string, GroupSum>()
  values.forEach((value, at) => {
    const group = groups[at] ?? ''
    const held = sums.get(group) ?? { sum: 0, count: 0 }
    held.sum += value
    held.count += 1
    sums.set(group, held)
  })
  return [...sums.values()]
}

function resampledMeans(sums: readonly GroupSum[], { random, resamples = RESAMPLES }: Settings): number[] {
  const size = sums.length
  const sumOf = Float64Array.from(sums, ({ sum }) => sum)
  const countOf = Float64Array.from(sums, ({ count }) => count)
  const means: number[] = []
  for (let draw = 0; draw < resamples; draw += 1) {
    let total = 0
    let count = 0
    for (let step = 0; step < size; step += 1) {
      const at = Math.floor(random() * size)
      total += sumOf[at] ?? 0
      count += countOf[at] ?? 0
    }
    means.push(total / count)
  }
  return means
}

function signFlipP(all: readonly number[], { random, resamples = RESAMPLES }: Settings): number {
  // A difference of 0 has no sign to flip.
  const sums = Float64Array.from(all.filter((sum) => sum !== 0))
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
