/** The one place that chooses how a mean over items gets its interval. Pure and seeded. */

import { CONFIDENCE } from './bootstrap.ts'
import { studentisedInterval } from './bootstrap-t.ts'
import { effectiveSize } from './effective-size.ts'
import { allAlikeEnds, areAlike, cutTo, type Ends, NO_BOUNDS } from './ends.ts'
import type { Groups } from './groups.ts'
import { requireProbability, requireShares } from './inputs.ts'
import { type Mean, meanOf, studentInterval } from './mean.ts'
import { wilsonInterval } from './proportion.ts'
import type { Random } from './resample.ts'

/** What values may be: 0 or 1 (between them once repeats are averaged), 0…1, or any finite number. */
export type Scale = 'binary' | 'share' | 'unbounded'

export type EstimateSettings = {
  scale: Scale
  /** For each item the group it belongs to, such as its document; left out, each item is a group of its own. */
  groups?: Groups
  /** 0.95 unless told otherwise. One-sided bounds of level 1 − α are the ends at confidence 1 − 2α. */
  confidence?: number
  /** Drawn from only by the bootstrap; pass a new generator for each figure, so that no figure depends on another. */
  random: Random
  resamples?: number
}

/** Name and version: the version counts up whenever the same values could give other ends. */
type EstimateMethod =
  | 'wilson@1'
  | 'wilson-effective@1'
  | 'bootstrap-t@1'
  | 'clustered-t@1'
  | 'all-alike@1'
  | 'one-group@1'

export type Estimate = Ends & {
  /** Mean of the items, in their unit. */
  estimate: number
  /** Standard error over groups; infinite with one group. */
  se: number
  method: EstimateMethod
  items: number
  groups: number
}

/**
 * With fewer groups than this, t intervals of skewed scores are too narrow: 92 % at 40 groups; and at 300, with failures in one
 * item of twenty, the side that a gate looks at errs 8 % of the time and not 5 %. With more the bootstrap says much the same and
 * takes longer.
 */
export const MANY_GROUPS = 1_000

/**
 * Mean of one value for each item (repeats averaged first) with its interval:
 *
 * - each value 0 or 1: Wilson's, over the effective number of items where items share groups
 * - one group: the whole scale, for it says nothing
 * - all values the same: what so few groups cannot rule out (`allAlikeEnds`)
 * - 1,000 groups or more: t over groups; fewer: the studentised bootstrap
 *
 * Ends of binary and share scales are cut to 0…1. Null without values. Throws RangeError for a value that is not finite or not
 * on the scale. Sources: the files of the methods.
 */
export function estimateMean(values: readonly number[], settings: EstimateSettings): Estimate | null {
  const { scale, groups, confidence = CONFIDENCE } = settings
  requireProbability('confidence', confidence)
  if (scale !== 'unbounded') requireShares('values', values)
  const mean = meanOf(values, groups)
  if (mean === null) return null
  const bounds = scale === 'unbounded' ? NO_BOUNDS : { low: 0, high: 1 }
  const [method, ends] = chosenEnds(values, mean, bounds, { ...settings, confidence })
  return {
    estimate: mean.mean,
    ...cutTo(bounds, ends),
    se: mean.se,
    method,
    items: mean.items,
    groups: mean.groups,
  }
}

function chosenEnds(
  values: readonly number[],
  mean: Mean,
  bounds: Ends,
  settings: EstimateSettings & { confidence: number },
): [EstimateMethod, Ends] {
  const { confidence, scale } = settings
  const isRate = scale !== 'unbounded' && values.every((value) => value === 0 || value === 1)
  if (isRate && mean.groups === mean.items) {
    return ['wilson@1', wilsonInterval(Math.round(mean.mean * mean.items), mean.items, confidence)]
  }
  if (mean.groups === 1) return ['one-group@1', bounds]
  if (areAlike(values)) {
    return ['all-alike@1', allAlikeEnds(mean, bounds, confidence)]
  }
  if (isRate) {
    const size = effectiveSize(mean, mean.mean * (1 - mean.mean), confidence)
    return ['wilson-effective@1', wilsonInterval(mean.mean * size, size, confidence)]
  }
  if (mean.groups >= MANY_GROUPS) return ['clustered-t@1', studentInterval(mean, confidence)]
  return ['bootstrap-t@1', studentisedInterval(values, settings) ?? NO_BOUNDS]
}
