/** All SQL of uploaded files and their bytes. A file that is still received has no digest, and nobody finds it. */

import type { Sql, TransactionSql } from 'postgres'

export type FileRow = {
  id: string
  projectId: string
  name: string
  mediaType: string | null
  purpose: string
  bytes: number
  sha256: string
  /** Seconds since 1970. */
  createdAt: number
  expiresAt: number | null
}

export const FILE_COLUMNS = `f.id, f.project_id AS "projectId", f.name, f.media_type AS "mediaType", f.purpose,
  f.bytes::double precision AS bytes, f.sha256, floor(extract(epoch FROM f.created_at))::double precision AS "createdAt",
  floor(extract(epoch FROM f.expires_at))::double precision AS "expiresAt"`
/** Of a file that is there; `$1` is now. */
const WHOLE = 'f.sha256 IS NOT NULL AND (f.expires_at IS NULL OR f.expires_at > $1::timestamptz)'

/**
 * Makes room for a file that is about to be received; false when the project would have more than `maxBytes` with it.
 * Reservations of one project stand in line, so that two at once cannot both take the last room.
 */
export async function reserveFile(
  sql: Sql,
  row: {
    id: string
    projectId: string
    bytes: number
    createdBy: string
    createdByName: string | null
    now: string
    /** When what was not received whole by then is given up. */
    until: string
  },
  maxBytes: number,
): Promise<boolean> {
  return await sql.begin(async (transaction) => {
    await transaction`SELECT pg_advisory_xact_lock(hashtextextended(${`files ${row.projectId}`}, 0))`
    const rows = await transaction`
      INSERT INTO files (id, project_id, name, bytes, created_by, created_by_name, created_at, expires_at)
      SELECT ${row.id}, ${row.projectId}, '', ${row.bytes}, ${row.createdBy}, ${row.createdByName},
        ${row.now}::timestamptz, ${row.until}::timestamptz
      WHERE (SELECT coalesce(sum(bytes), 0) FROM files WHERE project_id = ${row.projectId}) + ${row.bytes}
        <= ${maxBytes}
      RETURNING id`
    return rows.length === 1
  })
}

export async function insertPart(sql: Sql, fileId: string, part: number, bytes: Buffer): Promise<void> {
  await sql`INSERT INTO file_parts (file_id, part, bytes) VALUES (${fileId}, ${part}, ${bytes})`
}

/** Makes a received file one that is there; null when it was given up meanwhile. */
export async function finishFile(
  sql: Sql,
  id: string,
  whole: {
    name: string
    mediaType: string | null
    purpose: string
    bytes: number
    sha256: string
    /** From when it was made; null for one that stays. */
    expiresAfterSeconds: number | null
  },
): Promise<FileRow | null> {
  const rows = await sql.unsafe<FileRow[]>(
    `UPDATE files AS f SET name = $2, media_type = $3, purpose = $4, bytes = $5, sha256 = $6, expires_at = created_at + $7 * interval '1 second'
     WHERE id = $1 AND sha256 IS NULL RETURNING ${FILE_COLUMNS}`,
    [id, whole.name, whole.mediaType, whole.purpose, whole.bytes, whole.sha256, whole.expiresAfterSeconds],
  )
  return rows[0] ?? null
}

/** Null when the project has no such file, or no longer. */
export async function findFile(
  sql: Sql | TransactionSql,
  projectId: string,
  id: string,
  now: string,
): Promise<FileRow | null> {
  const rows = await sql.unsafe<FileRow[]>(
    `SELECT ${FILE_COLUMNS} FROM files f WHERE ${WHOLE} AND f.project_id = $2 AND f.id = $3`,
    [now, projectId, id],
  )
  return rows[0] ?? null
}

/** Those of the given ids that the project has. */
export async function findFileIds(
  sql: Sql | TransactionSql,
  projectId: string,
  ids: readonly string[],
  now: string,
): Promise<Set<string>> {
  const rows = await sql.unsafe<{ id: string }[]>(
    `SELECT f.id FROM files f WHERE ${WHOLE} AND f.project_id = $2
       AND f.id IN (SELECT value FROM json_array_elements_text($3::json) AS given (value))`,
    [now, projectId, JSON.stringify(ids)],
  )
  return new Set(rows.map(({ id }) => id))
}

/** In the order of their ids, which is that of their making. `after` is the last id of the page before. */
export async function listFiles(
  sql: Sql,
  projectId: string,
  page: { purpose: string | null; order: 'asc' | 'desc'; after: string | null; limit: number },
  now: string,
): Promise<FileRow[]> {
  return await sql.unsafe<FileRow[]>(
    `SELECT ${FILE_COLUMNS} FROM files f
     WHERE ${WHOLE} AND f.project_id = $2 AND ($3::text IS NULL OR f.purpose = $3)
       AND ($4::text IS NULL OR f.id ${page.order === 'asc' ? '>' : '<'} $4)
     ORDER BY f.id ${page.order === 'asc' ? 'ASC' : 'DESC'} LIMIT $5`,
    [now, projectId, page.purpose, page.after, page.limit],
  )
}

/** Null when it is not there. */
export async function findPart(sql: Sql, fileId: string, part: number): Promise<Buffer | null> {
  const [row] = await sql<{ bytes: Buffer }[]>`
    SELECT bytes FROM file_parts WHERE file_id = ${fileId} AND part = ${part}`
  return row?.bytes ?? null
}

/** Gives up a file that was not received whole. */
export async function deleteUnfinished(sql: Sql, id: string): Promise<void> {
  await sql`DELETE FROM files WHERE id = ${id} AND sha256 IS NULL`
}

/** Files whose time is over: `whole` tells files from remains of uploads that broke off. */
export async function listExpiredFiles(
  sql: Sql,
  now: string,
  limit: number,
): Promise<{ id: string; projectId: string; whole: boolean }[]> {
  return await sql<{ id: string; projectId: string; whole: boolean }[]>`
    SELECT id, project_id AS "projectId", sha256 IS NOT NULL AS whole FROM files
    WHERE expires_at <= ${now}::timestamptz ORDER BY expires_at LIMIT ${limit}`
}

/** With its bytes. Whoever calls has taken it out of all vector stores. */
export async function deleteFileRow(
  sql: TransactionSql,
  { projectId, id }: { projectId: string; id: string },
): Promise<void> {
  await sql`DELETE FROM files WHERE id = ${id} AND project_id = ${projectId}`
}
