/** The mean of a sample, its standard error over groups, and the t interval and test that rest on it. Pure. */

import { studentCdf, studentQuantile } from './distributions.ts'
import { type Groups, sumsOf } from './groups.ts'
import { requireFinite, requireProbability } from './inputs.ts'

export type Mean = {
  mean: number
  /** Standard error of the mean; infinite with one group, as one says nothing about how much they differ. */
  se: number
  items: number
  groups: number
}

/**
 * One value for each item: the mean of its repeats. Repeats of one item are never items of their own (Miller, "Adding Error
 * Bars to Evals", arXiv 2411.00640, section 3.1). Throws RangeError for an item without repeats or a value that is not finite.
 */
export function averageRepeats(repeats: readonly (readonly number[])[]): number[] {
  return repeats.map((values, at) => {
    if (values.length === 0) throw new RangeError(`repeats[${at}] is empty.`)
    requireFinite(`repeats[${at}]`, values)
    return values.reduce((sum, value) => sum + value, 0) / values.length
  })
}

/**
 * Mean and standard error of values that are alike within groups: √(C/(C−1) · Σ_c (Σ_{i∈c} (s_i − s̄))²) / n over C groups
 * (Miller, arXiv 2411.00640, section 2.2 and appendix A, with the usual correction for few groups, Cameron and Miller 2015,
 * https://doi.org/10.3368/jhr.50.2.317). Where each value is a group of its own this is √(Σ(s_i − s̄)² / (n(n−1))). Null
 * without values; throws RangeError for values that are not finite.
 */
export function meanOf(values: readonly number[], groups?: Groups): Mean | null {
  if (values.length === 0) return null
  requireFinite('values', values)
  const { sums, counts } = sumsOf(values, groups)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = sums.reduce((total, sum, at) => total + (sum - (counts[at] ?? 0) * mean) ** 2, 0)
  const size = sums.length
  const se = size === 1 ? Number.POSITIVE_INFINITY : Math.sqrt((squares * size) / (size - 1)) / values.length
  return { mean, se, items: values.length, groups: size }
}

/**
 * Mean ± t · se with C−1 degrees of freedom. Exact for normal values in equal groups; too narrow where values are skewed and
 * groups are few (judgements that are mostly 1: 85 % at 10 groups, 92 % at 40), which is why `estimate.ts` takes it only for
 * many. The whole line with one group.
 */
export function studentInterval(
  { mean, se, groups }: Mean,
  confidence: number,
): { low: number; high: number } {
  requireProbability('confidence', confidence)
  if (groups < 2) return { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
  const reach = studentQuantile((1 + confidence) / 2, groups - 1) * se
  return { low: mean - reach, high: mean + reach }
}

/** Two-sided p of Student's t test that the mean is 0, over groups with C−1 degrees of freedom. 1 with one group. */
export function studentP({ mean, se, groups }: Mean): number {
  if (groups < 2 || mean === 0) return 1
  return se === 0 ? 0 : 2 * studentCdf(-Math.abs(mean / se), groups - 1)
}
