/** What a verification reads from the database: pages in order, values as the database writes them. It never writes. */

import type { Sql } from 'postgres'
import { EVENT_COLUMNS } from '../columns.ts'
import { JSON_COLUMNS, PLAIN_COLUMNS, type RawRow } from './row-check.ts'

/** Of a log's rows: fewer at a time cost the database a plan more often, a twentieth of all with 500. */
const PAGE_ROWS = 2_000
/** Of runs of leaves and of events. */
const PAGE_RUNS = 500
const MAX_PAGE_BYTES = 16 * 1024 * 1024
const HASH_BYTES = 32
/** About 1,000 leaves each. */
const MAX_ANSWER_RUNS = 64

export type WriterState = { writer: string; nextSeq: number; sealed: boolean; openSeqs: ReadonlySet<number> }
export type LeafRun = { firstSeq: number; count: number }
export type StoredHead = { size: number; note: string }
export type StoredSuperHead = { number: number; note: string; heads: unknown }
export type RawEvent = {
  writer: string
  seq: number
  id: string
  columns: readonly (string | null)[]
  record: Buffer
  trail: Buffer
}
/** The writer's rows of one UTC day. */
export type DayOfWriter = { day: string; writer: string }
/**
 * A part of such a day: rows behind one number, up to another. Numbers are texts, because a row that somebody put there may
 * have one that no JavaScript number holds; null where the part has no end on that side.
 */
export type Span = DayOfWriter & { afterSeq: string | null; upToSeq: string | null }

/** Every writer that anything in the database speaks of. */
export async function listWriterStates(sql: Sql): Promise<WriterState[]> {
  const rows = await sql<
    { writer: string; next_seq: string | null; sealed: boolean | null; open: string | null }[]
  >`
    SELECT w.writer, c.next_seq, c.sealed, array_to_string(c.open_seqs, ',') AS open
    FROM (SELECT writer FROM ship_cursors UNION SELECT writer FROM audit_leaves
          UNION SELECT writer FROM audit_checkpoints UNION SELECT DISTINCT writer FROM requests
          UNION SELECT DISTINCT writer FROM audit_events) AS w
    LEFT JOIN ship_cursors c USING (writer) ORDER BY w.writer`
  return rows.map(({ writer, next_seq, sealed, open }) => ({
    writer,
    nextSeq: Number(next_seq ?? 0),
    sealed: sealed === true,
    openSeqs: new Set((open ?? '').split(',').filter(Boolean).map(Number)),
  }))
}

export async function listLeafRuns(sql: Sql, writer: string): Promise<LeafRun[]> {
  const rows = await sql<{ first_seq: string; bytes: number }[]>`
    SELECT first_seq, length(leaves) AS bytes FROM audit_leaves WHERE writer = ${writer} ORDER BY first_seq`
  return rows.map(({ first_seq, bytes }) => ({ firstSeq: Number(first_seq), count: bytes / HASH_BYTES }))
}

/** The leaves of the runs that begin from `fromSeq` up to `toSeq`, a bounded number of runs. */
export async function readLeafRuns(
  sql: Sql,
  writer: string,
  fromSeq: number,
  toSeq: number,
): Promise<{ firstSeq: number; leaves: Buffer }[]> {
  const rows = await sql<{ first_seq: string; leaves: Buffer }[]>`
    SELECT first_seq, leaves FROM audit_leaves
    WHERE writer = ${writer} AND first_seq BETWEEN ${fromSeq} AND ${toSeq} ORDER BY first_seq LIMIT ${PAGE_RUNS}`
  return rows.map(({ first_seq, leaves }) => ({ firstSeq: Number(first_seq), leaves }))
}

export async function listHeads(sql: Sql, writer: string): Promise<StoredHead[]> {
  const rows = await sql<{ size: string; note: string }[]>`
    SELECT size, note FROM audit_checkpoints WHERE writer = ${writer} ORDER BY size`
  return rows.map(({ size, note }) => ({ size: Number(size), note }))
}

/** The newest head of each writer. */
export async function listNewestHeads(sql: Sql): Promise<(StoredHead & { writer: string })[]> {
  const rows = await sql<{ writer: string; size: string; note: string }[]>`
    SELECT DISTINCT ON (writer) writer, size, note FROM audit_checkpoints ORDER BY writer, size DESC`
  return rows.map(({ writer, size, note }) => ({ writer, size: Number(size), note }))
}

/** Leaves from `from` on, below `to`, a bounded number of them; empty when the next one is not there. */
export async function readLeaves(sql: Sql, writer: string, from: number, to: number): Promise<Buffer> {
  const rows = await sql<{ first_seq: string; leaves: Buffer }[]>`
    SELECT first_seq, leaves FROM audit_leaves
    WHERE writer = ${writer} AND first_seq < ${to} AND first_seq + length(leaves) / ${HASH_BYTES} > ${from}
    ORDER BY first_seq LIMIT ${MAX_ANSWER_RUNS}`
  const pieces: Buffer[] = []
  let next = from
  for (const { first_seq, leaves } of rows) {
    const firstSeq = Number(first_seq)
    if (firstSeq > next) break
    const end = Math.min(to, firstSeq + leaves.length / HASH_BYTES)
    pieces.push(leaves.subarray((next - firstSeq) * HASH_BYTES, (end - firstSeq) * HASH_BYTES))
    next = end
  }
  return Buffer.concat(pieces)
}

