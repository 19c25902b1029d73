/** /api/monitor: how each watched figure stands, how it went, and learning anew what is usual. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Subject } from '../../monitoring/alerts/alert.ts'
import { listAlerts } from '../../monitoring/alerts/alert-rows.ts'
import { keptSince, type RollupKeep } from '../../monitoring/rollups/retention.ts'
import { calibrateSubject } from '../../monitoring/watch/calibrate.ts'
import { readHistory } from '../../monitoring/watch/history.ts'
import { listSeries } from '../../monitoring/watch/series-rows.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import {
  calibratedSchema,
  historySchema,
  statusSchema,
  toCalibrated,
  toHistory,
  toStatus,
} from './monitor-body.ts'
import { registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import {
  answer,
  errorAnswers,
  instantText,
  jsonBody,
  refuseInvalid,
  strictShape,
  toRange,
} from './validation.ts'

export type MonitorApiDeps = {
  sql: Sql
  clock: Clock
  record: Recorder
  /** How long sums are kept. */
  keep: () => RollupKeep
}

/** Series of one answer, and open alerts beside them. */
const MAX_SHOWN = 1000
const DAY_MS = 86_400_000
/** What a detector remembers of the past. */
const MAX_CALIBRATION_MS = 28 * DAY_MS

const name = z.string().trim().min(1).max(400)
/** A route, or `upstream/model` for what is asked of it directly; or an upstream over all routes. */
const subjectShape = { route: name.optional(), upstream: name.optional() }
const statusQuery = strictShape('filter', subjectShape)
const historyQuery = strictShape('filter', {
  ...subjectShape,
  metric: z.string().trim().min(1).max(300),
  since: instantText.default('7d'),
  until: instantText.optional(),
})
const calibrateBody = strictShape('field', { ...subjectShape, since: instantText.default('28d') })

const statusRoute = createRoute({
  method: 'get',
  path: '/monitor',
  middleware: requireRole(...registryReaders),
  request: { query: statusQuery },
  responses: {
    200: answer(
      'Watched figures: alerts first, then warnings; at most a thousand.',
      z.object({ data: z.array(statusSchema), has_more: z.boolean() }),
    ),
    ...errorAnswers,
  },
})
const historyRoute = createRoute({
  method: 'get',
  path: '/monitor/history',
  middleware: requireRole(...registryReaders),
  request: { query: historyQuery },
  responses: {
    200: answer(
      'Points of five minutes up to two days, of an hour up to 30, and of a day, also where the narrower ones are no longer kept; oldest first.',
      historySchema,
    ),
    ...errorAnswers,
  },
})
const calibrateRoute = createRoute({
  method: 'post',
  path: '/monitor/calibrate',
  middleware: requireRole('admin', 'engineer'),
  request: jsonBody(calibrateBody),
  responses: {
    200: answer(
      'What is usual now, and what was; since: from when on traffic was read, not before what is still kept by the minute.',
      z.object({ data: z.array(calibratedSchema), since: z.string() }),
    ),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function monitorApi({ sql, clock, record, keep }: MonitorApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(statusRoute, async (c) => {
      const { projectId } = c.var.key
      const subject = subjectOf(c.req.valid('query'))
      const only = subject === null ? {} : { subject }
      const series = await listSeries(sql, projectId, { ...only, limit: MAX_SHOWN })
      const alerts = await listAlerts(sql, { projectId, open: true, ...only, limit: MAX_SHOWN })
      const data = series.slice(0, MAX_SHOWN).map((one) => toStatus(one, alerts))
      return c.json({ data, has_more: series.length > MAX_SHOWN }, 200)
    })
    .openapi(historyRoute, async (c) => {
      const { metric, since, until, ...named } = c.req.valid('query')
      const nowMs = clock.nowMs()
      const { sinceMs = nowMs - 7 * DAY_MS, untilMs = nowMs } = toRange({ since, until }, nowMs)
      const subject = demandSubject(named)
      const { projectId } = c.var.key
      const window = { fromMs: sinceMs, toMs: untilMs, nowMs, kept: keptSince(nowMs, keep()) }
      const history = await readHistory(sql, { projectId, subject, metric, ...window })
      return c.json(toHistory(subject, metric, history), 200)
    })
    .openapi(calibrateRoute, async (c) => {
      const { key } = c.var
      const { since, ...named } = c.req.valid('json')
      const nowMs = clock.nowMs()
      const subject = demandSubject(named)
      const { sinceMs = nowMs } = toRange({ since }, nowMs)
      const kept = keptSince(nowMs, keep())
      const fromMs = Math.max(sinceMs, nowMs - MAX_CALIBRATION_MS, kept.minute)
      const readSince = new Date(fromMs).toISOString()
      const detail = { subject: subject.kind, since: readSince }
      await record.admin(key, { action: 'monitor.calibrate', target: subject.name, detail })
      const calibrated = await calibrateSubject(
        sql,
        { projectId: key.projectId, subject, sinceMs: fromMs },
        nowMs,
      )
      return c.json({ data: calibrated.map((one) => toCalibrated(subject, one)), since: readSince }, 200)
    })
}

/** Throws RequestError for two of them. */
function subjectOf({
  route,
  upstream,
}: {
  route?: string | undefined
  upstream?: string | undefined
}): Subject | null {
  if (route !== undefined && upstream !== undefined) {
    throw new RequestError('invalid_value', 'Name a route or an upstream, not both.', { param: 'upstream' })
  }
  if (route !== undefined) return { kind: 'route', name: route }
  return upstream === undefined ? null : { kind: 'upstream', name: upstream }
}

/** Throws RequestError for none of them too. */
function demandSubject(named: Parameters<typeof subjectOf>[0]): Subject {
  const subject = subjectOf(named)
  if (subject !== null) return subject
  const message = 'Name a route or an upstream. GET /api/monitor lists those that are watched.'
  throw new RequestError('invalid_value', message, { param: 'route' })
}
