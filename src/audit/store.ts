/** Reads of the request log. It never writes: the shipper alone does, and rows are never changed. */

import {
  and,
  between,
  desc,
  eq,
  getTableColumns,
  gte,
  ilike,
  isNull,
  lt,
  or,
  type SQL,
  sql,
  sum,
} from 'drizzle-orm'
import type { Db } from '../db/client.ts'
import { requestBodies, requests } from '../db/schema.ts'
import { RequestError } from '../errors.ts'
import { idTimeMs } from '../lib/ids.ts'
import type { AttemptRecord, Outcome } from './record.ts'

/** Whose rows a reader sees. `unowned` adds those that never had a key, such as refused strangers. */
export type RequestScope = { projectId: string; unowned: boolean }

export type RequestFilter = {
  /** First and first-not-included instant of the start, milliseconds. */
  sinceMs?: number | undefined
  untilMs?: number | undefined
  scope: RequestScope
  keyId?: string | undefined
  keyName?: string | undefined
  /** Matches the model asked for or the model that answered. */
  model?: string | undefined
  route?: string | undefined
  /** Inclusive range of HTTP statuses. */
  status?: { from: number; to: number } | undefined
  outcome?: Outcome | undefined
  stream?: boolean | undefined
  /** Case-insensitive piece of a body. */
  text?: string | undefined
  /** 1…200, default 50. */
  limit?: number | undefined
  /** From the page before. */
  cursor?: string | undefined
}

export type RequestRow = Omit<typeof requests.$inferSelect, 'day' | 'seq' | 'outcome' | 'attempts'> & {
  seq: number
  outcome: Outcome
  attempts: AttemptRecord[]
}

/** A body: text, or bytes when it was not UTF-8 text. */
type StoredBody = string | Buffer | null
export type RequestDetail = RequestRow & { requestBody: StoredBody; responseBody: StoredBody }

export type RequestPage = { rows: RequestRow[]; nextCursor: string | null }

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200
const MAX_TEXT = 1000
const DAY_MS = 86_400_000
/** Searching bodies reads them; better an error that says "narrow the time" than a database busy for minutes. */
const TEXT_TIMEOUT_MS = 10_000
const QUERY_CANCELED = '57014'

/**
 * One page of the log, newest first by (started_at, id). Throws RequestError for a cursor that is not one of ours, a limit
 * outside 1…200, or a text search that takes longer than ten seconds.
 */
export async function listRequests(db: Db, filter: RequestFilter): Promise<RequestPage> {
  const limit = filter.limit ?? DEFAULT_LIMIT
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new RequestError(
      'invalid_value',
      `limit is ${limit}; it must be a whole number from 1 to ${MAX_LIMIT}.`,
      {
        param: 'limit',
      },
    )
  }
  const where = and(...conditions(filter))
  const read = (source: Db) => page(source, where, limit + 1, filter.text !== undefined)
  const found = filter.text === undefined ? await read(db) : await withTimeout(db, read)
  const rows = found.slice(0, limit).map(toRow)
  const last = rows.at(-1)
  const more = found.length > limit && last !== undefined
  return { rows, nextCursor: more ? encodeCursor(last.startedAt.getTime(), last.id) : null }
}

