/** The database's side of retention: what a day holds, who holds it back, and taking its partition away. */

import type { Sql, TransactionSql } from 'postgres'
import { openPool } from '../../db/pool.ts'
import { trailSeqs } from '../trail.ts'
import { type DayPartition, parsePartition } from './plan.ts'
import { parseTombstone, type Tombstone, type TombstoneTable } from './tombstone.ts'

export type LegalHold = { id: string; projectId: string; subject: string | null; reason: string }
/** One row as its day's digest takes it: its place, and the trail of the records it was made from. */
export type DayRow = { writer: string; seq: number; trail: Buffer | null; records: number[] }

/** Rows read at a time. This runs beside requests: a page is a millisecond or two of the gateway's thread. */
const PAGE_ROWS = 500
/** Writers and readers wait behind a detach: better to come again in an hour than to make them wait. */
const LOCK_TIMEOUT = '3s'

/** Every daily partition that is attached. */
export async function listPartitions(sql: Sql): Promise<DayPartition[]> {
  const found = await sql<{ name: string }[]>`
    SELECT child.relname AS name FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid
    JOIN pg_class parent ON parent.oid = inhparent
    WHERE parent.relname IN ('requests', 'request_bodies')
      AND parent.relnamespace = current_schema()::regnamespace
    ORDER BY 1`
  return found.map(({ name }) => parsePartition(name)).filter((partition) => partition !== null)
}

/** Days before `day` whose rows still stand in a DEFAULT partition, the oldest first, at most `limit`. */
export async function listDefaultDays(sql: Sql, before: string, limit: number): Promise<string[]> {
  const days = await sql<{ day: string }[]>`
    SELECT day::text AS day FROM (
      SELECT day FROM requests_default WHERE day < ${before}::text::date
      UNION SELECT day FROM request_bodies_default WHERE day < ${before}::text::date
    ) AS days ORDER BY 1 LIMIT ${limit}`
  return days.map(({ day }) => day)
}

/** The rows of a partition in the order of their places, page by page: bounded memory for a day of any size. */
export async function* dayRows(sql: Sql, { table, day, name }: DayPartition): AsyncGenerator<DayRow> {
  // A body has no trail of its own: its row beside it has, when that is still there.
  const trail =
    table === 'requests'
      ? 'kept.trail'
      : '(SELECT trail FROM requests r WHERE r.day = kept.day AND r.writer = kept.writer AND r.seq = kept.seq)'
  let after: { writer: string; seq: string } = { writer: '00000000-0000-0000-0000-000000000000', seq: '-1' }
  for (;;) {
    const page = await sql.unsafe<{ writer: string; seq: string; trail: Buffer | null }[]>(
      `SELECT writer, seq::text AS seq, ${trail} AS trail FROM ${name} AS kept
       WHERE day = '${day}'::date AND (writer, seq) > ($1::text::uuid, $2::text::bigint)
       ORDER BY writer, seq LIMIT ${PAGE_ROWS}`,
      [after.writer, after.seq],
    )
    for (const row of page) {
      const seq = Number(row.seq)
      yield {
        writer: row.writer,
        seq,
        trail: row.trail,
        records: row.trail === null ? [seq] : trailSeqs(row.trail),
      }
    }
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_ROWS) return
    after = last
  }
}

/** The live holds that touch a row of this day: of its project, or of its subject when the hold names one. */
export async function findHolds(sql: Sql | TransactionSql, day: string): Promise<LegalHold[]> {
  const holds = await sql<{ id: string; project_id: string; subject: string | null; reason: string }[]>`
    SELECT id, project_id, subject, reason FROM legal_holds
    WHERE released_at IS NULL AND EXISTS (
      SELECT FROM requests WHERE requests.day = ${day}::text::date
        AND requests.project_id = legal_holds.project_id
        AND (legal_holds.subject IS NULL OR requests.subject = legal_holds.subject))
    ORDER BY placed_at`
  return holds.map(({ id, project_id, subject, reason }) => ({ id, projectId: project_id, subject, reason }))
}

/** The tombstones that are on the log for a partition. */
export async function findTombstones(sql: Sql, name: string): Promise<Tombstone[]> {
  const found = await sql<{ record: string }[]>`
    SELECT record FROM audit_events WHERE kind = 'tombstone' AND target = ${name}`
  return found
    .map(({ record }) => parseTombstone((JSON.parse(record) as { detail: unknown }).detail))
    .filter((tombstone) => tombstone !== null)
}

