/** All SQL about prompt versions. Rows are inserted and read, never changed: the database refuses that by trigger. */

import { and, asc, desc, eq, getTableColumns, gt, lt, notExists, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Db } from '../../db/client.ts'
import { promptVersions } from '../../db/version-tables.ts'

export type PromptVersionRow = typeof promptVersions.$inferSelect
/** A version without its content, which may be large: what lists show. */
export type PromptVersionSummary = Omit<PromptVersionRow, 'content'> & {
  description: string | null
  owner: string | null
}
/** One prompt of one project. */
export type PromptKey = { projectId: string; name: string }

/**
 * Inserts the row under the number after the newest, in one statement. Null when nothing was inserted: another push
 * took the number or holds the same content (the UNIQUE constraints say so, whoever commits first), or the newest is
 * not `expectedVersion`.
 */
export async function insertNextVersion(
  db: Db,
  row: Omit<PromptVersionRow, 'version'>,
  expectedVersion: number | null,
): Promise<PromptVersionRow | null> {
  const newest = sql`(SELECT coalesce(max(version), 0) AS version FROM prompt_versions
    WHERE project_id = ${row.projectId} AND name = ${row.name})`
  const rows = await db.execute<{ version: number }>(sql`
    INSERT INTO prompt_versions
      (id, project_id, name, version, hash, content, created_by, created_by_name, created_at)
    SELECT ${row.id}, ${row.projectId}, ${row.name}, newest.version + 1, ${row.hash}, ${row.content},
      ${row.createdBy}, ${row.createdByName}, ${row.createdAt.toISOString()}::timestamptz
    FROM ${newest} AS newest
    WHERE ${expectedVersion}::integer IS NULL OR newest.version = ${expectedVersion}::integer
    ON CONFLICT DO NOTHING
    RETURNING version`)
  const version = rows[0]?.version
  return version === undefined ? null : { ...row, version }
}

export async function findVersion(
  db: Db,
  { projectId, name }: PromptKey,
  version: number,
): Promise<PromptVersionRow | null> {
  const rows = await db
    .select()
    .from(promptVersions)
    .where(and(ofPrompt({ projectId, name }), eq(promptVersions.version, version)))
  return rows[0] ?? null
}

export async function findVersionByHash(
  db: Db,
  prompt: PromptKey,
  hash: string,
): Promise<PromptVersionRow | null> {
  const rows = await db
    .select()
    .from(promptVersions)
    .where(and(ofPrompt(prompt), eq(promptVersions.hash, hash)))
  return rows[0] ?? null
}

export async function findNewestVersion(db: Db, prompt: PromptKey): Promise<PromptVersionRow | null> {
  const rows = await db
    .select()
    .from(promptVersions)
    .where(ofPrompt(prompt))
    .orderBy(desc(promptVersions.version))
    .limit(1)
  return rows[0] ?? null
}

const { content: _content, ...columns } = getTableColumns(promptVersions)
const summary = {
  ...columns,
  description: sql<string | null>`${promptVersions.content}::json ->> 'description'`,
  owner: sql<string | null>`${promptVersions.content}::json ->> 'owner'`,
}

/** Versions of a prompt, newest first, at most `limit`, below the number `before`. */
export async function listVersions(
  db: Db,
  prompt: PromptKey,
  page: { before: number | null; limit: number },
): Promise<PromptVersionSummary[]> {
  return await db
    .select(summary)
    .from(promptVersions)
    .where(and(ofPrompt(prompt), page.before === null ? undefined : lt(promptVersions.version, page.before)))
    .orderBy(desc(promptVersions.version))
    .limit(page.limit)
}

/** The newest version of each prompt of a project, by name, at most `limit`, after the name `after`. */
export async function listNewestVersions(
  db: Db,
  projectId: string,
  page: { after: string | null; limit: number },
): Promise<PromptVersionSummary[]> {
  const later = alias(promptVersions, 'later')
  const isNewest = notExists(
    db
      .select({ id: later.id })
      .from(later)
      .where(
        and(
          eq(later.projectId, promptVersions.projectId),
          eq(later.name, promptVersions.name),
          gt(later.version, promptVersions.version),
        ),
      ),
  )
  return await db
    .select(summary)
    .from(promptVersions)
    .where(
      and(
        eq(promptVersions.projectId, projectId),
        page.after === null ? undefined : gt(promptVersions.name, page.after),
        isNewest,
      ),
    )
    .orderBy(asc(promptVersions.name))
    .limit(page.limit)
}

function ofPrompt({ projectId, name }: PromptKey) {
  return and(eq(promptVersions.projectId, projectId), eq(promptVersions.name, name))
}
