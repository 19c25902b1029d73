/** When a change began that was noticed later: an estimate from the points before. Pure. */

import type { Change } from '../detectors/detector.ts'

/** How far a point was from what is usual, in standard deviations; oldest first, the last one is where the change was noticed. */
export type Deviation = { timeMs: number; deviation: number }

/** Page's reference value for shifts of one standard deviation. */
const LEAST_SLACK = 0.5
/** The newest points that say how large the shift is; of a jump the newest alone. */
const SHIFT_POINTS = 6
/** A single outlier begins nothing. */
const CLIPPED_AT = 4

/**
 * The time of the first point after the one-sided CUSUM was last at zero: Page 1954, <https://doi.org/10.1093/biomet/41.1-2.100>, section 2.
 * The reference value is half of the shift, as far as the newest points show it, so that what was noise before a large shift is no part of
 * it. The newest point itself where the sum is zero there. Null of no points.
 */
export function changeBegan(
  deviations: readonly Deviation[],
  { change, side }: { change: Change; side: 'up' | 'down' },
): number | null {
  const sizes = deviations.map(({ deviation }) => sizeOf(deviation, change, side))
  const newest = sizes.slice(change === 'jump' ? -1 : -SHIFT_POINTS)
  const shift = newest.reduce((sum, size) => sum + size, 0) / newest.length
  const slack = Math.max(LEAST_SLACK, shift / 2)
  let [sum, began] = [0, deviations.at(-1)?.timeMs ?? null]
  for (const [at, size] of sizes.entries()) {
    if (sum === 0) began = deviations[at]?.timeMs ?? began
    sum = Math.max(0, sum + size - slack)
  }
  return sum === 0 ? (deviations.at(-1)?.timeMs ?? null) : began
}

/** For a spread the square, less its mean of 1 and over its standard deviation of √2 (χ² with one degree of freedom). */
function sizeOf(deviation: number, change: Change, side: 'up' | 'down'): number {
  const clipped = Math.max(-CLIPPED_AT, Math.min(CLIPPED_AT, deviation))
  if (change === 'spread') return (clipped * clipped - 1) / Math.SQRT2
  return side === 'up' ? clipped : -clipped
}
