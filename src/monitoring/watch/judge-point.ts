/** One point of a metric through the series' detector: how it stands, what was usual, and whether people are told. Pure but for the detector given. */

import type { Metric } from '../../lib/watched-metrics.ts'
import { type Change, type Detector, deviationAt, observe, SETTINGS, usualOf } from '../detectors/detector.ts'
import type { SeriesState } from '../detectors/episodes.ts'
import type { Point } from '../detectors/points.ts'

/**
 * `usual`: in the metric's unit; null before the first point. `isHarm`: in an episode, and away from what is usual in the direction
 * that harms: an alert opens with the first such point, and later ones may raise its `excess`. A state is that of changes that harm.
 */
export type Judgement = {
  state: SeriesState
  usual: number | null
  change: Change
  side: 'up' | 'down'
  excess: number
  isHarm: boolean
}

const SETTING = SETTINGS.loose
/** A value of 0 has no logarithm: it counts as this, which is below whatever is measured in milliseconds, tokens and micro-USD. */
const LEAST_VALUE = 1e-3

/** Changes `detector`. Null for a point that it does not take, such as one that it was given before. */
export function judgePoint(detector: Detector, metric: Metric, point: Point): Judgement | null {
  const usual = usualValue(detector, metric, point.timeMs)
  const reading = observe(detector, scaled(metric, point), SETTING)
  if (!reading.taken) return null
  const { state, change, excess, side } = reading
  const harms = metric.harm === 'either' || metric.harm === side
  return {
    state: state === 'warn' && !harms ? 'ok' : state,
    usual,
    change,
    side,
    excess,
    isHarm: state === 'alert' && harms && excess > SETTING.factor,
  }
}

/** In the metric's unit; null before the first point. */
export function usualValue(detector: Detector, { scale }: Metric, timeMs: number): number | null {
  const usual = usualOf(detector, timeMs)
  if (usual === null || scale === 'plain') return usual
  return scale === 'log' ? Math.exp(usual) : Math.sin(usual) ** 2
}

/** How far a point is from what is usual now, in standard deviations of what the detector is given. */
export function deviationIn(detector: Detector, metric: Metric, point: Point): number {
  return deviationAt(detector, scaled(metric, point))
}

function scaled({ scale }: Metric, { timeMs, value }: Point): Point {
  if (scale === 'log') return { timeMs, value: Math.log(Math.max(value, LEAST_VALUE)) }
  if (scale === 'plain') return { timeMs, value }
  return { timeMs, value: Math.asin(Math.sqrt(Math.min(1, Math.max(0, value)))) }
}
