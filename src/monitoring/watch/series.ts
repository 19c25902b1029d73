/** One watched series and what a point makes of it. Pure but for the series given. */

import { metricOf } from '../../lib/watched-metrics.ts'
import type { Subject } from '../alerts/alert.ts'
import { type Detector, newDetector, stateAt } from '../detectors/detector.ts'
import type { SeriesState } from '../detectors/episodes.ts'
import { BUCKET_MS } from './buckets.ts'
import { type Judgement, judgePoint } from './judge-point.ts'
import type { MetricPoint } from './metrics.ts'
import { subjectKey } from './subjects.ts'

export type Series = {
  subject: Subject
  metric: string
  detector: Detector
  state: SeriesState
  /** Since when it is in this state, milliseconds. */
  sinceMs: number
  /** End of the newest point, its value and what was usual, in the metric's unit; null before the first. */
  newestMs: number | null
  value: number | null
  usual: number | null
}

/** A series with a point that is so much later than a new one was given it by a clock that was ahead, and learns anew. */
const MAX_AHEAD_MS = 3_600_000
/** A series without a point for so long is silent, however rarely it has one; a project without a request is not read any more. */
export const SILENT_AFTER_MS = 86_400_000

/** Unlike that of every other series of a project. */
export function seriesName({ subject, metric }: Pick<Series, 'subject' | 'metric'>): string {
  return `${subjectKey(subject)} ${metric}`
}

export function newSeries(subject: Subject, metric: string, nowMs: number): Series {
  return {
    subject,
    metric,
    detector: newDetector(),
    state: 'no_data',
    sinceMs: nowMs,
    newestMs: null,
    value: null,
    usual: null,
  }
}

/**
 * Changes `series` by the point of the bucket that begins at `atMs`. `isOpen`: it has an open alert. Null for a point that was given
 * before. An episode in the direction that does no harm is no alert.
 */
export function takePoint(
  series: Series,
  { value }: MetricPoint,
  atMs: number,
  isOpen: boolean,
): Judgement | null {
  if ((series.detector.newestMs ?? atMs) > atMs + MAX_AHEAD_MS) series.detector = newDetector()
  const judged = judgePoint(series.detector, metricOf(series.metric), { timeMs: atMs, value })
  if (judged === null) return null
  series.newestMs = atMs + BUCKET_MS
  series.value = value
  series.usual = judged.usual
  const isAlert = judged.state === 'alert' && (isOpen || judged.isHarm)
  enter(series, judged.state === 'alert' && !isAlert ? 'ok' : judged.state, series.newestMs)
  return judged
}

/** Changes `series`: true when it has become silent, which ends what it told. */
export function takeSilence(series: Series, nowMs: number): boolean {
  const isForLong = (series.newestMs ?? 0) < nowMs - SILENT_AFTER_MS
  if (series.state === 'no_data' || !(isForLong || stateAt(series.detector, nowMs) === 'no_data'))
    return false
  enter(series, 'no_data', nowMs)
  return true
}

function enter(series: Series, state: SeriesState, atMs: number): void {
  if (series.state === state) return
  series.state = state
  series.sinceMs = atMs
}
