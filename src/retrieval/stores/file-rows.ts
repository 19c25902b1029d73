/** All SQL of the files of vector stores and of batches of them. */

import type { Sql, TransactionSql } from 'postgres'
import { backwards, countsOf, directionName, directionsOf } from './store.ts'

export type FileState = 'in_progress' | 'completed' | 'cancelled' | 'failed'
export type StoreFileRow = {
  storeId: string
  fileId: string
  /** JSON. */
  attributes: string
  /** Canonical JSON of a chunker; null is the store's own. */
  chunker: string | null
  state: FileState
  usageBytes: number
  errorCode: 'server_error' | 'unsupported_file' | 'invalid_file' | null
  error: string | null
  createdAt: number
}
export type BatchRow = { id: string; storeId: string; createdAt: number; cancelled: boolean; counts: string }

const ROW = `a.store_id AS "storeId", a.file_id AS "fileId", a.attributes::text AS attributes, a.chunker, a.state,
  a.usage_bytes::double precision AS "usageBytes", a.error_code AS "errorCode", a.error,
  floor(extract(epoch FROM a.created_at))::double precision AS "createdAt"`

export type NewStoreFile = { fileId: string; attributes: string; chunker: string | null }

/** A file that the store has already keeps its place; it is read again when it failed, was cancelled or is given otherwise. */
export async function putStoreFiles(
  sql: TransactionSql,
  storeId: string,
  files: readonly NewStoreFile[],
  now: string,
): Promise<void> {
  const same = `f.attributes = excluded.attributes AND f.chunker IS NOT DISTINCT FROM excluded.chunker
    AND f.state IN ('in_progress', 'completed')`
  await sql.unsafe(
    `INSERT INTO vector_store_files AS f (store_id, file_id, attributes, chunker, state, todo, created_at)
     SELECT $2, file_id, attributes::jsonb, chunker, 'in_progress', 'read', $3::timestamptz
     FROM json_to_recordset($1::json) AS given (file_id text, attributes text, chunker text)
     ON CONFLICT (store_id, file_id) DO UPDATE SET attributes = excluded.attributes, chunker = excluded.chunker,
       state = CASE WHEN ${same} THEN f.state ELSE 'in_progress' END,
       todo = CASE WHEN ${same} THEN f.todo ELSE 'read' END, error = NULL, error_code = NULL`,
    [
      JSON.stringify(
        files.map(({ fileId, attributes, chunker }) => ({ file_id: fileId, attributes, chunker })),
      ),
      storeId,
      now,
    ],
  )
}

export async function countStoreFiles(sql: TransactionSql, storeId: string): Promise<number> {
  const [row] = await sql<{ files: number }[]>`
    SELECT count(*)::integer AS files FROM vector_store_files WHERE store_id = ${storeId}`
  return row?.files ?? 0
}

export async function findStoreFile(sql: Sql, storeId: string, fileId: string): Promise<StoreFileRow | null> {
  const rows = await sql.unsafe<StoreFileRow[]>(
    `SELECT ${ROW} FROM vector_store_files a WHERE a.store_id = $1 AND a.file_id = $2`,
    [storeId, fileId],
  )
  return rows[0] ?? null
}

/** In the order in which they were added. A cursor that is no file of the store gives an empty page. */
export async function listStoreFiles(
  sql: Sql,
  storeId: string,
  page: {
    batchId: string | null
    state: FileState | null
    order: 'asc' | 'desc'
    after: string | null
    before: string | null
    limit: number
  },
): Promise<StoreFileRow[]> {
  const { forwards, reversed } = directionsOf(page)
  const place = (parameter: string) =>
    `(SELECT number FROM vector_store_files WHERE store_id = $1 AND file_id = ${parameter})`
  const rows = await sql.unsafe<StoreFileRow[]>(
    `SELECT ${ROW} FROM vector_store_files a WHERE a.store_id = $1 AND ($2::text IS NULL OR a.state = $2)
       AND ($3::text IS NULL OR EXISTS (
         SELECT FROM vector_store_batch_files b WHERE b.batch_id = $3 AND b.file_id = a.file_id))
       AND ($4::text IS NULL OR a.number ${forwards} ${place('$4')})
       AND ($5::text IS NULL OR a.number ${backwards(forwards)} ${place('$5')})
     ORDER BY a.number ${directionName(reversed ? backwards(forwards) : forwards)} LIMIT $6`,
    [storeId, page.state, page.batchId, page.after, page.before, page.limit],
  )
  return reversed ? rows.toReversed() : rows
}

/** True when it was there. The documents of its source are the caller's to take away. */
export async function deleteStoreFile(
  sql: TransactionSql,
  storeId: string,
  fileId: string,
): Promise<boolean> {
  const gone = await sql`
    DELETE FROM vector_store_files WHERE store_id = ${storeId} AND file_id = ${fileId} RETURNING file_id`
  return gone.length === 1
}

