/**
 * The shipper's side of the database: rows and cursor in one transaction, so that a row is there exactly once even
 * when the answer to COMMIT is lost. It never inserts a row without moving the cursor that it stands for.
 */

import type { Sql, TransactionSql } from 'postgres'
import { copyIn } from '../db/copy-in.ts'
import { ensurePartitions } from '../db/partitions.ts'
import type { Pool } from '../db/pool.ts'
import {
  BODY_COLUMNS,
  type Column,
  dayMs,
  EVENT_COLUMNS,
  EVIDENCE_COLUMNS,
  REQUEST_COLUMNS,
} from './columns.ts'
import { type CopyBuffer, encodeCopy } from './copy-encoding.ts'
import { ERASURE_LOCK } from './erasure/channel.ts'
import type { Checkpoint } from './evidence/checkpoints.ts'
import type { ShipEvent, ShipRow } from './pairing.ts'

export type Cursor = { nextSeq: number; sealed: boolean }
export type Batch = {
  writer: string
  fromSeq: number
  toSeq: number
  sealed: boolean
  rows: ShipRow[]
  events: ShipEvent[]
  /** Records below `toSeq` of requests that have not ended. */
  openSeqs: readonly number[]
}
/** The leaves of a batch's records, null when they cannot be known; and heads that are not in the database yet. */
export type BatchEvidence = { leaves: Buffer | null; checkpoints: readonly Checkpoint[] }

const ROW_COLUMNS = [...REQUEST_COLUMNS, ...EVIDENCE_COLUMNS]

/** The cursor was not where this shipper left it: the batch was rolled back. */
export class CursorMovedError extends Error {
  override name = 'CursorMovedError'
}

/** Reads a writer's cursor, making it at 0 when there is none. */
export async function openCursor(sql: Sql, writer: string): Promise<Cursor> {
  await sql`
    INSERT INTO ship_cursors (writer, next_seq, updated_at) VALUES (${writer}, 0, now())
    ON CONFLICT (writer) DO NOTHING`
  const [row] = await sql<{ next_seq: string; sealed: boolean }[]>`
    SELECT next_seq, sealed FROM ship_cursors WHERE writer = ${writer}`
  return { nextSeq: Number(row?.next_seq ?? 0), sealed: row?.sealed === true }
}

/**
 * Inserts the batch's rows and moves the cursor from `fromSeq` to `toSeq`, or neither. An error leaves open which of
 * the two happened when the connection broke: read the cursor to know. Throws CursorMovedError when another shipper
 * was here. After an error `copyBuffer` may still be on its way: give the next call another.
 */
export async function commitBatch(
  { sql }: Pool,
  batch: Batch,
  evidence: BatchEvidence,
  copyBuffer: CopyBuffer,
): Promise<void> {
  await sql.begin(async (transaction) => {
    // First, because its row lock also keeps a second shipper of this writer out.
    const moved = await transaction`
      UPDATE ship_cursors SET next_seq = ${batch.toSeq}, sealed = ${batch.sealed}, updated_at = now(),
        open_seqs = ${`{${batch.openSeqs.join(',')}}`}::bigint[]
      WHERE writer = ${batch.writer} AND next_seq = ${batch.fromSeq}`
    if (moved.count !== 1)
      throw new CursorMovedError(`The cursor of ${batch.writer} is not ${batch.fromSeq}.`)
    const { writer, events } = batch
    const rows = await withoutErased(transaction, batch)
    const insert = <Row>(insertion: Insertion<Row>) => copyRows(transaction, insertion, copyBuffer)
    if (rows.length > 0) {
      await insert({ table: 'requests', writer, rows, columns: ROW_COLUMNS })
      await insert({ table: 'request_bodies', writer, rows, columns: BODY_COLUMNS })
    }
    if (events.length > 0) {
      await insert({ table: 'audit_events', writer, rows: events, columns: EVENT_COLUMNS })
      await insertDataKeys(transaction, events)
    }
    if (evidence.leaves !== null && evidence.leaves.length > 0) {
      await transaction`
        INSERT INTO audit_leaves (writer, first_seq, leaves) VALUES (${writer}, ${batch.fromSeq}, ${evidence.leaves})`
    }
    await insertCheckpoints(transaction, writer, evidence.checkpoints)
  })
}

