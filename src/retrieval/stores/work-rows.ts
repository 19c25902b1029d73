/** All SQL of a worker at a vector store. Every write of a run that lost the store does nothing. */

import type { Sql, TransactionSql } from 'postgres'
import { FILE_COLUMNS, type FileRow } from '../files/store.ts'

type Run = { id: string; run: string }

/** Something to do at once. */
const DUE = `(revision <> built OR (deleted_at IS NOT NULL AND rests_until IS NULL)
  OR EXISTS (SELECT FROM vector_store_files a WHERE a.store_id = vector_stores.id AND a.todo IS NOT NULL))`

/** Makes `run` the one that works; false when nothing waits, or another run was heard of since `alive`. */
export async function claimStore(
  sql: Sql,
  { id, run }: Run,
  { now, alive }: { now: string; alive: string },
): Promise<boolean> {
  const rows = await sql.unsafe(
    `UPDATE vector_stores SET run = $2, run_at = $3::timestamptz, attempts = attempts + 1
     WHERE id = $1 AND (run IS NULL OR run_at < $4::timestamptz) AND (${DUE} OR rests_until IS NOT NULL) RETURNING id`,
    [id, run, now, alive],
  )
  return rows.length === 1
}

/** A sign of life; false when another run has taken over. Inside a transaction it is what makes the rest of it this run's own. */
export async function holdStore(sql: Sql | TransactionSql, { id, run }: Run, now: string): Promise<boolean> {
  const rows = await sql`
    UPDATE vector_stores SET run_at = ${now}::timestamptz WHERE id = ${id} AND run = ${run} RETURNING id`
  return rows.length === 1
}

/**
 * Lets go when nothing is due, in one statement, so that a change made meanwhile is not overlooked; false when something is. The
 * store rests until then, and is done for good with null.
 */
export async function releaseIfDone(sql: Sql, { id, run }: Run, restsUntil: string | null): Promise<boolean> {
  const rows = await sql.unsafe(
    `UPDATE vector_stores SET run = NULL, run_at = NULL, attempts = 0, error = NULL, rests_until = $3::timestamptz
     WHERE id = $1 AND run = $2 AND NOT ${DUE} RETURNING id`,
    [id, run, restsUntil],
  )
  return rows.length === 1
}

/** Whether files were changed since the version that is searched. */
export async function needsVersion(sql: Sql, id: string): Promise<boolean> {
  const rows = await sql.unsafe(`SELECT 1 FROM vector_stores WHERE id = $1 AND ${DUE}`, [id])
  return rows.length === 1
}

/** Lets go of work that goes on later. An attempt that does not count was not the store's fault. */
export async function releaseStore(
  sql: Sql,
  { id, run }: Run,
  { error, counts }: { error: string | null; counts: boolean },
): Promise<void> {
  await sql`
    UPDATE vector_stores SET run = NULL, run_at = NULL, error = coalesce(${error}, error),
      attempts = CASE WHEN ${counts} THEN attempts ELSE greatest(attempts - 1, 0) END
    WHERE id = ${id} AND run = ${run}`
}

/** Stores that wait since before `waiting`, that have rested, or whose worker has not been heard of since `alive`. */
export async function listForgottenStores(
  sql: Sql,
  { waiting, alive, now }: { waiting: string; alive: string; now: string },
  limit: number,
): Promise<string[]> {
  const rows = await sql.unsafe<{ id: string }[]>(
    `SELECT id FROM vector_stores
     WHERE (${DUE} AND ((run IS NULL AND changed_at < $1::timestamptz) OR run_at < $2::timestamptz))
       OR (rests_until < $3::timestamptz AND (run IS NULL OR run_at < $2::timestamptz))
     ORDER BY changed_at LIMIT $4`,
    [waiting, alive, now, limit],
  )
  return rows.map(({ id }) => id)
}

/** Stores that nobody used for as long as they were to live. */
export async function listExpiring(
  sql: Sql,
  now: string,
  limit: number,
): Promise<{ id: string; projectId: string }[]> {
  return await sql<{ id: string; projectId: string }[]>`
    SELECT id, project_id AS "projectId" FROM vector_stores
    WHERE expired_at IS NULL AND deleted_at IS NULL AND expires_days IS NOT NULL
      AND last_active_at + expires_days * interval '1 day' <= ${now}::timestamptz
    ORDER BY id LIMIT ${limit}`
}

