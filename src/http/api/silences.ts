/** /api/silences: what keeps alerts quiet for a while, by whom and why. */

import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import { MAX_SILENCES } from '../../monitoring/alerts/note-due.ts'
import type { Silence } from '../../monitoring/alerts/silence.ts'
import { endSilence, insertSilence, listSilences, readSilence } from '../../monitoring/alerts/silence-rows.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { silenceBody, silenceQuery, silenceSchema, subjectOf, toSilence } from './alert-body.ts'
import { type AlertsApiDeps, getAlert, onCall } from './alerts.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import { answer, conflictAnswer, errorAnswers, idParam, jsonBody, refuseInvalid } from './validation.ts'

const listRoute = createRoute({
  method: 'get',
  path: '/silences',
  middleware: requireRole(...registryReaders),
  request: { query: silenceQuery },
  responses: { 200: answer('Newest first.', pageOf(silenceSchema)), ...errorAnswers },
})
const createSilenceRoute = createRoute({
  method: 'post',
  path: '/silences',
  middleware: requireRole(...onCall),
  request: jsonBody(silenceBody),
  responses: { 201: answer('The silence, in force.', silenceSchema), 409: conflictAnswer, ...errorAnswers },
})
const endRoute = createRoute({
  method: 'post',
  path: '/silences/{id}/end',
  middleware: requireRole(...onCall),
  request: { params: idParam },
  responses: {
    200: answer('The silence, ended. Alerts that it kept quiet and that last are told now.', silenceSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function silencesApi({ sql, clock, record }: Pick<AlertsApiDeps, 'sql' | 'clock' | 'record'>) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(listRoute, async (c) => {
      const { active = false, limit, cursor: before = null } = c.req.valid('query')
      const { projectId } = c.var.key
      const inForceAtMs = active ? clock.nowMs() : null
      const rows = await listSilences(sql, { projectId, inForceAtMs, before, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ id }) => id, toWire: toSilence }), 200)
    })
    .openapi(createSilenceRoute, async (c) => {
      const { key } = c.var
      const { projectId } = key
      const { alert: alertId, for: forMs, reason, metric = null, ...named } = c.req.valid('json')
      const alert = alertId === undefined ? null : await getAlert(sql, projectId, alertId)
      const { subject, metric: quiet } = alert ?? { subject: subjectOf(named), metric }
      const nowMs = clock.nowMs()
      await demandRoom(sql, projectId, nowMs)
      const silence = {
        id: newId('sil', nowMs),
        projectId,
        subject,
        metric: quiet,
        reason,
        createdBy: key.id,
        createdByName: key.name,
        createdAtMs: nowMs,
        untilMs: nowMs + forMs,
      }
      const detail = { subject, metric: quiet, until: new Date(silence.untilMs).toISOString() }
      await record.admin(key, { action: 'silence.create', target: silence.id, purpose: reason, detail })
      await insertSilence(sql, silence)
      return c.json(toSilence({ ...silence, ended: null }), 201)
    })
    .openapi(endRoute, async (c) => {
      const { key } = c.var
      const { id } = await getSilence(sql, key.projectId, c.req.valid('param').id)
      await record.admin(key, { action: 'silence.end', target: id })
      const ended = { atMs: clock.nowMs(), by: key.id, byName: key.name }
      if (!(await endSilence(sql, { projectId: key.projectId, id }, ended))) {
        throw conflict(`The silence ${id} is over. aval alerts silences shows those in force.`)
      }
      return c.json(toSilence(await getSilence(sql, key.projectId, id)), 200)
    })
}

/** Throws RequestError conflict where more are in force than are looked at. */
async function demandRoom(sql: Sql, projectId: string, nowMs: number): Promise<void> {
  const inForce = await listSilences(sql, {
    projectId,
    inForceAtMs: nowMs,
    before: null,
    limit: MAX_SILENCES,
  })
  if (inForce.length < MAX_SILENCES) return
  throw conflict(
    `${MAX_SILENCES} silences are in force, and that is most. End one: aval alerts unsilence ${inForce.at(-1)?.id}`,
  )
}

/** Throws RequestError not_found, for a silence of another project too. */
async function getSilence(sql: Sql, projectId: string, id: string): Promise<Silence> {
  const found = await readSilence(sql, projectId, id)
  if (found !== null) return found
  const message = `There is no silence ${JSON.stringify(id.slice(0, 60))}. aval alerts silences shows them.`
  throw new RequestError('not_found', message, { param: 'id' })
}

function conflict(message: string): RequestError {
  return new RequestError('conflict', message, { headers: { 'x-should-retry': 'false' } })
}
