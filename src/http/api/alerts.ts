/** /api/alerts: what changed, why, who was told and who looks after it; and whether a channel can be reached. */

import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { nearest } from '../../lib/nearest.ts'
import type { Alert } from '../../monitoring/alerts/alert.ts'
import { ackAlert, listAlerts, readAlert } from '../../monitoring/alerts/alert-rows.ts'
import { listDeliveries, readKeptQuiet } from '../../monitoring/alerts/delivery-rows.ts'
import { MAX_SILENCES } from '../../monitoring/alerts/note-due.ts'
import { silenceFits } from '../../monitoring/alerts/silence.ts'
import { listSilences } from '../../monitoring/alerts/silence-rows.ts'
import { readActions } from '../../promotion/actions/store.ts'
import type { Notified } from '../../providers/notify/outcome.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import {
  ackBody,
  alertQuery,
  alertSchema,
  shownAlertSchema,
  subjectOf,
  testBody,
  testSchema,
  toAlert,
  toShownAlert,
} from './alert-body.ts'
import { type AlertRulesApiDeps, alertRulesApi } from './alert-rules.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import { answer, errorAnswers, idParam, jsonBody, refuseInvalid, toRange } from './validation.ts'

export type AlertsApiDeps = AlertRulesApiDeps & {
  db: Db
  clock: Clock
  record: Recorder
  /** Of aval.yaml, by name. */
  channels: () => readonly string[]
  /** Null for a channel that there is not. Never rejects, and ends within ten seconds. */
  test: (projectId: string, channel: string) => Promise<Notified | null>
}

/** Whoever works on a route or answers for it may be the one on call. */
export const onCall = ['admin', 'engineer', 'approver'] as const

const listRoute = createRoute({
  method: 'get',
  path: '/alerts',
  middleware: requireRole(...registryReaders),
  request: { query: alertQuery },
  responses: { 200: answer('Newest first.', pageOf(alertSchema)), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/alerts/{id}',
  middleware: requireRole(...registryReaders),
  request: { params: idParam },
  responses: {
    200: answer('The alert, why, who was told, and what policies did.', shownAlertSchema),
    ...errorAnswers,
  },
})
const ackRoute = createRoute({
  method: 'post',
  path: '/alerts/{id}/ack',
  middleware: requireRole(...onCall),
  request: { params: idParam, ...jsonBody(ackBody) },
  responses: {
    200: answer(
      'The alert; nobody is reminded of it any more, what it froze may move, and policies move nothing for it.',
      shownAlertSchema,
    ),
    ...errorAnswers,
  },
})
const testRoute = createRoute({
  method: 'post',
  path: '/alerts/test',
  middleware: requireRole('admin', 'engineer'),
  request: jsonBody(testBody),
  responses: { 200: answer('What the receiver said of a test message.', testSchema), ...errorAnswers },
})

/** Routes under /api; authentication has already run. */
export function alertsApi(deps: AlertsApiDeps) {
  const { sql, clock, record } = deps
  const api = new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
  // Before the alerts, whose paths look alike.
  api.route('/', alertRulesApi(deps))
  return api
    .openapi(testRoute, async (c) => {
      const { key } = c.var
      const { channel } = c.req.valid('json')
      await record.admin(key, { action: 'alerts.test', target: channel })
      const came = await deps.test(key.projectId, channel)
      if (came === null) throw noChannel(channel, deps.channels())
      return c.json({ channel, ...came }, 200)
    })
    .openapi(listRoute, async (c) => {
      const { open, metric, since, limit, cursor: before, ...named } = c.req.valid('query')
      const { projectId } = c.var.key
      const nowMs = clock.nowMs()
      const subject = subjectOf(named) ?? undefined
      const { sinceMs } = toRange({ since }, nowMs)
      const filter = given({ open, subject, metric, sinceMs, before })
      const rows = await listAlerts(sql, { projectId, ...filter, limit: limit + 1 })
      const silences = await silencesOf(deps, projectId, rows)
      const toWire = (alert: Alert) => toAlert(alert, silences(alert))
      return c.json(pageFrom(rows, limit, { cursorOf: ({ id }) => id, toWire }), 200)
    })
    .openapi(showRoute, async (c) => {
      return c.json(await shown(deps, c.var.key.projectId, c.req.valid('param').id), 200)
    })
    .openapi(ackRoute, async (c) => {
      const { key } = c.var
      const { note } = c.req.valid('json')
      const { id } = await getAlert(sql, key.projectId, c.req.valid('param').id)
      await record.admin(key, { action: 'alert.ack', target: id, purpose: note })
      const acked = { atMs: clock.nowMs(), by: key.id, byName: key.name, note }
      await ackAlert(sql, { projectId: key.projectId, id }, acked)
      return c.json(await shown(deps, key.projectId, id), 200)
    })
}

/** Throws RequestError not_found, for an alert of another project too. */
export async function getAlert(sql: Sql, projectId: string, id: string): Promise<Alert> {
  const found = await readAlert(sql, projectId, id)
  if (found !== null) return found
  const message = `There is no alert ${JSON.stringify(id.slice(0, 60))}. aval alerts list shows them.`
  throw new RequestError('not_found', message, { param: 'id' })
}

async function shown(deps: AlertsApiDeps, projectId: string, id: string) {
  const alert = await getAlert(deps.sql, projectId, id)
  const silences = await silencesOf(deps, projectId, [alert])
  const deliveries = await listDeliveries(deps.sql, projectId, id)
  const actions = await readActions(deps.db, projectId, id)
  return toShownAlert(alert, silences(alert), { deliveries, actions })
}

/** The silence that is in force over an alert that lasts, or that kept the beginning of it quiet. */
async function silencesOf(
  { sql, clock }: AlertsApiDeps,
  projectId: string,
  alerts: readonly Alert[],
): Promise<(alert: Alert) => string | null> {
  const inForceAtMs = clock.nowMs()
  const inForce = await listSilences(sql, { projectId, inForceAtMs, before: null, limit: MAX_SILENCES })
  const kept = await readKeptQuiet(
    sql,
    projectId,
    alerts.map(({ id }) => id),
  )
  return (alert) => {
    const now = alert.endedAtMs === null ? inForce.find((silence) => silenceFits(silence, alert)) : undefined
    return now?.id ?? kept.get(alert.id) ?? null
  }
}

function noChannel(name: string, known: readonly string[]): RequestError {
  const meant = nearest(name, known)
  const none = 'aval.yaml has none: add one under alerts.channels.'
  const hint =
    meant === null
      ? known.length === 0
        ? none
        : `There are: ${known.join(', ')}.`
      : `Did you mean "${meant}"?`
  return new RequestError('not_found', `There is no channel ${JSON.stringify(name)}. ${hint}`, {
    param: 'channel',
  })
}

/** Without what was not sent. */
function given<Filter extends object>(filter: Filter) {
  type Sent = { [Name in keyof Filter]?: Exclude<Filter[Name], undefined> }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as Sent
}
