/** The gate's question: is the candidate surely not worse than the baseline by the margin? Pure and seeded. */

import { type Difference, estimateDifference } from './difference.ts'
import { normalQuantile } from './distributions.ts'
import type { EstimateSettings } from './estimate.ts'
import { requirePositive, requireProbability } from './inputs.ts'

export type Margin = {
  /** How much worse is still acceptable, in the unit of the values, above 0. */
  margin: number
  /** The chance that a candidate exactly that much worse passes. 0.05 unless told otherwise. */
  alpha?: number
}

export type NonInferiority = {
  verdict: 'pass' | 'fail' | 'inconclusive'
  /** Other − baseline; its ends are the one-sided 1 − α bounds. Null without items, which is inconclusive. */
  difference: Difference | null
  /**
   * When inconclusive: about how many items more would settle it with the chance 0.8, were the difference and the spread what
   * they are estimated to be. Null when settled, without items, or when the estimate lies on the margin itself.
   */
  itemsMore: number | null
}

/** The customary power; the same as in `power.ts`'s examples. */
const POWER = 0.8
/** More items than this is as good as never, and no number to print. */
const MOST_ITEMS_MORE = 1_000_000

/**
 * Passes when the one-sided lower 1 − α bound of the difference lies above −margin, fails when the upper one lies below, and
 * is inconclusive otherwise (Schuirmann's one-sided test read as a bound; FDA, "Non-Inferiority Clinical Trials to Establish
 * Effectiveness", 2016, section IV). For values where higher is better: turn the others' sign first. Items more follow from
 * n · ((z_α + z_β) · h / (z_α · d))², with h how far the estimate lies from the bound, and d how far from −margin. Throws
 * RangeError for a margin that is not above 0 and as `estimateDifference` does.
 */
export function compareWithMargin(
  baseline: readonly number[],
  other: readonly number[],
  settings: Omit<EstimateSettings, 'confidence'> & Margin,
): NonInferiority {
  const { margin, alpha = 0.05, ...rest } = settings
  requirePositive('margin', margin)
  requireProbability('2 · alpha', 2 * alpha)
  const difference = estimateDifference(baseline, other, { ...rest, confidence: 1 - 2 * alpha })
  if (difference === null) return { verdict: 'inconclusive', difference, itemsMore: null }
  if (difference.low > -margin) return { verdict: 'pass', difference, itemsMore: null }
  if (difference.high < -margin) return { verdict: 'fail', difference, itemsMore: null }
  return { verdict: 'inconclusive', difference, itemsMore: itemsMore(difference, margin, alpha) }
}

function itemsMore({ estimate, low, high, items }: Difference, margin: number, alpha: number): number | null {
  const distance = estimate + margin
  const reach = distance > 0 ? estimate - low : high - estimate
  const zAlpha = normalQuantile(1 - alpha)
  const factor = ((zAlpha + normalQuantile(POWER)) * reach) / (zAlpha * distance)
  const more = Math.max(1, Math.ceil(items * (factor * factor - 1)))
  return more <= MOST_ITEMS_MORE ? more : null
}
