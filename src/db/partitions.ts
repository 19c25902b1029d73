/**
 * Daily partitions of the request log and of its sums by minute. Creates them ahead of time and never drops one: retention does that.
 * A day without a partition costs speed, not rows, because the DEFAULT partition takes them.
 */

import type { Sql, TransactionSql } from 'postgres'

/** Every table with one partition per day, named `<table>_<yyyymmdd>`. */
const PARTITIONED_TABLES = ['requests', 'request_bodies', 'rollup_minutes'] as const
type PartitionedTable = (typeof PARTITIONED_TABLES)[number]

/**
 * SQL that gives the days of the request log, each once: those with a partition, and those of rows without one. Whoever reads rows by
 * writer and place looks each day up by itself, `OFFSET 0` behind the look-up, so that the primary key (day, writer, seq) leads to
 * them: as a plain join the planner reads whole partitions.
 */
export const LOG_DAYS = `
  SELECT to_date(right(child.relname, 8), 'YYYYMMDD') AS day FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
  WHERE inhparent = 'requests'::regclass AND child.relname ~ '^requests_[0-9]{8}$'
  UNION SELECT day FROM requests_default`

/** The letters are "aval", 2 = partitions. */
const PARTITION_LOCK = 0x6176_616c_02
const DAY_MS = 86_400_000
/** More than a year ahead is a mistake, and every partition costs planning time. */
const MAX_DAYS = 400

/**
 * Makes sure that `days` days from `fromDay` (`YYYY-MM-DD`, UTC) have their partitions; returns the names it created.
 * Safe to run from many processes at once and over and over. Rows of such a day that already stand in the DEFAULT
 * partition move into the new one in the same transaction.
 *
 * Throws RangeError for a day that does not exist or a count outside 1…400.
 */
export async function ensurePartitions(
  sql: Sql,
  { fromDay, days }: { fromDay: string; days: number },
): Promise<string[]> {
  if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS) {
    throw new RangeError(`days is ${days}; it must be a whole number from 1 to ${MAX_DAYS}.`)
  }
  const created: string[] = []
  const firstMs = parseDay(fromDay)
  for (let offset = 0; offset < days; offset += 1) {
    for (const table of PARTITIONED_TABLES) {
      const name = await ensurePartition(sql, table, firstMs + offset * DAY_MS)
      if (name !== null) created.push(name)
    }
  }
  return created
}

/** One transaction per partition: holding the locks of two DEFAULT partitions at once could deadlock with a writer. */
async function ensurePartition(sql: Sql, table: PartitionedTable, dayMs: number): Promise<string | null> {
  const day = formatDay(dayMs)
  const partition = `${table}_${day.replaceAll('-', '')}`
  if (await exists(sql, partition)) return null
  return await sql.begin(async (transaction) => {
    await transaction`SELECT pg_advisory_xact_lock(${String(PARTITION_LOCK)}::bigint)`
    if (await exists(transaction, partition)) return null
    // Writers wait while rows move; better to give up than to make them wait long.
    await transaction`SET LOCAL lock_timeout = '5s'`
    // Rows move from the DEFAULT partition, which the insert-only trigger has to know.
    await transaction`SET LOCAL aval.maintenance = 'partition'`
    await createAndAttach(transaction, table, partition, day, formatDay(dayMs + DAY_MS))
    return partition
  })
}

/** Names come from the table above and days from `formatDay`: DDL takes no parameters. */
async function createAndAttach(
  transaction: TransactionSql,
  table: PartitionedTable,
  partition: string,
  day: string,
  nextDay: string,
): Promise<void> {
  await transaction.unsafe(
    `CREATE TABLE ${partition} (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`,
  )
  // Writers wait at the parent, before they choose a partition: one that had already chosen the DEFAULT partition
  // and waited there would fail on its new constraint. Readers go on.
  await transaction.unsafe(`LOCK TABLE ONLY ${table} IN SHARE ROW EXCLUSIVE MODE`)
  await transaction.unsafe(
    `WITH moved AS (DELETE FROM ${table}_default WHERE day = '${day}'::date RETURNING *)
     INSERT INTO ${partition} SELECT * FROM moved`,
  )
  // Unlike CREATE … PARTITION OF this does not lock readers out of the parent.
  await transaction.unsafe(
    `ALTER TABLE ${table} ATTACH PARTITION ${partition} FOR VALUES FROM ('${day}') TO ('${nextDay}')`,
  )
}

/** Asks the catalogue table itself: to_regclass may answer from what this session cached before it got the lock. */
async function exists(sql: Sql | TransactionSql, partition: string): Promise<boolean> {
  const rows = await sql`
    SELECT FROM pg_class WHERE relname = ${partition} AND relnamespace = current_schema()::regnamespace`
  return rows.length > 0
}

function parseDay(day: string): number {
  const dayMs = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN
  // Date.parse turns 2026-02-30 into March.
  if (Number.isNaN(dayMs) || formatDay(dayMs) !== day) {
    throw new RangeError(`"${day}" is not a day. Write YYYY-MM-DD, as in 2026-11-23.`)
  }
  return dayMs
}

function formatDay(dayMs: number): string {
  return new Date(dayMs).toISOString().slice(0, 10)
}
