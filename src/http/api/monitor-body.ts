/** Watched figures, histories and calibrations as the wire has them. */

import { z } from '@hono/zod-openapi'
import { metricOf } from '../../lib/watched-metrics.ts'
import type { Alert, Subject } from '../../monitoring/alerts/alert.ts'
import type { Calibrated } from '../../monitoring/watch/calibrate.ts'
import type { History } from '../../monitoring/watch/history.ts'
import type { SeriesStatus } from '../../monitoring/watch/series-rows.ts'
import { explanationSchema, toExplanation } from './explanation-body.ts'

const subjectSchema = z.object({ kind: z.enum(['route', 'upstream']), name: z.string() })
const state = z.enum(['ok', 'warn', 'alert', 'no_data'])
const figure = z.number().nullable()
const episodeSchema = z.object({
  id: z.string(),
  change: z.string(),
  began_at: z.string(),
  opened_at: z.string(),
  ended_at: z.string().nullable(),
  value: figure,
  usual: figure,
  excess: z.number(),
  acked_by: z.string().nullable(),
})
export const statusSchema = z
  .object({
    subject: subjectSchema,
    metric: z.string(),
    text: z.string(),
    unit: z.string(),
    state,
    since: z.string(),
    /** Points that were learnt: a judgement needs 100. */
    points: z.number(),
    newest_at: z.string().nullable(),
    value: figure,
    usual: figure,
    difference_percent: figure,
    alert: episodeSchema.extend({ explanation: explanationSchema.nullable() }).nullable(),
  })
  .openapi('MonitorStatus')
export const historySchema = z
  .object({
    subject: subjectSchema,
    metric: z.string(),
    unit: z.string(),
    bucket_ms: z.number(),
    data: z.array(z.object({ at: z.string(), value: z.number(), requests: z.number() })),
    episodes: z.array(episodeSchema),
  })
  .openapi('MonitorHistory')
export const calibratedSchema = z
  .object({
    subject: subjectSchema,
    metric: z.string(),
    unit: z.string(),
    points: z.number(),
    usual_before: figure,
    usual_now: figure,
    state_before: state.nullable(),
    state_now: state,
    ended_alert: z.string().nullable(),
  })
  .openapi('MonitorCalibration')

export function toStatus(series: SeriesStatus, alerts: readonly Alert[]): z.infer<typeof statusSchema> {
  const { subject, metric, sinceMs, newestMs, value, usual, ...rest } = series
  const alert = alerts.find(
    (one) =>
      one.bar === null &&
      one.metric === metric &&
      one.subject.kind === subject.kind &&
      one.subject.name === subject.name,
  )
  const { unit, text } = metricOf(metric)
  return {
    ...rest,
    subject,
    metric,
    text,
    unit,
    since: instant(sinceMs),
    newest_at: newestMs === null ? null : instant(newestMs),
    value,
    usual,
    difference_percent: percentOf(value === null || usual === null ? null : value - usual, usual),
    alert: alert === undefined ? null : { ...toEpisode(alert), explanation: explanationOf(alert) },
  }
}

export function toHistory(subject: Subject, metric: string, history: History): z.infer<typeof historySchema> {
  return {
    subject,
    metric,
    unit: metricOf(metric).unit,
    bucket_ms: history.bucketMs,
    data: history.points.map(({ atMs, value, requests }) => ({ at: instant(atMs), value, requests })),
    episodes: history.alerts.map(toEpisode),
  }
}

export function toCalibrated(subject: Subject, calibrated: Calibrated): z.infer<typeof calibratedSchema> {
  const { metric, points, usual, state: was, ended } = calibrated
  return {
    subject,
    metric,
    unit: metricOf(metric).unit,
    points,
    usual_before: usual.before,
    usual_now: usual.now,
    state_before: was.before,
    state_now: was.now,
    ended_alert: ended,
  }
}

function toEpisode(alert: Alert): z.infer<typeof episodeSchema> {
  const { id, change, beganAtMs, openedAtMs, endedAtMs, value, usual, excess, acked } = alert
  return {
    id,
    change,
    began_at: instant(beganAtMs),
    opened_at: instant(openedAtMs),
    ended_at: endedAtMs === null ? null : instant(endedAtMs),
    value,
    usual,
    excess,
    acked_by: acked === null ? null : (acked.byName ?? acked.by),
  }
}

function explanationOf({ explanation }: Alert) {
  return explanation === null ? null : toExplanation(explanation)
}

/** Null where there is nothing to compare with. */
function percentOf(difference: number | null, of: number | null): number | null {
  return difference === null || of === null || of === 0 ? null : (100 * difference) / Math.abs(of)
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
