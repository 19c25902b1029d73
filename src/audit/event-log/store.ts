/** Reads of what people and the system did. It never writes: the shipper alone does, and events are never changed. */

import type { SQL } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { and, desc, eq, gte, isNull, lt, or, sql } from '../../db/orm.ts'
import { auditEvents } from '../../db/schema.ts'
import { RequestError } from '../../errors.ts'
import type { EventKind } from '../record.ts'
import type { RequestScope } from '../store.ts'

/** All kinds of events; `gap` and `seal` are the ends and holes of writers. */
export const EVENT_KINDS = [
  'admin',
  'access',
  'erase',
  'tombstone',
  'key',
  'clock',
  'rotate',
  'missed',
  'gap',
  'seal',
] as const satisfies readonly (EventKind | 'gap' | 'seal')[]
type EventKindName = (typeof EVENT_KINDS)[number]

export type EventFilter = {
  scope: RequestScope
  /** First and first-not-included instant, milliseconds. */
  sinceMs?: number | undefined
  untilMs?: number | undefined
  kind?: EventKindName | undefined
  /** `requests.show`; with a `*` at its end, every action that begins so. */
  action?: string | undefined
  /** Id or name of the key that acted. */
  actor?: string | undefined
  target?: string | undefined
  /** 1…200, default 50. */
  limit?: number | undefined
  /** From the page before. */
  cursor?: string | undefined
}

export type EventRow = Pick<
  typeof auditEvents.$inferSelect,
  'id' | 'kind' | 'at' | 'actorId' | 'actorName' | 'action' | 'target' | 'purpose' | 'writer'
> & { seq: number; detail: Readonly<Record<string, unknown>> }

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200

/** One page, newest first by time. Throws RequestError for a cursor that is not one of ours or a limit outside 1…200. */
export async function listEvents(
  db: Db,
  filter: EventFilter,
): Promise<{ rows: EventRow[]; nextCursor: string | null }> {
  const limit = filter.limit ?? DEFAULT_LIMIT
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new RequestError('invalid_value', `limit is ${limit}; it must be from 1 to ${MAX_LIMIT}.`, {
      param: 'limit',
    })
  }
  const found = await db
    .select(COLUMNS)
    .from(auditEvents)
    .where(and(...conditions(filter)))
    .orderBy(desc(auditEvents.at), desc(auditEvents.id), desc(auditEvents.writer), desc(auditEvents.seq))
    .limit(limit + 1)
  const rows = found.slice(0, limit).map(({ seq, detail, ...row }) => ({
    ...row,
    seq: Number(seq),
    detail: detail as Readonly<Record<string, unknown>>,
  }))
  const last = rows.at(-1)
  const more = found.length > limit && last !== undefined
  return { rows, nextCursor: more ? encodeCursor(last) : null }
}

const COLUMNS = {
  id: auditEvents.id,
  kind: auditEvents.kind,
  at: auditEvents.at,
  actorId: auditEvents.actorId,
  actorName: auditEvents.actorName,
  action: auditEvents.action,
  target: auditEvents.target,
  purpose: auditEvents.purpose,
  writer: auditEvents.writer,
  seq: auditEvents.seq,
  detail: auditEvents.detail,
}

function conditions(filter: EventFilter): (SQL | undefined)[] {
  const { scope, actor, sinceMs, untilMs } = filter
  const own = eq(auditEvents.projectId, scope.projectId)
  return [
    scope.unowned ? or(own, isNull(auditEvents.projectId)) : own,
    sinceMs === undefined ? undefined : gte(auditEvents.at, new Date(sinceMs)),
    untilMs === undefined ? undefined : lt(auditEvents.at, new Date(untilMs)),
    filter.kind === undefined ? undefined : eq(auditEvents.kind, filter.kind),
    filter.action === undefined ? undefined : actionIs(filter.action),
    actor === undefined ? undefined : or(eq(auditEvents.actorId, actor), eq(auditEvents.actorName, actor)),
    filter.target === undefined ? undefined : eq(auditEvents.target, filter.target),
    filter.cursor === undefined ? undefined : before(filter.cursor),
  ]
}

function actionIs(action: string): SQL | undefined {
  if (!action.endsWith('*')) return eq(auditEvents.action, action)
  return sql`starts_with(${auditEvents.action}, ${action.slice(0, -1)})`
}

/** The row comparison is what the index by time can seek to. The ends of writers have no id, so the place is part of it. */
function before(cursor: string): SQL | undefined {
  const match = /^(\d{1,15}) ((?:[a-z]{2,8}_[0-9a-z]{1,40})?) ([0-9a-f-]{36}) (\d{1,15})$/.exec(
    Buffer.from(cursor.slice(0, 300), 'base64url').toString('latin1'),
  )
  const [, ms, id, writer, seq] = match ?? []
  const at = new Date(Number(ms))
  if (id === undefined || Number.isNaN(at.getTime())) {
    throw new RequestError('invalid_value', 'The cursor is not one of this list; start without it.', {
      param: 'cursor',
    })
  }
  const place = sql`(${at.toISOString()}::timestamptz, ${id}::text, ${writer}::uuid, ${seq}::bigint)`
  return sql`(${auditEvents.at}, ${auditEvents.id}, ${auditEvents.writer}, ${auditEvents.seq}) < ${place}`
}

function encodeCursor({ at, id, writer, seq }: EventRow): string {
  return Buffer.from(`${at.getTime()} ${id} ${writer} ${seq}`).toString('base64url')
}