/** The request with both bodies and all attempts, or null; also null when it belongs to another project. */
export async function findRequest(
  db: Db,
  { id, scope }: { id: string; scope: RequestScope },
): Promise<RequestDetail | null> {
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

async function findWhere(db: Db, where: SQL | undefined): Promise<RequestDetail | null> {
  const [found] = await db
    .select({ request: getTableColumns(requests), body: getTableColumns(requestBodies) })
    .from(requests)
    .leftJoin(requestBodies, samePlace())
    .where(where)
    .limit(1)
  if (found === undefined) return null
  return {
    ...toRow(found.request),
    requestBody: found.body?.requestText ?? found.body?.requestRaw ?? null,
    responseBody: found.body?.responseText ?? found.body?.responseRaw ?? null,
  }
}

/** How many requests match, each row counted as often as it stands for requests. Bounded by the statement timeout. */
export async function countRequests(
  db: Db,
  filter: Omit<RequestFilter, 'limit' | 'cursor' | 'text'>,
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

function page(db: Db, where: SQL | undefined, limit: number, withBodies: boolean) {
  const base = db.select(getTableColumns(requests)).from(requests).$dynamic()
  const joined = withBodies ? base.innerJoin(requestBodies, samePlace()) : base
  return joined.where(where).orderBy(desc(requests.startedAt), desc(requests.id)).limit(limit)
}

function samePlace(): SQL | undefined {
  return and(
    eq(requestBodies.day, requests.day),
    eq(requestBodies.writer, requests.writer),
    eq(requestBodies.seq, requests.seq),
  )
}

function conditions(filter: RequestFilter): (SQL | undefined)[] {
  const { sinceMs, untilMs, model, text } = filter
  return [
    sinceMs === undefined
      ? undefined
      : and(gte(requests.startedAt, instant(sinceMs)), gte(requests.day, dayOf(sinceMs))),
    untilMs === undefined
      ? undefined
      : and(lt(requests.startedAt, instant(untilMs)), lt(requests.day, dayOf(untilMs + DAY_MS))),
    within(filter.scope),
    filter.keyId === undefined ? undefined : eq(requests.keyId, filter.keyId),
    filter.keyName === undefined ? undefined : eq(requests.keyName, filter.keyName),
    model === undefined ? undefined : or(eq(requests.requestedModel, model), eq(requests.model, model)),
    filter.route === undefined ? undefined : eq(requests.route, filter.route),
    filter.status === undefined ? undefined : between(requests.status, filter.status.from, filter.status.to),
    filter.outcome === undefined ? undefined : eq(requests.outcome, filter.outcome),
    filter.stream === undefined ? undefined : eq(requests.stream, filter.stream),
    text === undefined ? undefined : bodyHolds(text),
    filter.cursor === undefined ? undefined : before(decodeCursor(filter.cursor)),
  ]
}

function bodyHolds(text: string): SQL | undefined {
  if (text === '' || text.length > MAX_TEXT || text.includes('\0')) {
    throw new RequestError('invalid_value', `text must have 1 to ${MAX_TEXT} characters and no NUL.`, {
      param: 'text',
    })
  }
  const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`
  return or(ilike(requestBodies.requestText, pattern), ilike(requestBodies.responseText, pattern))
}

type CursorPlace = { startedAtMs: number; id: string }

/** The row comparison is what the index by time can seek to; the day prunes partitions. */
function before({ startedAtMs, id }: CursorPlace): SQL | undefined {
  const at = new Date(startedAtMs).toISOString()
  return and(
    sql`(${requests.startedAt}, ${requests.id}) < (${at}::timestamptz, ${id})`,
    lt(requests.day, dayOf(startedAtMs + DAY_MS)),
  )
}

function encodeCursor(startedAtMs: number, id: string): string {
  return Buffer.from(`${startedAtMs} ${id}`).toString('base64url')
}

function decodeCursor(cursor: string): CursorPlace {
  const match = /^(\d{1,15}) (req_[0-9a-z]{26})$/.exec(
    Buffer.from(cursor.slice(0, 200), 'base64url').toString('latin1'),
  )
  const startedAtMs = Number(match?.[1])
  if (match?.[2] === undefined || startedAtMs > MAX_INSTANT_MS) {
    throw new RequestError('invalid_value', 'The cursor is not one of this list; start without it.', {
      param: 'cursor',
    })
  }
  return { startedAtMs, id: match[2] }
}

/** Year 9999; beyond it neither ISO text nor a partition name has four digits. */
const MAX_INSTANT_MS = 253_402_214_400_000

function instant(ms: number): Date {
  if (!Number.isFinite(ms) || ms < 0 || ms > MAX_INSTANT_MS) {
    throw new RequestError('invalid_value', `${ms} is not a time between 1970 and 9999 in milliseconds.`)
  }
  return new Date(ms)
}

function dayOf(ms: number): string {
  return new Date(Math.min(MAX_INSTANT_MS, Math.max(0, ms))).toISOString().slice(0, 10)
}

async function withTimeout<Result>(db: Db, read: (source: Db) => Promise<Result>): Promise<Result> {
  try {
    return await db.transaction(async (transaction) => {
      await transaction.execute(sql`SET LOCAL statement_timeout = ${sql.raw(String(TEXT_TIMEOUT_MS))}`)
      return await read(transaction)
    })
  } catch (error) {
    if (codeOf(error) !== QUERY_CANCELED) throw error
    throw new RequestError(
      'request_timeout',
      'The text search took too long. Narrow it with since and until.',
      {
        param: 'text',
        cause: error,
      },
    )
  }
}

/** drizzle wraps the driver's error. */
function codeOf(error: unknown): unknown {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  return code ?? cause?.code
}

function toRow(row: typeof requests.$inferSelect): RequestRow {
  const { day: _day, seq, outcome, attempts, ...rest } = row
  return {
    ...rest,
    seq: Number(seq),
    // Both are what the shipper wrote; the table's CHECK holds the outcomes.
    outcome: outcome as Outcome,
    attempts: attempts as AttemptRecord[],
  }
}
