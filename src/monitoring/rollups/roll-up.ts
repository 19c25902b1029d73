/**
 * Sums up what has come into the log, each request exactly once. A writer's records arrive in the order of their places, and its
 * cursor moves in the same transaction (`commitBatch` of src/audit/sink.ts): so all that arrived lies between two cursors, however
 * late it is. Sums and the own cursor move in one transaction too; killed anywhere it is simply run again.
 */

import type { Sql, TransactionSql } from 'postgres'
import { type Cell, type CellPlace, cellsOf, widen } from './aggregate.ts'
import { addCells, addPlaces } from './level-rows.ts'
import { LEVELS, type Level } from './levels.ts'
import { findSpans, readLogRows, type Span } from './log-rows.ts'

/** `idle`: nothing was left. `busy`: another process is at it. */
export type RolledUp = { outcome: 'done' | 'idle' | 'busy'; requests: number }

/** For each level the first instant that is kept, milliseconds: what is older goes to the wider levels alone. */
export type KeptSince = Readonly<Record<Level, number>>

/** Records of one batch, hence the most rows, and the most places of one transaction. A request has two and more. */
const BATCH_RECORDS = 40_000
/** The letters are "aval", 5 = rollups. */
const ROLLUP_LOCK = 0x6176_616c_05

/** One batch. Throws what the database says; nothing of the batch is there then. */
export async function rollUpOnce(
  sql: Sql,
  keptSince: KeptSince,
  batchRecords: number = BATCH_RECORDS,
): Promise<RolledUp> {
  const spans = await findSpans(sql, batchRecords)
  if (spans.length === 0) return { outcome: 'idle', requests: 0 }
  // Outside of the transaction: the embedded database has one session, which nobody shall wait for.
  const rows = await readLogRows(sql, spans)
  const levels = levelsOf(cellsOf(rows), keptSince)
  const added = await sql.begin(async (transaction) => {
    if (!(await moveCursors(transaction, spans))) return false
    await addPlaces(transaction, placesOf(levels.flatMap(([, cells]) => cells)))
    for (const [level, cells] of levels) await addCells(transaction, level, cells)
    return true
  })
  return added ? { outcome: 'done', requests: rows.length } : { outcome: 'busy', requests: 0 }
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
