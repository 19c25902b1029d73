/** Alarms over a labelled series, counted: windows found, and episodes of alarms outside of all of them. Pure. */

import type { LabelledSeries } from './labelled-series.ts'

/** `points`: those that count; `delays`: of each window found, the points from its start to its first alarm. */
export type Counts = {
  points: number
  alarms: number
  windows: number
  falseEpisodes: number
  delays: readonly number[]
}

/**
 * The first 15 % of a series, and 750 points at most, are for learning alone: Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection
 * Algorithms" (2015), <https://doi.org/10.1109/ICMLA.2015.141>, and the benchmark's own code.
 */
const PROBATION_SHARE = 0.15
const MAX_PROBATION = 750
/** False alarms with fewer points between them are one episode: as many as an alert of the detector stays open when all is calm. */
const MERGED_POINTS = 36

export function firstCounted({ points }: Pick<LabelledSeries, 'points'>): number {
  return Math.min(Math.floor(PROBATION_SHARE * points.length), MAX_PROBATION)
}

/** `alarms`: places of points at which an alarm began, ascending. Windows that end before the first counted point do not count. */
export function countAlarms(series: LabelledSeries, alarms: readonly number[]): Counts {
  const { points } = series
  const first = firstCounted(series)
  const counted = alarms.filter((at) => at >= first)
  const windows = series.windows.filter(
    ({ toMs }) => toMs >= (points[first]?.timeMs ?? Number.POSITIVE_INFINITY),
  )
  const delays = new Map<number, number>()
  let falseEpisodes = 0
  let newestFalse = Number.NEGATIVE_INFINITY
  for (const at of counted) {
    const timeMs = points[at]?.timeMs ?? Number.NaN
    const place = windows.findIndex(({ fromMs, toMs }) => timeMs >= fromMs && timeMs <= toMs)
    const window = windows[place]
    if (window === undefined) {
      if (at - newestFalse > MERGED_POINTS) falseEpisodes += 1
      newestFalse = at
    } else if (!delays.has(place)) {
      delays.set(place, at - points.findIndex((point) => point.timeMs >= window.fromMs))
    }
  }
  return {
    points: points.length - first,
    alarms: counted.length,
    windows: windows.length,
    falseEpisodes,
    delays: [...delays.values()],
  }
}
