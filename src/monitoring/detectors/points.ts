/** One point of a series, and which points a detector does not take. Pure. */

/** `timeMs`: milliseconds since the Unix epoch. `value`: in the series' own unit. */
export type Point = { timeMs: number; value: number }

/**
 * Why a point is left out: its value or time is no finite number, its value is too large to be squared, or it is not later than the
 * newest one that was taken, as after a clock that went backwards or for a time that is told twice.
 */
export type Refusal = 'not_finite' | 'too_large' | 'not_later'

/** Its square, times any number of points, is still a finite double (at most 1.8e308). */
const MAX_VALUE = 1e150

/** Null for a point in order; `newestMs` is null before the first. */
export function refusalOf({ timeMs, value }: Point, newestMs: number | null): Refusal | null {
  if (!Number.isFinite(timeMs) || !Number.isFinite(value)) return 'not_finite'
  if (Math.abs(value) > MAX_VALUE) return 'too_large'
  return newestMs !== null && timeMs <= newestMs ? 'not_later' : null
}
