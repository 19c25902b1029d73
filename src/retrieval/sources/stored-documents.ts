/** All SQL of a source's files, their documents and the snapshots of them. */

import type { Sql, TransactionSql } from 'postgres'
import { lockSource, SNAPSHOT, type SnapshotRow } from './store.ts'

export type StoredDocument = {
  hash: string
  key: string
  title: string | null
  language: string | null
  licence: string | null
  metadata: string
  /** Canonical JSON; null to be cut as the index says. */
  chunker: string | null
  body: string
}
export type StoredFile = {
  key: string
  digest: string | null
  bytes: number
  reason: string | null
  error: string | null
}

/** What is known of these files of a source: by key. */
export async function findFiles(
  sql: Sql,
  sourceId: string,
  keys: readonly string[],
): Promise<Map<string, StoredFile>> {
  const rows = await sql.unsafe<StoredFile[]>(
    `SELECT key, digest, bytes::double precision AS bytes, reason, error FROM source_files
     WHERE source_id = $1 AND key IN (SELECT value FROM json_array_elements_text($2::json) AS given (value))`,
    [sourceId, JSON.stringify(keys)],
  )
  return new Map(rows.map((row) => [row.key, row]))
}

/** A file that is as it was: only that it was seen. */
export async function markSeen(
  sql: TransactionSql,
  sourceId: string,
  keys: readonly string[],
  sync: string,
): Promise<void> {
  await sql.unsafe(
    `UPDATE source_files SET seen_by = $3
     WHERE source_id = $1 AND key IN (SELECT value FROM json_array_elements_text($2::json) AS given (value))`,
    [sourceId, JSON.stringify(keys), sync],
  )
}

/** Files as they were read now, with their documents; what they gave before is theirs no more. Each key once. */
export async function putFiles(
  sql: TransactionSql,
  place: { projectId: string; sourceId: string; sync: string; now: string },
  read: readonly { file: StoredFile; documents: readonly StoredDocument[] }[],
): Promise<void> {
  const files = JSON.stringify(read.map(({ file }) => file))
  await sql.unsafe(
    `INSERT INTO source_files (source_id, key, digest, bytes, reason, error, seen_by, read_at)
     SELECT $2, key, digest, bytes, reason, error, $3, $4::timestamptz FROM json_to_recordset($1::json) AS given
       (key text, digest text, bytes bigint, reason text, error text)
     ON CONFLICT (source_id, key) DO UPDATE SET digest = excluded.digest, bytes = excluded.bytes,
       reason = excluded.reason, error = excluded.error, seen_by = excluded.seen_by, read_at = excluded.read_at`,
    [files, place.sourceId, place.sync, place.now],
  )
  await sql.unsafe(
    `DELETE FROM source_documents WHERE source_id = $2 AND file_key IN (
       SELECT key FROM json_to_recordset($1::json) AS given (key text))`,
    [files, place.sourceId],
  )
  const documents = read.flatMap(({ file, documents: own }) =>
    own.map((document, position) => ({ document, file_key: file.key, position, hash: document.hash })),
  )
  for (let at = 0; at < documents.length; at += DOCUMENTS_AT_ONCE) {
    const some = documents.slice(at, at + DOCUMENTS_AT_ONCE)
    await sql.unsafe(
      `INSERT INTO documents (project_id, hash, key, title, language, licence, metadata, chunker, body, created_at)
       SELECT $2, hash, key, title, language, licence, metadata::jsonb, chunker, body, $3::timestamptz
       FROM json_to_recordset($1::json) AS given
         (hash text, key text, title text, language text, licence text, metadata text, chunker text, body text)
       ON CONFLICT DO NOTHING`,
      [JSON.stringify(some.map(({ document }) => document)), place.projectId, place.now],
    )
    await sql.unsafe(
      `INSERT INTO source_documents (source_id, file_key, position, hash)
       SELECT $2, file_key, position, hash
       FROM json_to_recordset($1::json) AS given (file_key text, position integer, hash text)`,
      [JSON.stringify(some.map(({ document: _document, ...link }) => link)), place.sourceId],
    )
  }
}

const DOCUMENTS_AT_ONCE = 200

/** Files that this sync has not seen are gone; gives how many. */
export async function removeUnseen(sql: TransactionSql, sourceId: string, sync: string): Promise<number> {
  const gone = await sql`DELETE FROM source_files WHERE source_id = ${sourceId} AND seen_by <> ${sync}`
  return gone.count
}

/**
 * The source as it stands, as a snapshot: the one with the same documents, or a new one. Documents stand in the order of
 * their hashes' keys, each once. The hash is SHA-256 over `key\0hash\n` of each.
 */
export async function takeSnapshot(
  sql: TransactionSql,
  about: { id: string; projectId: string; sourceId: string; source: string; now: string },
): Promise<string> {
  const [summed] = await sql<{ hash: string; documents: number; characters: number }[]>`
    SELECT encode(sha256(convert_to(coalesce(string_agg(d.hash, E'\n' ORDER BY d.key COLLATE "C", d.hash), ''), 'UTF8')), 'hex') AS hash,
      count(*)::integer AS documents, coalesce(sum(length(d.body)), 0)::double precision AS characters
    FROM (SELECT DISTINCT hash FROM source_documents WHERE source_id = ${about.sourceId}) AS own
    JOIN documents d ON d.project_id = ${about.projectId} AND d.hash = own.hash`
  const { hash, documents, characters } = summed ?? { hash: '', documents: 0, characters: 0 }
  const [known] = await sql<{ id: string }[]>`
    SELECT id FROM source_snapshots WHERE source_id = ${about.sourceId} AND hash = ${hash}`
  if (known !== undefined) return known.id
  await sql`
    INSERT INTO source_snapshots (id, project_id, source_id, source, hash, documents, characters, created_at)
    VALUES (${about.id}, ${about.projectId}, ${about.sourceId}, ${about.source}, ${hash}, ${documents}, ${characters},
      ${about.now}::timestamptz)`
  await sql`
    INSERT INTO snapshot_documents (snapshot_id, position, hash)
    SELECT ${about.id}, row_number() OVER (ORDER BY d.key COLLATE "C", d.hash) - 1, d.hash
    FROM (SELECT DISTINCT hash FROM source_documents WHERE source_id = ${about.sourceId}) AS own
    JOIN documents d ON d.project_id = ${about.projectId} AND d.hash = own.hash`
  return about.id
}

/** The source as it stands now: for one that is pushed into, where no sync takes snapshots. */
export async function snapshotNow(
  sql: Sql,
  about: { id: string; projectId: string; sourceId: string; source: string; now: string },
): Promise<SnapshotRow> {
  return await sql.begin(async (transaction) => {
    await lockSource(transaction, about.sourceId)
    const id = await takeSnapshot(transaction, about)
    const [row] = await transaction.unsafe<SnapshotRow[]>(
      `SELECT ${SNAPSHOT} FROM source_snapshots WHERE id = $1`,
      [id],
    )
    if (row === undefined) throw new Error(`Snapshot ${id} is not there.`)
    return row
  })
}
