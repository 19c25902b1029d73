/** Reads of the request log. It never writes: the shipper alone does, and rows are never changed. */

import type { SQL } from 'drizzle-orm'
import type { Db } from '../db/client.ts'
import {
  and,
  between,
  desc,
  eq,
  getTableColumns,
  gte,
  isNotNull,
  isNull,
  lt,
  ne,
  or,
  sql,
  sum,
} from '../db/orm.ts'
import { readWithin } from '../db/read-within.ts'
import { requestBodies, requests } from '../db/schema.ts'
import { RequestError } from '../errors.ts'
import { idTimeMs } from '../lib/ids.ts'
import type { AttemptRecord, Outcome, RetrievalRecord } from './record.ts'
import { type CursorPlace, decodeCursor, encodeCursor, MAX_INSTANT_MS } from './request-cursor.ts'

/** Whose rows a reader sees. `unowned` adds those that never had a key, such as refused strangers. */
export type RequestScope = { projectId: string; unowned: boolean }

export type RequestFilter = {
  /** First and first-not-included instant of the start, milliseconds. */
  sinceMs?: number | undefined
  untilMs?: number | undefined
  scope: RequestScope
  keyId?: string | undefined
  keyName?: string | undefined
  /** The request that was sent again, or mirrored; and whether calls of shadows are wanted alone, or left out. */
  replayOf?: string | undefined
  shadowOf?: string | undefined
  shadow?: boolean | undefined
  /** The release that served it, and the index which that pins: `handbook@5`, or `handbook` for any version. */
  releaseId?: string | undefined
  index?: string | undefined
  /** Pseudonym of a subject. */
  subject?: string | undefined
  /** Matches the model asked for or the model that answered. */
  model?: string | undefined
  route?: string | undefined
  /** The upstream that answered or was tried last, or any other that was tried. */
  upstream?: string | undefined
  /** True: every outcome but completed. */
  failed?: boolean | undefined
  /** Inclusive range of HTTP statuses. */
  status?: { from: number; to: number } | undefined
  outcome?: Outcome | undefined
  stream?: boolean | undefined
  /** 1…200, default 50. */
  limit?: number | undefined
  /** From the page before. */
  cursor?: string | undefined
}

type StoredRow = Omit<typeof requests.$inferSelect, 'openRecord' | 'closeRecord' | 'trail'>

export type RequestRow = Omit<StoredRow, 'day' | 'seq' | 'outcome' | 'attempts' | 'retrieval'> & {
  seq: number
  outcome: Outcome
  attempts: AttemptRecord[]
  retrieval: RetrievalRecord | null
}

/** A body as it is stored: text, or bytes when it is sealed or no UTF-8 text. */
type StoredBody = string | Buffer | null
/** `src/audit/privacy/read-bodies.ts` opens what is sealed. */
export type StoredRequest = RequestRow & {
  requestBody: StoredBody
  responseBody: StoredBody
  trail: Buffer | null
  openRecord: string | null
  closeRecord: string | null
}

export type RequestPage = { rows: RequestRow[]; nextCursor: string | null }

const { openRecord, closeRecord, trail, ...ROW_COLUMNS } = getTableColumns(requests)
/** What only a reader of one request needs; lists go without. */
const EVIDENCE = { openRecord, closeRecord, trail }

export const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200
const DAY_MS = 86_400_000

/**
 * One page of the log, newest first by (started_at, id). Throws RequestError for a cursor that is not one of ours, or a
 * limit outside 1…200.
 */
export async function listRequests(db: Db, filter: RequestFilter): Promise<RequestPage> {
  const limit = limitOf(filter)
  const found = await db
    .select(ROW_COLUMNS)
    .from(requests)
    .where(and(...conditions(filter)))
    .orderBy(desc(requests.startedAt), desc(requests.id))
    .limit(limit + 1)
  const rows = found.slice(0, limit).map(toRow)
  const last = rows.at(-1)
  return { rows, nextCursor: found.length > limit && last !== undefined ? cursorAfter(last) : null }
}

/** One page with bodies and evidence as they are stored, and the cursor that goes on after each row. */
export async function listStored(
  db: Db,
  filter: RequestFilter,
): Promise<{ rows: StoredRequest[]; cursors: string[] }> {
  const found = await storedRows(db)
    .where(and(...conditions(filter)))
    .orderBy(desc(requests.startedAt), desc(requests.id))
    .limit(limitOf(filter))
  const rows = found.map(toStored)
  return { rows, cursors: rows.map(cursorAfter) }
}

