/** Lets go of sums that are older than each level is kept. Killed anywhere it is simply run again. */

import type { Sql } from 'postgres'
import { LEVELS, type Level } from './levels.ts'
import { KEEP_ALL, type KeptSince } from './roll-up.ts'

/** Whole days that a level's sums stay after the day they are of. */
export type RollupKeep = { minuteDays: number; hourDays: number; dayDays: number }

export type Dropped = { partitions: number; rows: number }

const DAY_MS = LEVELS.day.ms
const LOCK_TIMEOUT = '3s'
/** Of one statement, so that none holds its locks long; and statements of one run. */
const RUN_ROWS = 10_000
const MAX_RUNS = 200

/** The first instant (UTC) that each level keeps; `keep` is null where nobody knows, and then nothing is too old. */
export function keptSince(nowMs: number, keep: RollupKeep | null): KeptSince {
  if (keep === null) return KEEP_ALL
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS
  return {
    minute: today - keep.minuteDays * DAY_MS,
    hour: today - keep.hourDays * DAY_MS,
    day: today - keep.dayDays * DAY_MS,
  }
}

/**
 * One run: minutes go by whole partitions; the few that have none, hours and days row by row, 2,000,000 at most; and places with the last
 * day that has a sum of them. Throws what the database says, such as that a reader held a partition for longer than three seconds.
 */
export async function dropOldRollups(sql: Sql, since: KeptSince): Promise<Dropped> {
  const dropped: Dropped = { partitions: 0, rows: 0 }
  for (const name of await oldPartitions(sql, dayOf(since.minute))) {
    await dropPartition(sql, name)
    dropped.partitions += 1
  }
  dropped.rows += await deleteOld(sql, 'rollup_minutes_default', 'day', since.minute)
  for (const level of ['hour', 'day'] satisfies Level[])
    dropped.rows += await deleteOld(sql, LEVELS[level].table, 'day', since[level])
  // Whatever is kept of a place has a day that is kept: narrower levels never stay longer.
  await deleteOld(sql, 'rollup_places', 'last_day', since.day)
  return dropped
}

async function oldPartitions(sql: Sql, before: string): Promise<string[]> {
  const found = await sql<{ name: string }[]>`
    SELECT child.relname AS name FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = 'rollup_minutes'::regclass AND child.relname ~ '^rollup_minutes_[0-9]{8}$'
      AND right(child.relname, 8) < ${before.replaceAll('-', '')} ORDER BY 1`
  return found.map(({ name }) => name)
}

/** Names come from the catalogue and have passed a pattern: DDL takes no parameters. */
async function dropPartition(sql: Sql, name: string): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction.unsafe(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`)
    await transaction.unsafe(`ALTER TABLE rollup_minutes DETACH PARTITION ${name}`)
    await transaction.unsafe(`DROP TABLE ${name}`)
  })
}

async function deleteOld(sql: Sql, table: string, column: string, beforeMs: number): Promise<number> {
  let rows = 0
  for (let run = 0; run < MAX_RUNS; run += 1) {
    const gone = await sql.unsafe(
      // The condition stands there twice: a row that was added to since the first look, such as a place with a new day, stays.
      `DELETE FROM ${table} WHERE ${column} < $1::date
         AND ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${column} < $1::date LIMIT ${RUN_ROWS}))`,
      [dayOf(beforeMs)],
    )
    rows += gone.count
    if (gone.count < RUN_ROWS) break
  }
  return rows
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
