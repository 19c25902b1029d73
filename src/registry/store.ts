/**
 * All SQL that versions of prompts, of models and of indexes have in common. Rows are inserted and read, never changed: the database
 * refuses that by trigger.
 */

import type { Db } from '../db/client.ts'
import { and, desc, eq, sql } from '../db/orm.ts'
import { indexVersions } from '../db/retrieval-tables.ts'
import { modelVersions, promptVersions } from '../db/version-tables.ts'

const TABLES = { prompt: promptVersions, model: modelVersions, index: indexVersions } as const

export type VersionKind = keyof typeof TABLES
export type VersionRow = typeof promptVersions.$inferSelect
/** One name in one project. */
export type VersionKey = { projectId: string; name: string }
export type PinnedVersion = VersionKey & { version: number }

/** Contents may be large, and an answer is held whole. */
const PINNED_AT_ONCE = 200

/**
 * Inserts the row under the number after the newest, in one statement. Null when nothing was inserted: another push
 * took the number or holds the same content (the UNIQUE constraints say so, whoever commits first), or the newest is
 * not `expectedVersion`; null expects none.
 */
export async function insertNextVersion(
  db: Db,
  kind: VersionKind,
  row: Omit<VersionRow, 'version'>,
  expectedVersion: number | null,
): Promise<VersionRow | null> {
  const table = TABLES[kind]
  const newest = sql`(SELECT coalesce(max(version), 0) AS version FROM ${table}
    WHERE project_id = ${row.projectId} AND name = ${row.name})`
  const rows = await db.execute<{ version: number }>(sql`
    INSERT INTO ${table} (id, project_id, name, version, hash, content, created_by, created_by_name, created_by_person,
      created_at)
    SELECT ${row.id}, ${row.projectId}, ${row.name}, newest.version + 1, ${row.hash}, ${row.content},
      ${row.createdBy}, ${row.createdByName}, ${row.createdByPerson}, ${row.createdAt.toISOString()}::timestamptz
    FROM ${newest} AS newest
    WHERE ${expectedVersion}::integer IS NULL OR newest.version = ${expectedVersion}::integer
    ON CONFLICT DO NOTHING
    RETURNING version`)
  const version = rows[0]?.version
  return version === undefined ? null : { ...row, version }
}

/** A version of the name, the newest for null. */
export async function findVersion(
  db: Db,
  kind: VersionKind,
  { projectId, name }: VersionKey,
  version: number | null,
): Promise<VersionRow | null> {
  const table = TABLES[kind]
  const rows = await db
    .select()
    .from(table)
    .where(
      and(
        eq(table.projectId, projectId),
        eq(table.name, name),
        version === null ? undefined : eq(table.version, version),
      ),
    )
    .orderBy(desc(table.version))
    .limit(1)
  return rows[0] ?? null
}

export async function findVersionByHash(
  db: Db,
  kind: VersionKind,
  { projectId, name }: VersionKey,
  hash: string,
): Promise<VersionRow | null> {
  const table = TABLES[kind]
  const rows = await db
    .select()
    .from(table)
    .where(and(eq(table.projectId, projectId), eq(table.name, name), eq(table.hash, hash)))
  return rows[0] ?? null
}

/** These versions of any project, those that are there, in no order. */
export async function findVersions(
  db: Db,
  kind: VersionKind,
  pinned: readonly PinnedVersion[],
): Promise<{ projectId: string; name: string; version: number; hash: string; content: string }[]> {
  const found: Awaited<ReturnType<typeof findVersions>> = []
  for (let at = 0; at < pinned.length; at += PINNED_AT_ONCE) {
    const wanted = pinned
      .slice(at, at + PINNED_AT_ONCE)
      .map(({ projectId, name, version }) => ({ project_id: projectId, name, version }))
    const rows = await db.execute<{
      project_id: string
      name: string
      version: number
      hash: string
      content: string
    }>(sql`
      SELECT project_id, name, version, hash, content FROM ${TABLES[kind]}
      JOIN json_to_recordset(${JSON.stringify(wanted)}::json) AS pinned (project_id text, name text, version integer)
      USING (project_id, name, version)`)
    found.push(...rows.map(({ project_id: projectId, ...rest }) => ({ projectId, ...rest })))
  }
  return found
}
