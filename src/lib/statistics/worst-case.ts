/** Items that abstained or failed have a score all the same, only unknown: what the mean can be at worst and at best. Pure. */

import { requireShares } from './inputs.ts'

/** A score of 0…1, or null for an item that abstained or failed. */
export type MaybeScore = number | null

/**
 * The scores with every unknown one taken as 0 or as 1. An interval whose lower end comes from the one and whose upper end comes
 * from the other holds whatever the unknown scores are (Horowitz and Manski 2000,
 * https://doi.org/10.1080/01621459.2000.10473902). At its worst a comparison has unknown scores of the baseline at 1 and of the
 * candidate at 0. Throws RangeError for a known score outside 0…1.
 */
export function withUnknownAs(unknown: 0 | 1, scores: readonly MaybeScore[]): number[] {
  const filled = scores.map((score) => score ?? unknown)
  requireShares('scores', filled)
  return filled
}

/**
 * Bounds of the mean over all items (Manski 1989, "Anatomy of the Selection Problem", Journal of Human Resources 24): the known
 * part's contribution, plus 0 or 1 for each unknown one. Their distance is the unknown share. `coverage` is the known share.
 * Null without items; throws RangeError for a known score outside 0…1.
 */
export function boundsOfMean(
  scores: readonly MaybeScore[],
): { low: number; high: number; coverage: number } | null {
  if (scores.length === 0) return null
  const known = withUnknownAs(0, scores).reduce((sum, score) => sum + score, 0)
  const unknown = scores.filter((score) => score === null).length
  return {
    low: known / scores.length,
    high: (known + unknown) / scores.length,
    coverage: 1 - unknown / scores.length,
  }
}
