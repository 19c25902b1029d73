/** The studentised bootstrap of a mean over groups: right where few or skewed values make t and percentiles too narrow. Pure. */

import type { Groups } from './groups.ts'
import { sumsOf } from './groups.ts'
import { meanOf } from './mean.ts'
import { type Random, resample, tableOf } from './resample.ts'

/** One less than a round number, so that (resamples + 1) · 0.025 is whole (Davison and Hinkley 1997, section 2.4). */
const RESAMPLES = 9_999
/** Below this share of the sample's own squares a draw's spread is rounding, not spread. */
const ROUNDING = 1e-12

/**
 * Interval of the mean: [mean − t*₁ · se, mean − t*₀ · se], where t*₀ and t*₁ are the quantiles of (mean* − mean) / se* over
 * draws of groups and se is that of `meanOf` (Efron 1981; Efron and Tibshirani 1993, section 12.5; for means of few or skewed
 * values: Hesterberg 2015, https://doi.org/10.1080/00031305.2015.1089789). A draw without spread counts as infinitely far, so
 * an end may be infinite where groups are few and mostly the same: they do not bound the mean, and the caller's scale has to.
 * Null without values. Measured: docs/statistics.md. Work: resamples × groups draws.
 */
export function studentisedInterval(
  values: readonly number[],
  settings: { groups?: Groups; confidence: number; random: Random; resamples?: number },
): { low: number; high: number } | null {
  const { confidence, random, resamples = RESAMPLES } = settings
  const sample = meanOf(values, settings.groups)
  if (sample === null) return null
  const { mean, se, groups } = sample
  if (groups < 2) return { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
  const { sums, counts } = sumsOf(values, settings.groups)
  const rests = sums.map((sum, at) => sum - (counts[at] ?? 0) * mean)
  const table = tableOf(
    rests,
    counts,
    rests.map((rest) => rest * rest),
    rests.map((rest, at) => rest * (counts[at] ?? 0)),
    counts.map((count) => count * count),
  )
  const least = ROUNDING * rests.reduce((total, rest) => total + rest * rest, 0)
  const scale = Math.sqrt((groups - 1) / groups)
  const distances = resample(
    table,
    ([rest = 0, count = 1, restRest = 0, restCount = 0, countCount = 0]) => {
      const shift = rest / count
      const squares = restRest - 2 * shift * restCount + shift * shift * countCount
      if (squares > least) return (scale * rest) / Math.sqrt(squares)
      return Math.abs(rest) <= Math.sqrt(least) ? 0 : Math.sign(rest) * Number.POSITIVE_INFINITY
    },
    { random, resamples },
  ).sort()
  const place = Math.max(1, Math.floor(((resamples + 1) * (1 - confidence)) / 2 + 1e-9))
  return {
    low: mean - (distances[resamples - place] ?? 0) * se,
    high: mean - (distances[place - 1] ?? 0) * se,
  }
}
