/** The one place that chooses how a difference between two runs over the same items gets its interval and p. Pure and seeded. */

import { CONFIDENCE } from './bootstrap.ts'
import { studentisedInterval } from './bootstrap-t.ts'
import { effectiveSize } from './effective-size.ts'
import { allAlikeEnds, areAlike, cutTo, type Ends, NO_BOUNDS, ROUNDING, widerOf } from './ends.ts'
import { type EstimateSettings, MANY_GROUPS } from './estimate.ts'
import { sumsOf } from './groups.ts'
import { requireFinite, requirePairs, requireProbability, requireShares } from './inputs.ts'
import { type Discordant, mcnemarMidP, tangoInterval } from './mcnemar.ts'
import { type Mean, meanOf, studentInterval, studentP } from './mean.ts'
import { signFlipP } from './sign-flip.ts'

/** Name and version: the version counts up whenever the same values could give other ends or another p. */
type DifferenceMethod =
  | 'tango-mid-p@1'
  | 'tango-effective-sign-flip@1'
  | 'wider-t-sign-flip@1'
  | 'clustered-t@1'
  | 'all-alike-sign-flip@1'
  | 'one-group@1'

export type Difference = Ends & {
  /** Mean of other − baseline over items. */
  estimate: number
  /** Standard error over groups; infinite with one group. */
  se: number
  /** Two-sided, of no difference. */
  p: number
  method: DifferenceMethod
  items: number
  groups: number
}

/**
 * How much higher `other` is than `baseline` over the same items, one value for each (repeats averaged first), item by item:
 *
 * - every difference −1, 0 or 1: Tango's interval and McNemar's mid-p; where items share groups, Tango's over the effective
 *   number of items, and signs flipped group by group
 * - one group: the whole scale and p 1, for it says nothing
 * - all differences the same: as `allAlikeEnds`, and signs flipped
 * - 1,000 groups or more: t over groups, interval and p
 * - fewer: at each end the wider of t and the studentised bootstrap, and signs flipped. Differences are mostly 0 with a few
 *   large ones: where those fall on one side, t is too narrow, where on both, the bootstrap is, and a sample does not tell
 *
 * Interval and p come from different reasoning, except with t, and can disagree near the border. Ends of binary and share
 * scales are cut to −1…1. Null without values. Throws RangeError for runs of different lengths and
 * values that are not finite or not on the scale.
 */
export function estimateDifference(
  baseline: readonly number[],
  other: readonly number[],
  settings: EstimateSettings,
): Difference | null {
  const { scale, groups, confidence = CONFIDENCE } = settings
  requireProbability('confidence', confidence)
  requirePairs(baseline, other)
  const check = scale === 'unbounded' ? requireFinite : requireShares
  check('baseline', baseline)
  check('other', other)
  const differences = differencesOf(baseline, other)
  const mean = meanOf(differences, groups)
  if (mean === null) return null
  const bounds = scale === 'unbounded' ? NO_BOUNDS : { low: -1, high: 1 }
  const { method, ends, p } = chosen(differences, mean, bounds, { ...settings, confidence })
  return {
    estimate: mean.mean,
    ...cutTo(bounds, ends),
    se: mean.se,
    p,
    method,
    items: mean.items,
    groups: mean.groups,
  }
}

type Chosen = { method: DifferenceMethod; ends: Ends; p: number }

function chosen(
  differences: readonly number[],
  mean: Mean,
  bounds: Ends,
  settings: EstimateSettings & { confidence: number },
): Chosen {
  const { confidence, scale } = settings
  const isWonOrLost =
    scale !== 'unbounded' && differences.every((value) => Math.abs(value) === 1 || value === 0)
  const pairs = discordant(differences)
  const flipped = () => signFlipP(sumsOf(differences, settings.groups).sums, settings)
  if (isWonOrLost && mean.groups === mean.items) {
    return {
      method: 'tango-mid-p@1',
      ends: tangoInterval(pairs, mean.items, confidence),
      p: mcnemarMidP(pairs),
    }
  }
  if (mean.groups === 1) return { method: 'one-group@1', ends: bounds, p: 1 }
  if (areAlike(differences)) {
    return { method: 'all-alike-sign-flip@1', ends: allAlikeEnds(mean, bounds, confidence), p: flipped() }
  }
  if (isWonOrLost) {
    const ends = groupedTango(pairs, mean, confidence)
    return { method: 'tango-effective-sign-flip@1', ends, p: flipped() }
  }
  const ends = studentInterval(mean, confidence)
  if (mean.groups >= MANY_GROUPS) return { method: 'clustered-t@1', ends, p: studentP(mean) }
  const wider = widerOf(ends, studentisedInterval(differences, settings) ?? NO_BOUNDS)
  return { method: 'wider-t-sign-flip@1', ends: wider, p: flipped() }
}

/** What rounding leaves of equal values is no difference: it would count as a sign, and as a spread. */
function differencesOf(baseline: readonly number[], other: readonly number[]): number[] {
  return other.map((value, at) => {
    const from = baseline[at] ?? 0
    return Math.abs(value - from) <= ROUNDING * Math.max(Math.abs(value), Math.abs(from)) ? 0 : value - from
  })
}

function discordant(differences: readonly number[]): Discordant {
  const won = differences.filter((value) => value > 0).length
  return { won, lost: differences.filter((value) => value < 0).length }
}

function groupedTango({ won, lost }: Discordant, mean: Mean, confidence: number): Ends {
  const { items } = mean
  const variance = (won + lost) / items - mean.mean ** 2
  const size = effectiveSize(mean, variance, confidence)
  const share = size / items
  return tangoInterval({ won: won * share, lost: lost * share }, size, confidence)
}
