/** One point of a metric through the series' detector: how it stands, what was usual, and whether people are told. Pure but for the detector given. */

import { type Change, type Detector, observe, SETTINGS, usualOf } from '../detectors/detector.ts'
import type { SeriesState } from '../detectors/episodes.ts'
import type { Point } from '../detectors/points.ts'
import type { Metric } from './metrics.ts'

/**
 * `usual`: in the metric's unit; null before the first point. `isHarm`: in an episode, and away from what is usual in the direction
 * that harms: an alert opens with the first such point, and later ones may raise its `excess`.
 */
export type Judgement = {
  state: SeriesState
  usual: number | null
  change: Change
  excess: number
  isHarm: boolean
}

/** A value of 0 has no logarithm: it counts as this, which is below whatever is measured in milliseconds, tokens and micro-USD. */
const LEAST_VALUE = 1e-3

/** Changes `detector`. Null for a point that it does not take, such as one that it was given before. */
export function judgePoint(detector: Detector, metric: Metric, { timeMs, value }: Point): Judgement | null {
  const before = usualOf(detector, timeMs)
  const reading = observe(detector, { timeMs, value: scaled(metric, value) }, SETTINGS.loose)
  if (!reading.taken) return null
  const { state, change, excess, side } = reading
  return {
    state,
    usual: before === null ? null : unscaled(metric, before),
    change,
    excess,
    isHarm:
      state === 'alert' &&
      excess > SETTINGS.loose.factor &&
      (metric.harm === 'either' || metric.harm === side),
  }
}

function scaled({ scale }: Metric, value: number): number {
  if (scale === 'log') return Math.log(Math.max(value, LEAST_VALUE))
  return scale === 'arcsine' ? Math.asin(Math.sqrt(Math.min(1, Math.max(0, value)))) : value
}

function unscaled({ scale }: Metric, value: number): number {
  if (scale === 'log') return Math.exp(value)
  return scale === 'arcsine' ? Math.sin(value) ** 2 : value
}
