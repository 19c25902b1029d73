/** Bounds of a mean without limits, such as a cost, that hold at every later look at once, asymptotically. Pure. */

import { type Ends, NO_BOUNDS } from './ends.ts'
import { requireFinite, requirePositive, requireProbability, requireWhole } from './inputs.ts'

export type Moments = {
  n: number
  mean: number
  /** Of the sample, with n − 1, in the square of the mean's unit. */
  variance: number
}

/**
 * Before so many values a side has no bound. The theory is of looks that begin late, and what few values of a cost miss is the
 * rare dear one. Of log-normal costs whose standard deviation is 1.3 means the low bound fails an eighth as often as it may from
 * 200 on; the high one more often than it may if it began there, and not from 1,000 on (docs/adr/0027-canary-statistics.md).
 */
export const MEAN_FROM = { low: 200, high: 1_000 }

/** The bounds are tightest about here. */
const TUNED_FOR = 2_000

/**
 * Asymptotic confidence sequence: mean ± √(((n·v·ρ² + 1) / (n²·ρ²)) · ln((n·v·ρ² + 1) / α²)), v the sample variance
 * (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, Theorem 2.2, https://doi.org/10.1214/24-AOS2408). ρ is in units of
 * 1/√v, as in the theorem, which makes the unit of money immaterial: v·ρ² = (−2 ln α + ln(−2 ln α) + 1) / `tunedFor`, their
 * approximation to what is tightest at `tunedFor` values. An end is infinite before `MEAN_FROM`. Throws RangeError for moments
 * that cannot be.
 */
export function meanSequence(moments: Moments, alpha: number, tunedFor = TUNED_FOR): Ends {
  const growth = growthOf(moments, alpha, tunedFor)
  return endsAt(moments, growth, Math.log(growth / (alpha * alpha)))
}

/**
 * Two one-sided bounds, each of which ever fails with the chance α at most, asymptotically: in the formula above
 * 2 · ln(1 + √(n·v·ρ² + 1) / (2α)) takes the place of the logarithm (the same paper's one-sided sequence, a mixture over half a
 * normal distribution), with ρ of 2α. Infinite and errors as above.
 */
export function meanBounds(moments: Moments, alpha: number, tunedFor = TUNED_FOR): Ends {
  requireProbability('2 · alpha', 2 * alpha)
  const growth = growthOf(moments, 2 * alpha, tunedFor)
  return endsAt(moments, growth, 2 * Math.log(1 + Math.sqrt(growth) / (2 * alpha)))
}

/** n·v·ρ² + 1. */
function growthOf({ n, mean, variance }: Moments, alpha: number, tunedFor: number): number {
  requireProbability('alpha', alpha)
  requirePositive('tunedFor', tunedFor)
  requireWhole('n', n, 1)
  requireFinite('moments', [mean, variance])
  if (variance < 0) throw new RangeError(`variance is ${variance}, which is below 0.`)
  const logarithm = -2 * Math.log(alpha)
  return 1 + (n / tunedFor) * (logarithm + Math.log(logarithm) + 1)
}

function endsAt({ n, mean, variance }: Moments, growth: number, logarithm: number): Ends {
  // (n·v·ρ² + 1) / (n²·ρ²) = v · growth / (n · (growth − 1)).
  const reach = Math.sqrt(((variance * growth) / (n * (growth - 1))) * logarithm)
  return {
    low: n < MEAN_FROM.low ? NO_BOUNDS.low : mean - reach,
    high: n < MEAN_FROM.high ? NO_BOUNDS.high : mean + reach,
  }
}