/** Like `listStored` without bodies, which may be large, and without the bound of lists: up to `rows` rows. */
export async function listEvidence(
  db: Db,
  filter: Omit<RequestFilter, 'limit'>,
  rows: number,
): Promise<{ rows: StoredRequest[]; nextCursor: string | null }> {
  const found = await db
    .select({ request: ROW_COLUMNS, evidence: EVIDENCE })
    .from(requests)
    .where(and(...conditions(filter)))
    .orderBy(desc(requests.startedAt), desc(requests.id))
    .limit(rows)
  const stored = found.map((one) => toStored({ ...one, body: null }))
  const last = stored.at(-1)
  return { rows: stored, nextCursor: last === undefined || found.length < rows ? null : cursorAfter(last) }
}

/** The same rows with their bodies as they are stored; a row whose bodies are gone stays as it is. */
export async function withStoredBodies(db: Db, rows: readonly StoredRequest[]): Promise<StoredRequest[]> {
  if (rows.length === 0) return []
  const places = rows.map(
    ({ startedAt, writer, seq }) =>
      sql`(${dayOf(startedAt.getTime())}::date, ${writer}::uuid, ${String(seq)}::bigint)`,
  )
  const found = await db
    .select()
    .from(requestBodies)
    .where(
      sql`(${requestBodies.day}, ${requestBodies.writer}, ${requestBodies.seq}) IN (${sql.join(places, sql`, `)})`,
    )
  const bodies = new Map(found.map((body) => [`${body.writer} ${body.seq}`, body]))
  return rows.map((row) => {
    const body = bodies.get(`${row.writer} ${row.seq}`)
    return {
      ...row,
      requestBody: body?.requestText ?? body?.requestRaw ?? null,
      responseBody: body?.responseText ?? body?.responseRaw ?? null,
    }
  })
}

/** How many rows match, whatever they stand for; null when a server needs longer than `timeoutMs` to say. */
export async function countRows(
  db: Db,
  filter: Omit<RequestFilter, 'limit' | 'cursor'>,
  timeoutMs: number,
): Promise<number | null> {
  return await readWithin(db, timeoutMs, (transaction) =>
    transaction.$count(requests, and(...conditions(filter))),
  )
}

function limitOf(filter: RequestFilter): number {
  const limit = filter.limit ?? DEFAULT_LIMIT
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit
  throw new RequestError(
    'invalid_value',
    `limit is ${limit}; it must be a whole number from 1 to ${MAX_LIMIT}.`,
    { param: 'limit' },
  )
}

function storedRows(db: Db) {
  return db
    .select({ request: ROW_COLUMNS, evidence: EVIDENCE, body: getTableColumns(requestBodies) })
    .from(requests)
    .leftJoin(requestBodies, samePlace())
}

type StoredJoin = Awaited<ReturnType<ReturnType<typeof storedRows>['execute']>>[number]

function toStored({ request, evidence, body }: StoredJoin): StoredRequest {
  return {
    ...toRow(request),
    ...evidence,
    requestBody: body?.requestText ?? body?.requestRaw ?? null,
    responseBody: body?.responseText ?? body?.responseRaw ?? null,
  }
}

function cursorAfter(row: { startedAt: Date; id: string }): string {
  return encodeCursor(row.startedAt.getTime(), row.id)
}

/** The request with both bodies and all attempts, or null; also null when it belongs to another project. */
export async function findRequest(
  db: Db,
  { id, scope }: { id: string; scope: RequestScope },
): Promise<StoredRequest | null> {
  const startedMs = idTimeMs('req', id)
  if (startedMs === null) return null
  const mine = and(eq(requests.id, id), within(scope))
  // The id's own time names the partition; the days around it cover a request that began before midnight.
  const near = and(
    gte(requests.day, dayOf(startedMs - DAY_MS)),
    lt(requests.day, dayOf(startedMs + 2 * DAY_MS)),
  )
  // Ids never go back in time, but a clock that is set back by days does: then every partition is asked.
  return (await findWhere(db, and(mine, near))) ?? (await findWhere(db, mine))
}

async function findWhere(db: Db, where: SQL | undefined): Promise<StoredRequest | null> {
  const [found] = await storedRows(db).where(where).limit(1)
  return found === undefined ? null : toStored(found)
}