/** Heads are the same wherever they come from, so one that is there already stays. */
export async function insertCheckpoints(
  sql: Sql | TransactionSql,
  writer: string,
  checkpoints: readonly Checkpoint[],
): Promise<void> {
  for (const { size, atMs, note } of checkpoints) {
    await sql`
      INSERT INTO audit_checkpoints (writer, size, at, note)
      VALUES (${writer}, ${size}, ${new Date(atMs)}, ${note}) ON CONFLICT (writer, size) DO NOTHING`
  }
}

/** Notes the public key that signs, with the word of the key before it; true when it was not known. */
export async function registerSigningKey(
  sql: Sql,
  key: { verifierKey: string; endorsement: string | null },
): Promise<boolean> {
  const inserted = await sql`
    INSERT INTO audit_signing_keys (verifier_key, first_used_at, endorsement)
    VALUES (${key.verifierKey}, now(), ${key.endorsement}) ON CONFLICT (verifier_key) DO NOTHING`
  return inserted.count === 1
}

/**
 * The rows as they may come in: without bodies where the subject was erased after the request began. The lock, shared
 * among shippers, keeps an erasure from running between this look and COMMIT; what came in before it sees itself.
 */
async function withoutErased(
  transaction: TransactionSql,
  { rows, events }: Pick<Batch, 'rows' | 'events'>,
): Promise<readonly ShipRow[]> {
  const subjects = [...new Set(rows.map(({ open }) => open.subject).filter((subject) => subject !== null))]
  if (subjects.length === 0 && !events.some(({ record }) => record.kind === 'key')) return rows
  // Two statements, because one that waits for a lock looks at the database as it was before.
  const [, found] = await Promise.all([
    transaction`SELECT pg_advisory_xact_lock_shared(${ERASURE_LOCK}::bigint)`,
    transaction<{ project_id: string; subject: string; executed_ms: string }[]>`
      SELECT project_id, subject, (extract(epoch FROM max(executed_at)) * 1000)::bigint AS executed_ms FROM erasures
      WHERE executed_at IS NOT NULL AND subject = ANY(${subjects}::text[]) GROUP BY project_id, subject`,
  ])
  if (found.length === 0) return rows
  const erasedMs = new Map(found.map((row) => [`${row.project_id} ${row.subject}`, Number(row.executed_ms)]))
  return rows.map((row) => {
    const { projectId, subject, startedAtMs } = row.open
    if (startedAtMs > (erasedMs.get(`${projectId} ${subject}`) ?? -1)) return row
    return { ...row, erased: true }
  })
}

/** A key whose subject was erased meanwhile is not brought back. */
async function insertDataKeys(transaction: TransactionSql, events: readonly ShipEvent[]): Promise<void> {
  for (const { record, body } of events) {
    if (record.kind !== 'key' || !('detail' in record)) continue
    const subject = typeof record.detail.subject === 'string' ? record.detail.subject : null
    const createdAt = new Date(record.atMs)
    await transaction`
      INSERT INTO data_keys (id, project_id, subject, wrapped, created_at)
      SELECT ${record.target}::text, ${record.projectId}::text, ${subject}::text, ${body}::bytea, ${createdAt}::timestamptz
      WHERE NOT EXISTS (
        SELECT FROM erasures WHERE project_id = ${record.projectId}::text AND subject = ${subject}::text
        AND executed_at >= ${createdAt}::timestamptz)`
  }
}

type Insertion<Row> = {
  table: string
  writer: string
  rows: readonly Row[]
  columns: readonly Column<Row>[]
}

/** Resolves when the server has taken the rows, so that `copyBuffer` is free again. */
async function copyRows<Row>(
  transaction: TransactionSql,
  insertion: Insertion<Row>,
  copyBuffer: CopyBuffer,
): Promise<void> {
  const { table, writer, rows, columns } = insertion
  const names = columns.map((column) => column.name).join(', ')
  const statement = `COPY ${table} (${names}) FROM STDIN (FORMAT binary)`
  await copyIn(transaction, statement, encodeCopy(rows, writer, columns, copyBuffer))
}

/** Makes the partitions these rows need, each day once. A day that cannot have one goes to the DEFAULT partition. */
export async function preparePartitions(
  { sql }: Pool,
  rows: readonly ShipRow[],
  known: Set<number>,
): Promise<void> {
  for (const row of rows) {
    const day = dayMs(row)
    if (known.has(day)) continue
    if (known.size > MAX_KNOWN_DAYS) known.clear()
    known.add(day)
    await ensurePartitions(sql, { fromDay: new Date(day).toISOString().slice(0, 10), days: 1 })
  }
}

const MAX_KNOWN_DAYS = 1000
