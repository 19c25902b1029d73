/** /api/events: what people and the system did, and who read what. Reading it is on it too. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { EVENT_KINDS, type EventFilter, type EventRow } from '../../audit/event-log/store.ts'
import type { Clock } from '../../lib/clock.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageOf, pageToWire } from './page.ts'
import type { Recorder } from './recorder.ts'
import { type Pseudonymizer, scopeOf, subjectOf } from './scope.ts'
import {
  answer,
  errorAnswers,
  instantText,
  limitText,
  purposeText,
  refuseInvalid,
  strictShape,
  toRange,
  written,
} from './validation.ts'

export type EventsApiDeps = {
  clock: Clock
  record: Recorder
  pseudonym: Pseudonymizer
  listEvents(filter: EventFilter): Promise<{ rows: EventRow[]; nextCursor: string | null }>
}

const eventSchema = z
  .object({
    id: z.string(),
    kind: z.enum(EVENT_KINDS),
    at: z.string(),
    actor_id: z.string().nullable(),
    actor_name: z.string().nullable(),
    action: z.string(),
    target: z.string().nullable(),
    purpose: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
    /** Where it stands on the log. */
    writer: z.string(),
    seq: z.number(),
  })
  .openapi('Event')
const name = z.string().min(1).max(300).optional()
const listQuery = strictShape('filter', {
  since: instantText.optional(),
  until: instantText.optional(),
  kind: z.enum(EVENT_KINDS).optional(),
  action: z
    .string()
    .regex(
      /^[a-z_]+(?:\.[a-z_]+)*\.?\*?$/,
      'Write an action such as requests.show, or its beginning: requests.*',
    )
    .max(100)
    .optional(),
  actor: name,
  target: name,
  /** A user as apps name them; `target` by its pseudonym. */
  subject: name,
  purpose: purposeText,
  limit: limitText,
  cursor: z.string().max(400).optional(),
})

const listEventsRoute = createRoute({
  method: 'get',
  path: '/events',
  middleware: requireRole('auditor', 'admin'),
  request: { query: listQuery },
  responses: {
    200: answer('Events of this project, newest first.', pageOf(eventSchema)),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function eventsApi(deps: EventsApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid }).openapi(listEventsRoute, async (c) => {
    const { projectId } = c.var.key
    const { purpose, subject, ...filters } = c.req.valid('query')
    const target = subject === undefined ? filters.target : subjectOf(subject, projectId, deps.pseudonym)
    const page = await deps.listEvents({
      scope: scopeOf(projectId),
      ...toRange(filters, deps.clock.nowMs()),
      kind: filters.kind,
      action: filters.action,
      actor: filters.actor,
      target,
      limit: filters.limit,
      cursor: filters.cursor,
    })
    const detail = { filters: written({ ...filters, target }), rows: page.rows.length }
    await deps.record.access(c.var.key, { action: 'events.list', purpose, detail })
    return c.json(pageToWire(page, toWire), 200)
  })
}

function toWire(row: EventRow): z.infer<typeof eventSchema> {
  return {
    id: row.id,
    // Only the shipper writes events, of kinds that it knows.
    kind: row.kind as z.infer<typeof eventSchema>['kind'],
    at: row.at.toISOString(),
    actor_id: row.actorId,
    actor_name: row.actorName,
    action: row.action,
    target: row.target,
    purpose: row.purpose,
    detail: row.detail,
    writer: row.writer,
    seq: row.seq,
  }
}