/** How many requests match, each row counted as often as it stands for requests. Bounded by the statement timeout. */
export async function countRequests(
  db: Db,
  filter: Omit<RequestFilter, 'limit' | 'cursor'>,
): Promise<number> {
  const [found] = await db
    .select({ count: sum(requests.occurrences).mapWith(Number) })
    .from(requests)
    .where(and(...conditions(filter)))
  return found?.count ?? 0
}

function within({ projectId, unowned }: RequestScope): SQL | undefined {
  const own = eq(requests.projectId, projectId)
  return unowned ? or(own, isNull(requests.projectId)) : own
}

function samePlace(): SQL | undefined {
  return and(
    eq(requestBodies.day, requests.day),
    eq(requestBodies.writer, requests.writer),
    eq(requestBodies.seq, requests.seq),
  )
}

function conditions(filter: RequestFilter): (SQL | undefined)[] {
  const { sinceMs, untilMs, model, index } = filter
  return [
    sinceMs === undefined
      ? undefined
      : and(gte(requests.startedAt, instant(sinceMs)), gte(requests.day, dayOf(sinceMs))),
    untilMs === undefined
      ? undefined
      : and(lt(requests.startedAt, instant(untilMs)), lt(requests.day, dayOf(untilMs + DAY_MS))),
    within(filter.scope),
    filter.keyId === undefined ? undefined : eq(requests.keyId, filter.keyId),
    filter.replayOf === undefined ? undefined : eq(requests.replayOf, filter.replayOf),
    filter.shadowOf === undefined ? undefined : eq(requests.shadowOf, filter.shadowOf),
    filter.shadow === undefined ? undefined : (filter.shadow ? isNotNull : isNull)(requests.shadowOf),
    filter.releaseId === undefined ? undefined : eq(requests.releaseId, filter.releaseId),
    index === undefined ? undefined : sql`starts_with(${requests.index} || '@', ${`${index}@`})`,
    filter.subject === undefined ? undefined : eq(requests.subject, filter.subject),
    filter.keyName === undefined ? undefined : eq(requests.keyName, filter.keyName),
    model === undefined ? undefined : or(eq(requests.requestedModel, model), eq(requests.model, model)),
    filter.route === undefined ? undefined : eq(requests.route, filter.route),
    filter.upstream === undefined ? undefined : tried(filter.upstream),
    filter.failed === undefined
      ? undefined
      : filter.failed
        ? ne(requests.outcome, 'completed')
        : eq(requests.outcome, 'completed'),
    filter.status === undefined ? undefined : between(requests.status, filter.status.from, filter.status.to),
    filter.outcome === undefined ? undefined : eq(requests.outcome, filter.outcome),
    filter.stream === undefined ? undefined : eq(requests.stream, filter.stream),
    filter.cursor === undefined ? undefined : before(decodeCursor(filter.cursor)),
  ]
}

/** A request whose first upstream failed and whose second answered is one of both. */
function tried(upstream: string): SQL | undefined {
  const attempt = JSON.stringify([{ upstream }])
  return or(eq(requests.upstream, upstream), sql`${requests.attempts} @> ${attempt}::jsonb`)
}

/** The row comparison is what the index by time can seek to; the day prunes partitions. */
function before({ startedAtMs, id }: CursorPlace): SQL | undefined {
  const at = new Date(startedAtMs).toISOString()
  return and(
    sql`(${requests.startedAt}, ${requests.id}) < (${at}::timestamptz, ${id})`,
    lt(requests.day, dayOf(startedAtMs + DAY_MS)),
  )
}

function instant(ms: number): Date {
  if (!Number.isFinite(ms) || ms < 0 || ms > MAX_INSTANT_MS) {
    throw new RequestError('invalid_value', `${ms} is not a time between 1970 and 9999 in milliseconds.`)
  }
  return new Date(ms)
}

function dayOf(ms: number): string {
  return new Date(Math.min(MAX_INSTANT_MS, Math.max(0, ms))).toISOString().slice(0, 10)
}

function toRow(row: StoredRow): RequestRow {
  const { day: _day, seq, outcome, attempts, retrieval, ...rest } = row
  return {
    ...rest,
    seq: Number(seq),
    // Both are what the shipper wrote; the table's CHECK holds the outcomes.
    outcome: outcome as Outcome,
    attempts: attempts as AttemptRecord[],
    retrieval: (retrieval ?? null) as RetrievalRecord | null,
  }
}