/** Stores that expired so long ago that nobody asks for them. */
export async function listLongExpired(sql: Sql, before: string, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT id FROM vector_stores WHERE deleted_at IS NULL AND expired_at < ${before}::timestamptz ORDER BY id LIMIT ${limit}`
  return rows.map(({ id }) => id)
}

/** Its files and documents go; what was built of them goes with the next look of a worker. False when it was used meanwhile. */
export async function expireStore(sql: TransactionSql, id: string, now: string): Promise<boolean> {
  const rows = await sql<{ sourceId: string }[]>`
    UPDATE vector_stores SET expired_at = ${now}::timestamptz, changed_at = ${now}::timestamptz, revision = revision + 1
    WHERE id = ${id} AND expired_at IS NULL AND last_active_at + expires_days * interval '1 day' <= ${now}::timestamptz
    RETURNING source_id AS "sourceId"`
  const [store] = rows
  if (store === undefined) return false
  await sql`DELETE FROM vector_store_files WHERE store_id = ${id}`
  await sql`DELETE FROM source_files WHERE source_id = ${store.sourceId}`
  return true
}

export type WaitingFile = { attributes: string; chunker: string | null; file: FileRow }

/** The next file to read; null without one. */
export async function nextWaiting(sql: Sql, storeId: string): Promise<WaitingFile | null> {
  const [row] = await sql.unsafe<(FileRow & { attributes: string; chunker: string | null })[]>(
    `SELECT ${FILE_COLUMNS}, a.attributes::text AS attributes, a.chunker
     FROM vector_store_files a JOIN files f ON f.id = a.file_id
     WHERE a.store_id = $1 AND a.todo = 'read' ORDER BY a.number LIMIT 1`,
    [storeId],
  )
  if (row === undefined) return null
  const { attributes, chunker, ...file } = row
  return { attributes, chunker, file }
}

/** Notes how reading a file ended; false when it was taken out or given otherwise meanwhile, and then nothing may be kept of it. */
export async function noteRead(
  sql: TransactionSql,
  storeId: string,
  { file, attributes, chunker }: WaitingFile,
  end: { usageBytes: number } | { code: string; message: string },
): Promise<boolean> {
  const failed = 'code' in end
  const rows = await sql`
    UPDATE vector_store_files SET todo = ${failed ? null : 'index'}, state = CASE WHEN ${failed} THEN 'failed' ELSE state END,
      usage_bytes = ${failed ? 0 : end.usageBytes}, error_code = ${failed ? end.code : null},
      error = ${failed ? end.message : null}
    WHERE store_id = ${storeId} AND file_id = ${file.id} AND todo = 'read' AND attributes = ${attributes}::jsonb
      AND chunker IS NOT DISTINCT FROM ${chunker}
    RETURNING file_id`
  return rows.length === 1
}

/** How old the newest change is, and the count that a version made now will have. */
export async function readRevision(
  sql: Sql,
  id: string,
): Promise<{ revision: number; changedAtMs: number } | null> {
  const [row] = await sql<{ revision: number; changedAtMs: number }[]>`
    SELECT revision::double precision AS revision,
      floor(extract(epoch FROM changed_at) * 1000)::double precision AS "changedAtMs"
    FROM vector_stores WHERE id = ${id}`
  return row ?? null
}

export async function hasDocuments(sql: Sql, sourceId: string): Promise<boolean> {
  const rows = await sql`SELECT 1 FROM source_documents WHERE source_id = ${sourceId} LIMIT 1`
  return rows.length === 1
}

/** From now on searches go to this version, and what was read before it counts as there. */
export async function publishVersion(
  sql: TransactionSql,
  id: string,
  { indexId, revision }: { indexId: string | null; revision: number },
): Promise<void> {
  await sql`UPDATE vector_stores SET index_id = ${indexId}, built = ${revision} WHERE id = ${id}`
  await sql`
    UPDATE vector_store_files SET todo = NULL, state = CASE WHEN state = 'in_progress' THEN 'completed' ELSE state END
    WHERE store_id = ${id} AND todo = 'index'`
}

/**
 * Files that no version could be made with: those that were read for it (`index`), or all that wait (`read` too). What was
 * searched stays.
 */
export async function failIndexing(
  sql: TransactionSql,
  id: string,
  { message, revision, todo }: { message: string; revision: number; todo: readonly ('read' | 'index')[] },
): Promise<void> {
  await sql`UPDATE vector_stores SET built = ${revision}, error = ${message} WHERE id = ${id}`
  const rows = await sql<{ fileId: string }[]>`
    UPDATE vector_store_files SET state = 'failed', error_code = 'server_error', error = ${message}, usage_bytes = 0
    WHERE store_id = ${id} AND todo = ANY(${todo as string[]}) AND state = 'in_progress' RETURNING file_id AS "fileId"`
  await sql`
    DELETE FROM source_files WHERE source_id = (SELECT source_id FROM vector_stores WHERE id = ${id})
      AND key IN (SELECT value FROM json_array_elements_text(
        ${JSON.stringify(rows.map(({ fileId }) => fileId))}::json) AS given (value))`
  await sql`UPDATE vector_store_files SET todo = NULL WHERE store_id = ${id} AND todo = ANY(${todo as string[]})`
}

/** Versions of an index behind `after` that still have chunks, but for the one that is kept. */
export async function listOtherVersions(
  sql: Sql,
  { projectId, name, kept, after }: { projectId: string; name: string; kept: string | null; after: number },
  limit: number,
): Promise<{ id: string; version: number }[]> {
  return await sql<{ id: string; version: number }[]>`
    SELECT v.id, v.version FROM index_versions v JOIN index_builds b ON b.index_id = v.id AND b.project_id = ${projectId}
    WHERE v.project_id = ${projectId} AND v.name = ${name} AND b.state <> 'dropped' AND v.id IS DISTINCT FROM ${kept}
      AND v.version > ${after}
    ORDER BY v.version LIMIT ${limit}`
}

/** A version that still has chunks shows the document `d`. */
const IS_SHOWN = `EXISTS (
  SELECT FROM snapshot_documents s JOIN source_snapshots w ON w.id = s.snapshot_id AND w.project_id = d.project_id
    JOIN index_versions v ON v.project_id = w.project_id AND v.content::jsonb #>> '{source,snapshot}' = w.hash
    JOIN index_builds b ON b.index_id = v.id AND b.project_id = v.project_id AND b.state <> 'dropped'
  WHERE s.hash = d.hash)`
const OF_STORE = `d.project_id = $1 AND d.metadata ? 'vector_store_id' AND d.metadata ->> 'vector_store_id' = $2
  AND NOT EXISTS (SELECT FROM source_documents o WHERE o.hash = d.hash)`

/**
 * Deletes the texts of a store that neither a source has any more nor a version that still has chunks, whoever built it: a
 * deleted file is to be gone, and a dropped version is never shown again. Documents of a store name it in their metadata. False
 * when some have to stay because a version shows them.
 */
export async function forgetTexts(
  sql: TransactionSql,
  { projectId, storeId }: { projectId: string; storeId: string },
): Promise<boolean> {
  await sql.unsafe(`DELETE FROM documents d WHERE ${OF_STORE} AND NOT ${IS_SHOWN}`, [projectId, storeId])
  const left = await sql.unsafe(`SELECT 1 FROM documents d WHERE ${OF_STORE} LIMIT 1`, [projectId, storeId])
  return left.length === 0
}

/** Lets go of a deleted store that still has something: no worker has to look before `until`. */
export async function restStore(sql: Sql, { id, run }: Run, until: string): Promise<void> {
  await sql`
    UPDATE vector_stores SET rests_until = ${until}::timestamptz, run = NULL, run_at = NULL, attempts = 0
    WHERE id = ${id} AND run = ${run}`
}

/** A deleted store before its versions go: it neither holds nor shows anything. */
export async function emptyStore(sql: TransactionSql, id: string, sourceId: string): Promise<void> {
  await sql`DELETE FROM source_files WHERE source_id = ${sourceId}`
  await sql`UPDATE vector_stores SET index_id = NULL WHERE id = ${id}`
}

/** The last of a store: its rows, and what its source says of it. */
export async function deleteStoreRows(sql: TransactionSql, id: string, sourceId: string): Promise<void> {
  await sql`DELETE FROM vector_stores WHERE id = ${id}`
  await sql`DELETE FROM sources WHERE id = ${sourceId}`
}