/** It is read again, so that the next version has them too; searches hold to them at once. */
export async function setAttributes(
  sql: TransactionSql,
  storeId: string,
  fileId: string,
  attributes: string,
): Promise<boolean> {
  const rows = await sql`
    UPDATE vector_store_files SET attributes = ${attributes}::jsonb,
      todo = CASE WHEN state IN ('in_progress', 'completed') THEN 'read' ELSE todo END
    WHERE store_id = ${storeId} AND file_id = ${fileId} RETURNING file_id`
  return rows.length === 1
}

/** Stores of a file, by id: whoever locks several takes them in this order. */
export async function listStoresOfFile(
  sql: TransactionSql,
  fileId: string,
): Promise<{ id: string; sourceId: string }[]> {
  return await sql<{ id: string; sourceId: string }[]>`
    SELECT s.id, s.source_id AS "sourceId" FROM vector_stores s
    WHERE EXISTS (SELECT FROM vector_store_files a WHERE a.store_id = s.id AND a.file_id = ${fileId})
    ORDER BY s.id FOR UPDATE`
}

export async function insertBatch(
  sql: TransactionSql,
  batch: { id: string; storeId: string; now: string },
  fileIds: readonly string[],
): Promise<void> {
  await sql`
    INSERT INTO vector_store_batches (id, store_id, created_at)
    VALUES (${batch.id}, ${batch.storeId}, ${batch.now}::timestamptz)`
  await sql`
    INSERT INTO vector_store_batch_files (batch_id, store_id, file_id)
    SELECT ${batch.id}, ${batch.storeId}, value FROM json_array_elements_text(${JSON.stringify(fileIds)}::json) AS given (value)`
}

export async function findBatch(
  sql: Sql | TransactionSql,
  storeId: string,
  id: string,
): Promise<BatchRow | null> {
  const rows = await sql.unsafe<BatchRow[]>(
    `SELECT b.id, b.store_id AS "storeId", floor(extract(epoch FROM b.created_at))::double precision AS "createdAt",
       b.cancelled_at IS NOT NULL AS cancelled, c.counts
     FROM vector_store_batches b CROSS JOIN LATERAL (
       SELECT ${countsOf('a')} AS counts FROM vector_store_batch_files l
       JOIN vector_store_files a ON a.store_id = l.store_id AND a.file_id = l.file_id
       WHERE l.batch_id = b.id) AS c
     WHERE b.store_id = $1 AND b.id = $2`,
    [storeId, id],
  )
  return rows[0] ?? null
}

/** Gives the ids of the files that were under way and now are not. */
export async function cancelBatchFiles(sql: TransactionSql, batchId: string, now: string): Promise<string[]> {
  await sql`
    UPDATE vector_store_batches SET cancelled_at = coalesce(cancelled_at, ${now}::timestamptz) WHERE id = ${batchId}`
  const rows = await sql<{ fileId: string }[]>`
    UPDATE vector_store_files a SET state = 'cancelled', todo = NULL FROM vector_store_batch_files l
    WHERE l.batch_id = ${batchId} AND a.store_id = l.store_id AND a.file_id = l.file_id AND a.state = 'in_progress'
    RETURNING a.file_id AS "fileId"`
  return rows.map(({ fileId }) => fileId)
}

/** Names and attributes of those of the files that searches may show. */
export async function findShown(
  sql: Sql,
  storeId: string,
  fileIds: readonly string[],
): Promise<Map<string, { name: string; attributes: string }>> {
  const rows = await sql<{ id: string; name: string; attributes: string }[]>`
    SELECT f.id, f.name, a.attributes::text AS attributes FROM vector_store_files a JOIN files f ON f.id = a.file_id
    WHERE a.store_id = ${storeId} AND a.state IN ('in_progress', 'completed')
      AND a.file_id IN (SELECT value FROM json_array_elements_text(${JSON.stringify(fileIds)}::json) AS given (value))`
  return new Map(rows.map(({ id, ...rest }) => [id, rest]))
}

/** Files whose attributes satisfy a condition, which reads `attributes`; its parameters number from 2 on. */
export async function findMatching(
  sql: Sql,
  storeId: string,
  condition: { sql: string; values: readonly string[] },
): Promise<string[]> {
  const rows = await sql.unsafe<{ id: string }[]>(
    `SELECT file_id AS id FROM vector_store_files
     WHERE store_id = $1 AND state IN ('in_progress', 'completed') AND ${condition.sql} ORDER BY number`,
    [storeId, ...condition.values],
  )
  return rows.map(({ id }) => id)
}

/** Texts of a file as it was read, from a place on; an empty list behind the last. */
export async function readTexts(
  sql: Sql,
  place: { projectId: string; sourceId: string; fileId: string; from: number; limit: number },
): Promise<{ position: number; text: string }[]> {
  return await sql<{ position: number; text: string }[]>`
    SELECT l.position, d.body AS text FROM source_documents l
    JOIN documents d ON d.project_id = ${place.projectId} AND d.hash = l.hash
    WHERE l.source_id = ${place.sourceId} AND l.file_key = ${place.fileId} AND l.position >= ${place.from}
    ORDER BY l.position LIMIT ${place.limit}`
}
