/** All SQL about model versions. Rows are added and read; the database itself refuses anything else. */

import { and, asc, desc, eq, gt, lt, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { modelVersions } from '../../db/version-tables.ts'

export type ModelVersionRow = typeof modelVersions.$inferSelect

/**
 * Adds the next version of a name. null when another push was faster: it took the number, or brought the same content.
 * Both are UNIQUE constraints, so no two replicas can agree to differ.
 */
export async function insertNextModelVersion(
  db: Db,
  row: Omit<ModelVersionRow, 'version'>,
): Promise<ModelVersionRow | null> {
  const next = sql<number>`(
    SELECT coalesce(max(version), 0) + 1 FROM model_versions
    WHERE project_id = ${row.projectId} AND name = ${row.name}
  )`
  const rows = await db
    .insert(modelVersions)
    .values({ ...row, version: next })
    .onConflictDoNothing()
    .returning()
  return rows[0] ?? null
}

/** A version of a name, the newest when `version` is null. */
export async function findModelVersion(
  db: Db,
  projectId: string,
  wanted: { name: string; version: number | null },
): Promise<ModelVersionRow | null> {
  const rows = await db
    .select()
    .from(modelVersions)
    .where(
      and(
        eq(modelVersions.projectId, projectId),
        eq(modelVersions.name, wanted.name),
        wanted.version === null ? undefined : eq(modelVersions.version, wanted.version),
      ),
    )
    .orderBy(desc(modelVersions.version))
    .limit(1)
  return rows[0] ?? null
}

export async function findModelVersionByHash(
  db: Db,
  projectId: string,
  wanted: { name: string; hash: string },
): Promise<ModelVersionRow | null> {
  const rows = await db
    .select()
    .from(modelVersions)
    .where(
      and(
        eq(modelVersions.projectId, projectId),
        eq(modelVersions.name, wanted.name),
        eq(modelVersions.hash, wanted.hash),
      ),
    )
  return rows[0] ?? null
}

/** The newest version of each name, by name; `after` is the last name already seen. */
export async function listNewestModelVersions(
  db: Db,
  projectId: string,
  page: { after: string | null; limit: number },
): Promise<ModelVersionRow[]> {
  return await db
    .selectDistinctOn([modelVersions.name])
    .from(modelVersions)
    .where(
      and(
        eq(modelVersions.projectId, projectId),
        page.after === null ? undefined : gt(modelVersions.name, page.after),
      ),
    )
    .orderBy(asc(modelVersions.name), desc(modelVersions.version))
    .limit(page.limit)
}

/** The versions of one name, newest first; `before` is the last number already seen. */
export async function listVersionsOfModel(
  db: Db,
  projectId: string,
  page: { name: string; before: number | null; limit: number },
): Promise<ModelVersionRow[]> {
  return await db
    .select()
    .from(modelVersions)
    .where(
      and(
        eq(modelVersions.projectId, projectId),
        eq(modelVersions.name, page.name),
        page.before === null ? undefined : lt(modelVersions.version, page.before),
      ),
    )
    .orderBy(desc(modelVersions.version))
    .limit(page.limit)
}
