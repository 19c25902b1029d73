/**
 * Sums up what has come into the log, each request exactly once. A writer's records arrive in the order of their places, and its
 * cursor moves in the same transaction (`commitBatch` of src/audit/sink.ts): so all that arrived lies between two cursors, however
 * late it is. Sums and the own cursor move in one transaction too; killed anywhere it is simply run again.
 */

import type { Sql, TransactionSql } from 'postgres'
import { type Cell, type CellPlace, cellsOf, widen } from './aggregate.ts'
import { addCells, addPlaces } from './level-rows.ts'
import { LEVELS, type Level } from './levels.ts'
import { findSpans, readLogRows, type Span, writeReach } from './log-rows.ts'

/** `idle`: nothing was left. `busy`: another process is at it. */
export type RolledUp = { outcome: 'done' | 'idle' | 'busy'; requests: number }

/** For each level the first instant that is kept, milliseconds: what is older goes to the wider levels alone. */
export type KeptSince = Readonly<Record<Level, number>>
export const KEEP_ALL: KeptSince = { minute: 0, hour: 0, day: 0 }

/** The letters are "aval", 5 = rollups. */
const ROLLUP_LOCK = 0x6176_616c_05

/**
 * Records of a batch, hence the most rows and the most places that are in memory; a request has two and more. The embedded database has
 * one session: a gateway waits for it as long as a batch is written.
 */
const BATCH_RECORDS = { server: 40_000, embedded: 4_000 }

export type RollUpOptions = {
  /** Asked for each batch. */
  keptSince: () => KeptSince
  embedded: boolean
  maxBatches: number
  /** Ends after the batch under way. */
  signal?: AbortSignal
}

/** Batch after batch until nothing is left; the next one is read while one is written. Throws what `rollUpOnce` throws. */
export async function rollUp(
  sql: Sql,
  { keptSince, embedded, maxBatches, signal }: RollUpOptions,
): Promise<RolledUp> {
  const records = embedded ? BATCH_RECORDS.embedded : BATCH_RECORDS.server
  let requests = 0
  let reading = readBatch(sql, keptSince, records, [])
  for (let written = 0; written < maxBatches && signal?.aborted !== true; written += 1) {
    const batch = await reading
    if (batch.spans.length === 0) {
      if (batch.wholeTo !== null) await writeReach(sql, batch.wholeTo)
      return { outcome: 'idle', requests }
    }
    reading = readBatch(sql, keptSince, records, batch.spans)
    // Of no use when this batch fails, and its own failure is then nobody's.
    reading.catch(() => undefined)
    if (!(await writeBatch(sql, batch))) return { outcome: 'busy', requests }
    requests += batch.requests
  }
  return { outcome: 'done', requests }
}

/** One batch of at most so many records. Throws what the database says; nothing of the batch is there then. */
export async function rollUpOnce(
  sql: Sql,
  keptSince: () => KeptSince,
  batchRecords: number,
): Promise<RolledUp> {
  const batch = await readBatch(sql, keptSince, batchRecords, [])
  if (batch.spans.length === 0) return { outcome: 'idle', requests: 0 }
  const added = await writeBatch(sql, batch)
  return added ? { outcome: 'done', requests: batch.requests } : { outcome: 'busy', requests: 0 }
}

type Batch = {
  spans: readonly Span[]
  wholeTo: string | null
  requests: number
  levels: readonly [Level, Cell[]][]
}

/** Outside of a transaction, which the embedded database's one session would be kept for. Without spans when nothing is left after `ahead`. */
async function readBatch(
  sql: Sql,
  keptSince: () => KeptSince,
  records: number,
  ahead: readonly Span[],
): Promise<Batch> {
  const { spans, wholeTo } = await findSpans(sql, records, ahead)
  if (spans.length === 0) return { spans, wholeTo, requests: 0, levels: [] }
  const rows = await readLogRows(sql, spans)
  return { spans, wholeTo, requests: rows.length, levels: levelsOf(cellsOf(rows), keptSince()) }
}

/** False when another process is at it. */
async function writeBatch(sql: Sql, { spans, wholeTo, levels }: Batch): Promise<boolean> {
  return await sql.begin(async (transaction) => {
    if (!(await moveCursors(transaction, spans))) return false
    await addPlaces(transaction, placesOf(levels.flatMap(([, cells]) => cells)))
    for (const [level, cells] of levels) await addCells(transaction, level, cells)
    if (wholeTo !== null) await writeReach(transaction, wholeTo)
    return true
  })
}

function levelsOf(minutes: readonly Cell[], keptSince: KeptSince): [Level, Cell[]][] {
  const hours = widen(minutes, LEVELS.hour.ms)
  const days = widen(hours, LEVELS.day.ms)
  const kept = (level: Level, cells: readonly Cell[]): [Level, Cell[]] => [
    level,
    cells.filter(({ at }) => at >= keptSince[level]),
  ]
  return [kept('minute', minutes), kept('hour', hours), kept('day', days)]
}

function placesOf(cells: readonly Cell[]): Map<CellPlace, number> {
  const newest = new Map<CellPlace, number>()
  for (const { place, at } of cells) newest.set(place, Math.max(at, newest.get(place) ?? at))
  return newest
}

/** False when another process is at it, or was here since the spans were found. The lock goes with the transaction. */
async function moveCursors(transaction: TransactionSql, spans: readonly Span[]): Promise<boolean> {
  const [lock] = await transaction<{ locked: boolean }[]>`
    SELECT pg_try_advisory_xact_lock(${String(ROLLUP_LOCK)}::bigint) AS locked`
  if (lock?.locked !== true) return false
  const moved = await transaction`
    WITH span AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(spans)}::text::json) AS span (
        writer uuid, "fromSeq" bigint, "toSeq" bigint))
    INSERT INTO rollup_cursors (writer, next_seq) SELECT writer, "toSeq" FROM span
    WHERE NOT EXISTS (
      SELECT FROM span LEFT JOIN rollup_cursors AS known USING (writer) WHERE coalesce(known.next_seq, 0) <> "fromSeq")
    ON CONFLICT (writer) DO UPDATE SET next_seq = excluded.next_seq`
  return moved.count === spans.length
}
