/**
 * The shipper's side of the database: rows and cursor in one transaction, so that a row is there exactly once even
 * when the answer to COMMIT is lost. It never inserts a row without moving the cursor that it stands for.
 */

import { finished } from 'node:stream/promises'
import type { Sql, TransactionSql } from 'postgres'
import { ensurePartitions } from '../db/partitions.ts'
import type { Pool } from '../db/pool.ts'
import { encodeArrays, unnestStatement } from './array-encoding.ts'
import { BODY_COLUMNS, type Column, dayMs, REQUEST_COLUMNS } from './columns.ts'
import { encodeCopy } from './copy-encoding.ts'
import type { ShipRow } from './pairing.ts'

export type Cursor = { nextSeq: number; sealed: boolean }
export type Batch = { writer: string; fromSeq: number; toSeq: number; sealed: boolean; rows: ShipRow[] }

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
 * was here.
 */
export async function commitBatch({ sql, embedded }: Pool, batch: Batch): Promise<void> {
  await sql.begin(async (transaction) => {
    // First, because its row lock also keeps a second shipper of this writer out.
    const moved = await transaction`
      UPDATE ship_cursors SET next_seq = ${batch.toSeq}, sealed = ${batch.sealed}, updated_at = now()
      WHERE writer = ${batch.writer} AND next_seq = ${batch.fromSeq}`
    if (moved.count !== 1)
      throw new CursorMovedError(`The cursor of ${batch.writer} is not ${batch.fromSeq}.`)
    if (batch.rows.length === 0) return
    const insert = embedded ? insertArrays : copyRows
    await insert(transaction, batch, 'requests', REQUEST_COLUMNS)
    await insert(transaction, batch, 'request_bodies', BODY_COLUMNS)
  })
}

async function copyRows(
  transaction: TransactionSql,
  batch: Batch,
  table: string,
  columns: readonly Column[],
): Promise<void> {
  const names = columns.map((column) => column.name).join(', ')
  const stream = await transaction.unsafe(`COPY ${table} (${names}) FROM STDIN (FORMAT binary)`).writable()
  const done = finished(stream)
  stream.end(encodeCopy(batch.rows, batch.writer, columns))
  await done
}

async function insertArrays(
  transaction: TransactionSql,
  batch: Batch,
  table: string,
  columns: readonly Column[],
): Promise<void> {
  await transaction.unsafe(unnestStatement(table, columns), encodeArrays(batch.rows, batch.writer, columns))
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