export async function listSuperHeads(sql: Sql): Promise<StoredSuperHead[]> {
  const rows = await sql<{ number: string; note: string; heads: string }[]>`
    SELECT number, note, heads::text AS heads FROM audit_super_checkpoints ORDER BY number`
  return rows.map(({ number, note, heads }) => ({ number: Number(number), note, heads: JSON.parse(heads) }))
}

export async function listSigningKeys(
  sql: Sql,
): Promise<{ verifierKey: string; endorsement: string | null }[]> {
  const rows = await sql<{ verifier_key: string; endorsement: string | null }[]>`
    SELECT verifier_key, endorsement FROM audit_signing_keys ORDER BY first_used_at, verifier_key`
  return rows.map(({ verifier_key, endorsement }) => ({ verifierKey: verifier_key, endorsement }))
}

export async function listDays(sql: Sql): Promise<DayOfWriter[]> {
  const rows = await sql<{ day: string; writer: string }[]>`
    SELECT DISTINCT day::text AS day, writer FROM requests ORDER BY day, writer`
  return rows.map(({ day, writer }) => ({ day, writer }))
}

/** Which data keys still exist, of these. */
export async function findKeyIds(sql: Sql, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await sql<{ id: string }[]>`SELECT id FROM data_keys WHERE id IN ${sql([...ids])}`
  return new Set(rows.map(({ id }) => id))
}

/** Erasures and tombstones as their events say them. */
export async function listExplanations(sql: Sql): Promise<{ kind: string; record: string }[]> {
  return await sql<{ kind: string; record: string }[]>`
    SELECT kind, record FROM audit_events WHERE kind IN ('erase', 'tombstone') ORDER BY at, id`
}

export async function countRecords(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: string }[]>`
    SELECT coalesce(sum(length(leaves)) / ${HASH_BYTES}, 0)::bigint AS count FROM audit_leaves`
  return Number(row?.count ?? 0)
}

const ROW_SELECT = [
  'r.open_record, r.close_record, r.trail, r.seq, r.id, r.finish_reason, r.data_key',
  `ROW(${selection('r', PLAIN_COLUMNS)})::text`,
  selection('r', JSON_COLUMNS),
].join(', ')
const EVENT_SELECT = selection('e', EVENT_COLUMNS)

const IN_SPAN = `r.day = $1::date AND r.writer = $2::uuid AND ($3::bigint IS NULL OR r.seq > $3::bigint)
  AND ($4::bigint IS NULL OR r.seq <= $4::bigint)`
/** By their key for each row: a plan made before there are statistics goes through all bodies of the day for each of its rows. */
const BODIES_BY_KEY = `LEFT JOIN LATERAL (SELECT * FROM request_bodies b
  WHERE b.day = $1::date AND b.writer = $2::uuid AND b.seq = r.seq OFFSET 0) b ON true`
/** What a row says of its own size decides how much memory is taken at once, and nothing else. */
const BYTES = [
  'r.request_bytes',
  'r.response_bytes',
  'octet_length(r.open_record)',
  'octet_length(r.close_record)',
]
  .map((bytes) => `coalesce(${bytes}, 0)::float8`)
  .join(' + ')
/** At most so many bytes come at once, or a single row's. */
const LAST_OF_PAGE = `SELECT max(seq)::text AS last FROM (
    SELECT seq, sum(bytes) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - bytes AS before
    FROM (SELECT r.seq, ${BYTES} AS bytes
          FROM requests r WHERE ${IN_SPAN} ORDER BY r.seq LIMIT ${PAGE_ROWS}) AS sizes) AS sums
  WHERE before < ${MAX_PAGE_BYTES}`

/** Times as microseconds, so that their text does not depend on the session. */
function selection(alias: string, columns: readonly { name: string; type: string }[]): string {
  return columns
    .map(({ name, type }) =>
      type === 'timestamptz'
        ? `(extract(epoch FROM ${alias}.${name}) * 1000000)::bigint`
        : `${alias}.${name}`,
    )
    .join(', ')
}

/** The row of a request, with its bodies; null when there is none. */
export async function findRowOf(sql: Sql, id: string): Promise<RawRow | null> {
  const [place] = await sql<{ day: string; writer: string; seq: string }[]>`
    SELECT day::text AS day, writer, seq FROM requests WHERE id = ${id} LIMIT 1`
  if (place === undefined) return null
  const { day, writer, seq } = place
  const span = { day, writer, afterSeq: String(BigInt(seq) - 1n), upToSeq: seq }
  let found: RawRow | null = null
  await eachRow(sql, span, true, (row) => {
    found = row
  })
  return found
}

