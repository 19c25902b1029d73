/** How many independent items a sample of grouped ones is worth. Pure. */

import { normalQuantile, studentQuantile } from './distributions.ts'
import { requireProbability } from './inputs.ts'
import type { Mean } from './mean.ts'

/**
 * Items divided by the design effect, which is the grouped variance of the mean over that of independent items, taken as at
 * least 1 (Kish, "Survey Sampling", 1965), and by (t / z)², because a spread over few groups is itself uncertain (Korn and
 * Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts estimated from survey
 * data", Survey Methodology 24). An interval of a rate over so many items covers as it says: docs/statistics.md. Needs two
 * groups or more, and values that are not all alike.
 *
 * @param variance of one value: p̂(1−p̂) for a rate
 */
export function effectiveSize({ se, items, groups }: Mean, variance: number, confidence: number): number {
  requireProbability('confidence', confidence)
  if (groups < 2) throw new RangeError(`The spread over ${groups} groups is unknown.`)
  const tail = (1 + confidence) / 2
  const designEffect = Math.max(1, (se * se * items) / variance)
  return (items / designEffect) * (normalQuantile(tail) / studentQuantile(tail, groups - 1)) ** 2
}
