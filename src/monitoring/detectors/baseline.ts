/** What is usual for a series: a slow mean and variance, and how far a value is from them. Pure but for the state given. */

/** `variance` is about the mean, in the unit of the values squared. */
export type Baseline = { points: number; mean: number; variance: number }

/** Points that count for about as much as all older ones: one week of five-minute points. */
export const MEMORY_POINTS = 2016
/**
 * A standard deviation is at least this share of the mean's size, so that the last digit of a constant is no event, and a distance is
 * at most so many standard deviations, so that the first change of a constant zero is a number.
 */
const LEAST_SHARE = 0.001
const MAX_DEVIATIONS = 100

export function newBaseline(): Baseline {
  return { points: 0, mean: 0, variance: 0 }
}

/** Standard deviations between the value and the mean, −100…100; 0 before the first point. */
export function deviationOf({ points, mean, variance }: Baseline, value: number): number {
  if (points === 0 || value === mean) return 0
  const scale = Math.max(Math.sqrt(variance), LEAST_SHARE * Math.abs(mean))
  if (scale === 0) return Math.sign(value - mean) * MAX_DEVIATIONS
  return Math.max(-MAX_DEVIATIONS, Math.min(MAX_DEVIATIONS, (value - mean) / scale))
}

/**
 * Changes `baseline`: plain mean and variance over the first `MEMORY_POINTS`, exponentially weighted ones from then on. Source: Finch,
 * "Incremental calculation of weighted mean and variance" (2009), section 9.
 */
export function learnBaseline(baseline: Baseline, value: number): void {
  baseline.points += 1
  const weight = 1 / Math.min(baseline.points, MEMORY_POINTS)
  const distance = value - baseline.mean
  baseline.mean += weight * distance
  baseline.variance = (1 - weight) * (baseline.variance + weight * distance * distance)
}