/**
 * Takes a partition away, if it has exactly the rows that its tombstone speaks of and nobody holds them. `changed`: rows
 * came meanwhile. `held`: a hold did. Throws when a lock is not to be had in time; then nothing has happened.
 *
 * DETACH … CONCURRENTLY would let readers through, but it is refused beside a DEFAULT partition and inside a
 * transaction. Locks of a plain one last for milliseconds, because the rows are counted before it is asked for.
 */
export async function dropPartition(
  sql: Sql,
  partition: DayPartition,
  expectedRows: number,
): Promise<'dropped' | 'changed' | 'held'> {
  const { name, table, day } = partition
  return await sql.begin(async (transaction) => {
    await transaction.unsafe(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`)
    // Keeps out rows of this day alone; those of today go on until the detach.
    await transaction.unsafe(`LOCK TABLE ${name} IN SHARE MODE`)
    await transaction`LOCK TABLE legal_holds IN SHARE MODE`
    const [found] = await transaction.unsafe<{ rows: string }[]>(`SELECT count(*)::text AS rows FROM ${name}`)
    if (Number(found?.rows) !== expectedRows) return 'changed'
    if (expectedRows > 0 && (await findHolds(transaction, day)).length > 0) return 'held'
    await transaction.unsafe(`ALTER TABLE ${table} DETACH PARTITION ${name}`)
    await transaction.unsafe(`DROP TABLE ${name}`)
    return 'dropped'
  })
}

/**
 * Destroys the keys made before `before`, but for those of the days in `keptDays`; returns how many. What they sealed
 * is gone here, and cannot be read in a backup of it either, once the backups of this table have gone.
 */
export async function deleteDataKeysBefore(
  sql: Sql,
  before: string,
  keptDays: readonly string[],
): Promise<number> {
  const gone = await sql`
    DELETE FROM data_keys
    WHERE created_at < (${before}::text::date::timestamp AT TIME ZONE 'UTC')
      AND NOT ((created_at AT TIME ZONE 'UTC')::date = ANY(string_to_array(${keptDays.join(',')}::text, ',')::date[]))`
  return gone.count
}

/** Days of which there are rows or bodies still, in a partition or in the DEFAULT one. */
export async function listKeptDays(sql: Sql, table: TombstoneTable, before: string): Promise<string[]> {
  const partitions = (await listPartitions(sql)).filter((partition) => partition.table === table)
  const waiting = await sql<{ day: string }[]>`
    SELECT DISTINCT day::text AS day FROM ${sql(`${table}_default`)} WHERE day < ${before}::text::date`
  return [...partitions, ...waiting].map(({ day }) => day)
}

/**
 * Scores of live traffic go with the requests they are of, and what they quote goes with the bodies. `rowDays` and `bodyDays` are
 * still here, such as those that a legal hold keeps.
 */
export async function forgetScores(
  sql: Sql,
  { rowsBefore, rowDays }: { rowsBefore: string; rowDays: readonly string[] },
  { bodiesBefore, bodyDays }: { bodiesBefore: string; bodyDays: readonly string[] },
): Promise<void> {
  await sql`
    DELETE FROM online_scores WHERE day < ${rowsBefore}::text::date
      AND NOT (day = ANY(string_to_array(${rowDays.join(',')}::text, ',')::date[]))`
  await sql`
    UPDATE online_scores SET reason = NULL
    WHERE day < ${bodiesBefore}::text::date AND outcome <> 'skipped' AND reason IS NOT NULL
      AND NOT (day = ANY(string_to_array(${bodyDays.join(',')}::text, ',')::date[]))`
}

/** The letters are "aval", 3 = retention. */
const RETENTION_LOCK = 0x6176_616c_03

/**
 * Runs `action` unless another gateway is at it; null then. A session's lock, on a connection of its own: it ends with
 * the process however that dies, and no transaction is open while the log takes a record. A connection that is lost
 * gives the lock away while `action` runs; each partition is locked again where it is dropped, so nothing is dropped
 * twice. The embedded database has one session and one gateway, so there is nobody to keep out.
 */
export async function withRetentionLock<Result>(
  { url, embedded }: { url: string; embedded: boolean },
  action: () => Promise<Result>,
): Promise<Result | null> {
  if (embedded) return await action()
  // Not the pool's reserve(): a reserved connection that is lost takes the process with it.
  const own = openPool(url, { maxConnections: 1, applicationName: 'aval retention', endless: true })
  try {
    const [row] = await own.sql<{ locked: boolean }[]>`
      SELECT pg_try_advisory_lock(${String(RETENTION_LOCK)}::bigint) AS locked`
    return row?.locked === true ? await action() : null
  } finally {
    await own.close()
  }
}
