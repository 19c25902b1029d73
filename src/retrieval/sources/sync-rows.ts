/** All SQL of syncs. Whoever syncs holds the sync's `run`; every write of a run that lost it does nothing. */

import type { Sql, TransactionSql } from 'postgres'
import type { Run } from '../../db/held-work.ts'
import { lockSource } from './store.ts'

type SyncState = 'queued' | 'running' | 'done' | 'failed'
export type SyncRow = {
  id: string
  projectId: string
  sourceId: string
  state: SyncState
  attempts: number
  filesTotal: number | null
  filesDone: number
  added: number
  changed: number
  removed: number
  failed: number
  snapshotId: string | null
  error: string | null
  createdAt: string
  updatedAt: string
}

/** A sync as `SyncRow`; of a table without another column of these names. */
export const SYNC = `id, project_id AS "projectId", source_id AS "sourceId", state, attempts, files_total AS "filesTotal",
  files_done AS "filesDone", added, changed, removed, failed, snapshot_id AS "snapshotId", error,
  created_at AS "createdAt", updated_at AS "updatedAt"`

export async function findSync(sql: Sql, id: string): Promise<SyncRow | null> {
  const rows = await sql.unsafe<SyncRow[]>(`SELECT ${SYNC} FROM source_syncs WHERE id = $1`, [id])
  return rows[0] ?? null
}

/** The sync that waits or runs for the source, if there is one: the same work need not be asked for twice. */
export async function insertSync(
  sql: Sql,
  row: { id: string; projectId: string; sourceId: string; now: string },
): Promise<SyncRow> {
  return await sql.begin(async (transaction) => {
    await lockSource(transaction, row.sourceId)
    const [waiting] = await transaction.unsafe<SyncRow[]>(
      `SELECT ${SYNC} FROM source_syncs WHERE source_id = $1 AND state = 'queued' ORDER BY id DESC LIMIT 1`,
      [row.sourceId],
    )
    if (waiting !== undefined) return waiting
    const [made] = await transaction.unsafe<SyncRow[]>(
      `INSERT INTO source_syncs (id, project_id, source_id, state, created_at, updated_at)
       VALUES ($1, $2, $3, 'queued', $4::timestamptz, $4::timestamptz) RETURNING ${SYNC}`,
      [row.id, row.projectId, row.sourceId, row.now],
    )
    if (made === undefined) throw new Error('INSERT … RETURNING gave no row.')
    return made
  })
}

export const SYNCS = { table: 'source_syncs', key: 'id', live: 'running' } as const

/**
 * Makes `run` the one that syncs; false when there is nothing to do, or when another sync of the source is under way: two
 * at once would each take away what only the other has seen. What is done is seen again as unchanged.
 */
export async function claimSync(sql: Sql, { id, run }: Run, now: string): Promise<boolean> {
  return await sql.begin(async (transaction) => {
    await transaction`
      SELECT 1 FROM sources WHERE id = (SELECT source_id FROM source_syncs WHERE id = ${id}) FOR UPDATE`
    const rows = await transaction`
      UPDATE source_syncs AS own SET state = 'running', run = ${run}, attempts = attempts + 1, files_done = 0,
        failed = 0, error = NULL, updated_at = ${now}::timestamptz
      WHERE id = ${id} AND state IN ('queued', 'running') AND NOT EXISTS (
        SELECT 1 FROM source_syncs other
        WHERE other.source_id = own.source_id AND other.id <> own.id AND other.state = 'running')
      RETURNING id`
    return rows.length === 1
  })
}

/** The sync that waits until this one is over; null without one. */
export async function findWaitingSync(sql: Sql, over: string): Promise<string | null> {
  const rows = await sql<{ id: string }[]>`
    SELECT next.id FROM source_syncs over JOIN source_syncs next ON next.source_id = over.source_id
    WHERE over.id = ${over} AND next.state = 'queued' ORDER BY next.id LIMIT 1`
  return rows[0]?.id ?? null
}

export type SyncChange = Partial<{
  state: SyncState
  filesTotal: number
  filesDone: number
  added: number
  changed: number
  removed: number
  failed: number
  snapshotId: string
  error: string
}>
/** A push is a sync that is done at once. */
export async function insertPush(
  sql: TransactionSql,
  row: { id: string; projectId: string; sourceId: string; added: number; removed: number; now: string },
): Promise<void> {
  await sql`
    INSERT INTO source_syncs (id, project_id, source_id, state, added, removed, created_at, updated_at)
    VALUES (${row.id}, ${row.projectId}, ${row.sourceId}, 'done', ${row.added}, ${row.removed},
      ${row.now}::timestamptz, ${row.now}::timestamptz)`
}
