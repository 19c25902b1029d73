/** Ends of intervals: cut to a scale, and what they are where all values are the same. Pure. */

import type { Mean } from './mean.ts'

export type Ends = { low: number; high: number }

export const NO_BOUNDS: Ends = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }

export function cutTo(bounds: Ends, ends: Ends): Ends {
  return { low: Math.max(bounds.low, ends.low), high: Math.min(bounds.high, ends.high) }
}

/** At each end the farther of the two. */
export function widerOf(one: Ends, two: Ends): Ends {
  return { low: Math.min(one.low, two.low), high: Math.max(one.high, two.high) }
}

/** Differences below this share of the values are rounding. */
export const ROUNDING = 1e-12

export function areAlike(values: readonly number[]): boolean {
  const [least, most] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  )
  return most - least <= ROUNDING * Math.max(Math.abs(least), Math.abs(most))
}

/**
 * Where every value is the same, the share of groups that are otherwise is, with the chance 1 − (1 − confidence)/2, at most
 * u = 1 − ((1 − confidence)/2)^(1/groups) (Clopper and Pearson with none seen), and at worst each lies at the end of the scale.
 * A scale without ends gives no such bound: there the interval is the value itself.
 */
export function allAlikeEnds({ mean, groups }: Mean, bounds: Ends, confidence: number): Ends {
  const unseen = 1 - ((1 - confidence) / 2) ** (1 / groups)
  if (bounds.low === Number.NEGATIVE_INFINITY) return { low: mean, high: mean }
  return { low: mean - unseen * (mean - bounds.low), high: mean + unseen * (bounds.high - mean) }
}
