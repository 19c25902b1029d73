/** All SQL of sources; that of their syncs stands in sync-rows.ts, that of their documents in stored-documents.ts. */

import type { Sql, TransactionSql } from 'postgres'

type SourceKind = 'folder' | 'urls' | 'pushed'
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
export type SnapshotRow = {
  id: string
  hash: string
  documents: number
  characters: number
  createdAt: string
}

/** A source as `SourceRow`. */
export const SOURCE = `id, project_id AS "projectId", name, kind, settings, created_by AS "createdBy",
  created_by_name AS "createdByName", created_at AS "createdAt"`
/** A snapshot as `SnapshotRow`. */
export const SNAPSHOT = `id, hash, documents, characters::double precision AS characters, created_at AS "createdAt"`

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

/** Whoever changes what a source has stands in line until the transaction ends. */
export async function lockSource(sql: TransactionSql, id: string): Promise<void> {
  await sql`SELECT 1 FROM sources WHERE id = ${id} FOR UPDATE`
}

export async function findSourceById(sql: Sql, id: string): Promise<SourceRow | null> {
  const rows = await sql.unsafe<SourceRow[]>(`SELECT ${SOURCE} FROM sources WHERE id = $1`, [id])
  return rows[0] ?? null
}

export async function newestSnapshot(
  sql: Sql | TransactionSql,
  sourceId: string,
): Promise<SnapshotRow | null> {
  const rows = await sql.unsafe<SnapshotRow[]>(
    `SELECT ${SNAPSHOT} FROM source_snapshots WHERE id = (
       SELECT snapshot_id FROM source_syncs WHERE source_id = $1 AND state = 'done' ORDER BY id DESC LIMIT 1)`,
    [sourceId],
  )
  return rows[0] ?? null
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