/** The number of the `rows`-th row behind `afterSeq`; null when there are fewer. */
export async function seqOfRow(
  sql: Sql,
  { day, writer }: DayOfWriter,
  afterSeq: string | null,
  rows: number,
): Promise<string | null> {
  const [row] = await sql<{ seq: string }[]>`
    SELECT seq FROM requests
    WHERE day = ${day}::date AND writer = ${writer} AND (${afterSeq}::bigint IS NULL OR seq > ${afterSeq}::bigint)
    ORDER BY seq OFFSET ${rows - 1} LIMIT 1`
  return row?.seq ?? null
}

/** The number of the last row of the span's first page, which is bounded in rows and in bytes; null when the span has no row. */
export async function endOfPage(sql: Sql, { day, writer, afterSeq, upToSeq }: Span): Promise<string | null> {
  const [row] = await sql.unsafe<{ last: string | null }[]>(LAST_OF_PAGE, [day, writer, afterSeq, upToSeq])
  return row?.last ?? null
}

/**
 * Gives all of the span's rows to `take`, in order and as they arrive: `endOfPage` bounds a span. Bodies only when they are asked for.
 * Rejects with what the database says, or with what `take` throws; then no more are given.
 */
export async function eachRow(
  sql: Sql,
  { day, writer, afterSeq, upToSeq }: Span,
  withBodies: boolean,
  take: (row: RawRow) => void,
): Promise<void> {
  const bodies = withBodies
    ? 'b.request_text, b.request_raw, b.response_text, b.response_raw'
    : 'NULL, NULL, NULL, NULL'
  const join = withBodies ? BODIES_BY_KEY : ''
  let failed: { cause: unknown } | null = null
  await sql
    .unsafe(`SELECT ${bodies}, ${ROW_SELECT} FROM requests r ${join} WHERE ${IN_SPAN} ORDER BY r.seq`, [
      day,
      writer,
      afterSeq,
      upToSeq,
    ])
    .raw()
    .forEach((values) => {
      if (failed !== null) return
      try {
        take(rowOf(writer, values as unknown as (Buffer | null)[]))
      } catch (cause) {
        // The driver would take it for a fault of its connection.
        failed = { cause }
      }
    })
  if (failed !== null) throw (failed as { cause: unknown }).cause
}

function rowOf(
  writer: string,
  [requestText, requestRaw, responseText, responseRaw, open, close, trail, ...rest]: (Buffer | null)[],
): RawRow {
  const [seq, id, finishReason, dataKey, plain, ...json] = rest.map(textOf)
  return {
    writer,
    seq: Number(seq),
    id: id ?? '',
    finishReason: finishReason ?? null,
    dataKey: dataKey ?? null,
    plain: plain ?? '',
    json,
    openRecord: open ?? null,
    closeRecord: close ?? null,
    trail: bytesOf(trail),
    requestBody: requestText ?? bytesOf(requestRaw),
    responseBody: responseText ?? bytesOf(responseRaw),
  }
}

export const EVENT_SEQ_AT = EVENT_COLUMNS.findIndex(({ name }) => name === 'seq')
const EVENT_ID_AT = EVENT_COLUMNS.findIndex(({ name }) => name === 'id')
const EVENT_RECORD_AT = EVENT_COLUMNS.findIndex(({ name }) => name === 'record')
const EVENT_TRAIL_AT = EVENT_COLUMNS.findIndex(({ name }) => name === 'trail')

/** A writer's events behind `afterSeq`, in order; from the first on for null. */
export async function readEvents(sql: Sql, writer: string, afterSeq: string | null): Promise<RawEvent[]> {
  const rows = (await sql
    .unsafe(
      `SELECT ${EVENT_SELECT} FROM audit_events e
       WHERE e.writer = $1::uuid AND ($2::bigint IS NULL OR e.seq > $2::bigint) ORDER BY e.seq LIMIT ${PAGE_RUNS}`,
      [writer, afterSeq],
    )
    .raw()) as unknown as (Buffer | null)[][]
  return rows.map((values) => ({
    writer,
    seq: Number(textOf(values[EVENT_SEQ_AT])),
    id: textOf(values[EVENT_ID_AT]) ?? '',
    columns: values.map(textOf),
    record: values[EVENT_RECORD_AT] ?? Buffer.alloc(0),
    trail: bytesOf(values[EVENT_TRAIL_AT]) ?? Buffer.alloc(0),
  }))
}

function textOf(value: Buffer | null | undefined): string | null {
  return value === null || value === undefined ? null : value.toString('utf8')
}

/** `\x…` as bytea is written. */
function bytesOf(value: Buffer | null | undefined): Buffer | null {
  return value === null || value === undefined ? null : Buffer.from(value.toString('latin1', 2), 'hex')
}
