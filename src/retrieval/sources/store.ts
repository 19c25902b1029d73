/** All SQL of sources, their documents, syncs and snapshots. Whoever syncs holds the sync's `run`. */

import type { Sql, TransactionSql } from 'postgres'

export type SourceKind = 'folder' | 'urls' | 'pushed'
export type SourceRow = {
  id: string
  projectId: string
  name: string
  kind: SourceKind
  settings: string
  createdBy: string
  createdByName: string | null
  createdAt: string
}
export type SyncState = 'queued' | 'running' | 'done' | 'failed'
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
export type SnapshotRow = {
  id: string
  hash: string
  documents: number
  characters: number
  createdAt: string
}

const SOURCE = `id, project_id AS "projectId", name, kind, settings, created_by AS "createdBy",
  created_by_name AS "createdByName", created_at AS "createdAt"`
const SYNC = `id, project_id AS "projectId", source_id AS "sourceId", state, attempts, files_total AS "filesTotal",
  files_done AS "filesDone", added, changed, removed, failed, snapshot_id AS "snapshotId", error,
  created_at AS "createdAt", updated_at AS "updatedAt"`

/** Adds a source, or gives an existing one of the same kind these settings; null when the name has another kind. */
export async function putSource(
  sql: Sql,
  row: SourceRow,
): Promise<{ source: SourceRow; created: boolean } | null> {
  const rows = await sql.unsafe<(SourceRow & { created: boolean })[]>(
    `INSERT INTO sources (id, project_id, name, kind, settings, created_by, created_by_name, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8::timestamptz)
     ON CONFLICT (project_id, name) DO UPDATE SET settings = excluded.settings WHERE sources.kind = excluded.kind
     RETURNING ${SOURCE}, id = $1 AS created`,
    [
      row.id,
      row.projectId,
      row.name,
      row.kind,
      row.settings,
      row.createdBy,
      row.createdByName,
      row.createdAt,
    ],
  )
  const [found] = rows
  if (found === undefined) return null
  const { created, ...source } = found
  return { source, created }
}

export async function findSource(sql: Sql, projectId: string, name: string): Promise<SourceRow | null> {
  const rows = await sql.unsafe<SourceRow[]>(
    `SELECT ${SOURCE} FROM sources WHERE project_id = $1 AND name = $2`,
    [projectId, name],
  )
  return rows[0] ?? null
}

export async function findSourceById(sql: Sql, id: string): Promise<SourceRow | null> {
  const rows = await sql.unsafe<SourceRow[]>(`SELECT ${SOURCE} FROM sources WHERE id = $1`, [id])
  return rows[0] ?? null
}

/** By name; `after` is the last name of the page before. */
export async function listSources(
  sql: Sql,
  projectId: string,
  page: { after: string | null; limit: number },
): Promise<SourceRow[]> {
  return await sql.unsafe<SourceRow[]>(
    `SELECT ${SOURCE} FROM sources WHERE project_id = $1 AND ($2::text IS NULL OR name > $2) ORDER BY name LIMIT $3`,
    [projectId, page.after, page.limit],
  )
}

export async function newestSnapshot(
  sql: Sql | TransactionSql,
  sourceId: string,
): Promise<SnapshotRow | null> {
  const rows = await sql.unsafe<SnapshotRow[]>(
    `SELECT w.id, w.hash, w.documents, w.characters::double precision AS characters, w.created_at AS "createdAt"
     FROM source_syncs s JOIN source_snapshots w ON w.id = s.snapshot_id
     WHERE s.source_id = $1 AND s.state = 'done' ORDER BY s.id DESC LIMIT 1`,
    [sourceId],
  )
  return rows[0] ?? null
}

export async function newestSync(sql: Sql, sourceId: string): Promise<SyncRow | null> {
  const rows = await sql.unsafe<SyncRow[]>(
    `SELECT ${SYNC} FROM source_syncs WHERE source_id = $1 ORDER BY id DESC LIMIT 1`,
    [sourceId],
  )
  return rows[0] ?? null
}

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
    await transaction`SELECT 1 FROM sources WHERE id = ${row.sourceId} FOR UPDATE`
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

type Run = { id: string; run: string }

/** Makes `run` the one that syncs; false when there is nothing to do. Counts begin anew: what is done is seen again as unchanged. */
export async function claimSync(sql: Sql, { id, run }: Run, now: string): Promise<boolean> {
  const rows = await sql`
    UPDATE source_syncs SET state = 'running', run = ${run}, attempts = attempts + 1, files_done = 0, failed = 0,
      error = NULL, updated_at = ${now}::timestamptz
    WHERE id = ${id} AND state IN ('queued', 'running') RETURNING id`
  return rows.length === 1
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
const SYNC_COLUMNS: Record<keyof SyncChange, string> = {
  state: 'state',
  filesTotal: 'files_total',
  filesDone: 'files_done',
  added: 'added',
  changed: 'changed',
  removed: 'removed',
  failed: 'failed',
  snapshotId: 'snapshot_id',
  error: 'error',
}

/** False when another run has taken over. */
export async function changeSync(
  sql: Sql | TransactionSql,
  { id, run }: Run,
  change: SyncChange,
  now: string,
): Promise<boolean> {
  const entries = Object.entries(change) as [keyof SyncChange, string | number][]
  const set = entries.map(([name], at) => `, ${SYNC_COLUMNS[name]} = $${at + 4}`).join('')
  const rows = await sql.unsafe(
    `UPDATE source_syncs SET updated_at = $3::timestamptz${set} WHERE id = $1 AND run = $2 AND state = 'running'
     RETURNING id`,
    [id, run, now, ...entries.map(([, value]) => value)],
  )
  return rows.length === 1
}

/** Takes single documents of a pushed source away; gives how many. */
export async function removeFiles(
  sql: Sql | TransactionSql,
  sourceId: string,
  keys: readonly string[],
): Promise<number> {
  const gone = await sql.unsafe(
    `DELETE FROM source_files
     WHERE source_id = $1 AND key IN (SELECT value FROM json_array_elements_text($2::json) AS given (value))`,
    [sourceId, JSON.stringify(keys)],
  )
  return gone.count
}

/** Files that gave nothing, and why; `after` is the last key of the page before. */
export async function listProblems(
  sql: Sql,
  sourceId: string,
  page: { after: string | null; limit: number },
): Promise<{ key: string; reason: string; error: string }[]> {
  return await sql.unsafe<{ key: string; reason: string; error: string }[]>(
    `SELECT key, reason, error FROM source_files
     WHERE source_id = $1 AND error IS NOT NULL AND ($2::text IS NULL OR key > $2) ORDER BY key LIMIT $3`,
    [sourceId, page.after, page.limit],
  )
}

/** A push is a sync that is done at once; the source is locked until the transaction ends. */
export async function insertPush(
  sql: TransactionSql,
  row: { id: string; projectId: string; sourceId: string; now: string },
): Promise<void> {
  await sql`SELECT 1 FROM sources WHERE id = ${row.sourceId} FOR UPDATE`
  await sql`
    INSERT INTO source_syncs (id, project_id, source_id, state, created_at, updated_at)
    VALUES (${row.id}, ${row.projectId}, ${row.sourceId}, 'running', ${row.now}::timestamptz, ${row.now}::timestamptz)`
}

export async function finishPush(
  sql: TransactionSql,
  id: string,
  { added, removed }: { added: number; removed: number },
): Promise<void> {
  await sql`UPDATE source_syncs SET state = 'done', added = ${added}, removed = ${removed} WHERE id = ${id}`
}
