/** What a verification reads from the database: pages in order, values as the database writes them. It never writes. */

import type { Sql } from 'postgres'
import { EVENT_COLUMNS, REQUEST_COLUMNS } from '../columns.ts'
import type { RawRow } from './row-check.ts'

const PAGE_ROWS = 500
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
    WHERE writer = ${writer} AND first_seq BETWEEN ${fromSeq} AND ${toSeq} ORDER BY first_seq LIMIT ${PAGE_ROWS}`
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

const ROW_SELECT = selection('r', REQUEST_COLUMNS)
const EVENT_SELECT = selection('e', EVENT_COLUMNS)

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
  const [row] = await readRows(sql, place, Number(place.seq) - 1, true)
  return row ?? null
}

/** A writer's rows of a day behind `afterSeq`, in order. Bodies only when they are asked for. */
export async function readRows(
  sql: Sql,
  { day, writer }: DayOfWriter,
  afterSeq: number,
  withBodies: boolean,
): Promise<RawRow[]> {
  const bodies = withBodies
    ? 'b.request_text, b.request_raw, b.response_text, b.response_raw'
    : 'NULL, NULL, NULL, NULL'
  const join = withBodies
    ? 'LEFT JOIN request_bodies b ON b.day = r.day AND b.writer = r.writer AND b.seq = r.seq'
    : ''
  const rows = (await sql
    .unsafe(
      `SELECT r.open_record, r.close_record, r.trail, ${bodies}, ${ROW_SELECT} FROM requests r ${join}
       WHERE r.day = $1::date AND r.writer = $2::uuid AND r.seq > $3::bigint ORDER BY r.seq LIMIT ${PAGE_ROWS}`,
      [day, writer, String(afterSeq)],
    )
    .raw()) as unknown as (Buffer | null)[][]
  return rows.map(([open, close, trail, requestText, requestRaw, responseText, responseRaw, ...rest]) => {
    const columns = rest.map(textOf)
    return {
      writer,
      seq: Number(columns[SEQ_AT]),
      id: columns[ID_AT] ?? '',
      columns,
      openRecord: open ?? null,
      closeRecord: close ?? null,
      trail: bytesOf(trail),
      requestBody: requestText ?? bytesOf(requestRaw),
      responseBody: responseText ?? bytesOf(responseRaw),
    }
  })
}

const SEQ_AT = REQUEST_COLUMNS.findIndex(({ name }) => name === 'seq')
const ID_AT = REQUEST_COLUMNS.findIndex(({ name }) => name === 'id')
const EVENT_SEQ_AT = EVENT_COLUMNS.findIndex(({ name }) => name === 'seq')
const EVENT_ID_AT = EVENT_COLUMNS.findIndex(({ name }) => name === 'id')
const EVENT_RECORD_AT = EVENT_COLUMNS.findIndex(({ name }) => name === 'record')
const EVENT_TRAIL_AT = EVENT_COLUMNS.findIndex(({ name }) => name === 'trail')

/** A writer's events behind `afterSeq`, in order. */
export async function readEvents(sql: Sql, writer: string, afterSeq: number): Promise<RawEvent[]> {
  const rows = (await sql
    .unsafe(
      `SELECT ${EVENT_SELECT} FROM audit_events e WHERE e.writer = $1::uuid AND e.seq > $2::bigint
       ORDER BY e.seq LIMIT ${PAGE_ROWS}`,
      [writer, String(afterSeq)],
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
