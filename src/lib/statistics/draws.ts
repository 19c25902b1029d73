/** Bootstrap draws for statistics that are no mean: how often each group is drawn, and the ends of what comes of it. Pure and seeded. */

import { quantile } from '../quantile.ts'
import { CONFIDENCE } from './bootstrap.ts'
import type { Ends } from './ends.ts'
import type { Random } from './resample.ts'

/** Enough for two decimals of an end; a third is not needed to tell scorers apart. */
const RESAMPLES = 1_000

/**
 * Draws `size` groups with replacement and shows how often each came, `resamples` times, 1,000 unless told (Efron and Tibshirani
 * 1993; whole groups: Davison and Hinkley 1997, section 3.8). The array is used again.
 */
export function drawGroups(
  size: number,
  { random, resamples = RESAMPLES }: { random: Random; resamples?: number },
  see: (times: Float64Array, draw: number) => void,
): void {
  const times = new Float64Array(size)
  for (let draw = 0; draw < resamples; draw += 1) {
    times.fill(0)
    for (let step = 0; step < size; step += 1) {
      const at = Math.floor(random() * size)
      times[at] = (times[at] ?? 0) + 1
    }
    see(times, draw)
  }
}

/** Room for one statistic of each draw. */
export function roomFor({ resamples = RESAMPLES }: { resamples?: number }): Float64Array {
  return new Float64Array(resamples)
}

/** The ends of the central 95 % of draws that are numbers; null of none. */
export function endsOf(draws: ArrayLike<number>): Ends | null {
  const known = Array.from(draws).filter((value) => !Number.isNaN(value))
  const low = quantile(known, (1 - CONFIDENCE) / 2)
  const high = quantile(known, (1 + CONFIDENCE) / 2)
  return low === null || high === null ? null : { low, high }
}
