/** All SQL of datasets. Rows are inserted and read, never changed: the database refuses that by trigger. */

import type { Sql, TransactionSql } from 'postgres'
import type { DatasetItem } from './item.ts'

export type DatasetVersionRow = {
  id: string
  projectId: string
  name: string
  version: number
  hash: string
  items: number
  /** Canonical JSON. */
  itemSchema: string | null
  description: string | null
  createdBy: string
  createdByName: string | null
  /** Null for versions from before there were owners of keys. */
  createdByPerson: string | null
  createdAt: string
}
export type DatasetKey = { projectId: string; name: string }
export type PlacedItem = { position: number; itemId: string; hash: string; item: DatasetItem }
type ItemRow = { itemId: string; hash: string; content: string }

const VERSION = `id, project_id AS "projectId", name, version, hash, items, item_schema AS "itemSchema", description,
  created_by AS "createdBy", created_by_name AS "createdByName",
  created_by_person AS "createdByPerson", created_at AS "createdAt"`

/** A version of the name, the newest for null. */
export async function findDatasetVersion(
  sql: Sql,
  { projectId, name }: DatasetKey,
  version: number | null,
): Promise<DatasetVersionRow | null> {
  const rows = await sql.unsafe<DatasetVersionRow[]>(
    `SELECT ${VERSION} FROM dataset_versions
     WHERE project_id = $1 AND name = $2 AND ($3::integer IS NULL OR version = $3) ORDER BY version DESC LIMIT 1`,
    [projectId, name, version],
  )
  return rows[0] ?? null
}

/**
 * Items of a version in their order, from the position `from`: at most `limit`, and no more than come to `bytes` of
 * content together. The first is always given, whatever its size; none means that `from` is behind the last.
 */
export async function readItems(
  sql: Sql,
  datasetId: string,
  { from, limit, bytes }: { from: number; limit: number; bytes: number },
): Promise<PlacedItem[]> {
  // The sum runs over the sizes alone: contents that are too many are never read.
  const rows = await sql.unsafe<(ItemRow & { position: number })[]>(
    `WITH place AS (
       SELECT p.position, p.item_id, p.hash, i.content,
         sum(octet_length(i.content)) OVER (ORDER BY p.position) AS upto
       FROM dataset_version_items p JOIN dataset_versions v ON v.id = p.dataset_id
       JOIN dataset_items i ON i.project_id = v.project_id AND i.hash = p.hash
       WHERE p.dataset_id = $1 AND p.position >= $2 AND p.position < $2 + $3
     )
     SELECT position, item_id AS "itemId", hash, content FROM place
     WHERE upto <= $4 OR position = $2 ORDER BY position`,
    [datasetId, from, limit, bytes],
  )
  return rows.map(({ content, ...place }) => ({ ...place, item: JSON.parse(content) as DatasetItem }))
}

/** Contents may be large, and a statement is held whole. */
const INSERTED_AT_ONCE = 200
/** Hashes and ids are small. */
const PLACED_AT_ONCE = 5_000

/** Items as they are; those that the project has already stay. */
export async function insertItems(
  sql: Sql,
  projectId: string,
  items: readonly { hash: string; itemId: string; content: string }[],
  now: string,
): Promise<void> {
  for (let at = 0; at < items.length; at += INSERTED_AT_ONCE) {
    await sql.unsafe(
      `INSERT INTO dataset_items (project_id, hash, item_id, content, created_at)
       SELECT $2, hash, "itemId", content, $3::timestamptz
       FROM json_to_recordset($1::json) AS given (hash text, "itemId" text, content text)
       ON CONFLICT DO NOTHING`,
      [JSON.stringify(items.slice(at, at + INSERTED_AT_ONCE)), projectId, now],
    )
  }
}

/** What the project has of these hashes: the items' own ids, and how large they are. */
export async function findItems(
  sql: Sql,
  projectId: string,
  hashes: readonly string[],
): Promise<Map<string, { itemId: string; bytes: number }>> {
  const found = new Map<string, { itemId: string; bytes: number }>()
  for (let at = 0; at < hashes.length; at += PLACED_AT_ONCE) {
    const rows = await sql.unsafe<{ hash: string; itemId: string; bytes: number }[]>(
      `SELECT hash, item_id AS "itemId", octet_length(content) AS bytes FROM dataset_items
       WHERE project_id = $1 AND hash IN (SELECT value FROM json_array_elements_text($2::json) AS given (value))`,
      [projectId, JSON.stringify(hashes.slice(at, at + PLACED_AT_ONCE))],
    )
    for (const { hash, itemId, bytes } of rows) found.set(hash, { itemId, bytes })
  }
  return found
}

/** Contents by their hashes, of those that are there. The caller bounds how many. */
export async function findContents(
  sql: Sql,
  projectId: string,
  hashes: readonly string[],
): Promise<Map<string, string>> {
  const rows = await sql.unsafe<{ hash: string; content: string }[]>(
    `SELECT hash, content FROM dataset_items
     WHERE project_id = $1 AND hash IN (SELECT value FROM json_array_elements_text($2::json) AS given (value))`,
    [projectId, JSON.stringify(hashes)],
  )
  return new Map(rows.map(({ hash, content }) => [hash, content]))
}

export async function findDatasetVersionByHash(
  sql: Sql,
  { projectId, name }: DatasetKey,
  hash: string,
): Promise<DatasetVersionRow | null> {
  const rows = await sql.unsafe<DatasetVersionRow[]>(
    `SELECT ${VERSION} FROM dataset_versions WHERE project_id = $1 AND name = $2 AND hash = $3`,
    [projectId, name, hash],
  )
  return rows[0] ?? null
}

/**
 * The version under the number after the newest, and its items, in one transaction: nobody sees a part of it. Null when
 * another push took the number or has the same content; the UNIQUE constraints say so, whoever commits first.
 */
export async function insertNextDatasetVersion(
  sql: Sql,
  row: Omit<DatasetVersionRow, 'version' | 'items'>,
  items: readonly { itemId: string; hash: string }[],
): Promise<DatasetVersionRow | null> {
  return await sql.begin(async (transaction) => {
    const [made] = await transaction.unsafe<DatasetVersionRow[]>(
      `INSERT INTO dataset_versions
         (id, project_id, name, version, hash, items, item_schema, description, created_by, created_by_name, created_at,
          created_by_person)
       SELECT $1, $2, $3, coalesce(max(version), 0) + 1, $4, $5, $6, $7, $8, $9, $10::timestamptz, $11
       FROM dataset_versions WHERE project_id = $2 AND name = $3
       ON CONFLICT DO NOTHING RETURNING ${VERSION}`,
      [
        row.id,
        row.projectId,
        row.name,
        row.hash,
        items.length,
        row.itemSchema,
        row.description,
        row.createdBy,
        row.createdByName,
        row.createdAt,
        row.createdByPerson,
      ],
    )
    if (made === undefined) return null
    await placeItems(transaction, row.id, items)
    return made
  })
}

async function placeItems(
  sql: TransactionSql,
  datasetId: string,
  items: readonly { itemId: string; hash: string }[],
): Promise<void> {
  for (let at = 0; at < items.length; at += PLACED_AT_ONCE) {
    await sql.unsafe(
      `INSERT INTO dataset_version_items (dataset_id, position, item_id, hash)
       SELECT $2, $3 + ordinality - 1, item ->> 'itemId', item ->> 'hash'
       FROM json_array_elements($1::json) WITH ORDINALITY AS given (item, ordinality)`,
      [JSON.stringify(items.slice(at, at + PLACED_AT_ONCE)), datasetId, at],
    )
  }
}

/** The newest version of each dataset of a project, by name, after the name `after`. */
export async function listNewestDatasets(
  sql: Sql,
  projectId: string,
  { after, limit }: { after: string | null; limit: number },
): Promise<DatasetVersionRow[]> {
  return await sql.unsafe<DatasetVersionRow[]>(
    `SELECT DISTINCT ON (name) ${VERSION} FROM dataset_versions
     WHERE project_id = $1 AND ($2::text IS NULL OR name > $2) ORDER BY name, version DESC LIMIT $3`,
    [projectId, after, limit],
  )
}

/** Versions of a dataset, newest first, below the number `before`. */
export async function listDatasetVersions(
  sql: Sql,
  { projectId, name }: DatasetKey,
  { before, limit }: { before: number | null; limit: number },
): Promise<DatasetVersionRow[]> {
  return await sql.unsafe<DatasetVersionRow[]>(
    `SELECT ${VERSION} FROM dataset_versions
     WHERE project_id = $1 AND name = $2 AND ($3::integer IS NULL OR version < $3) ORDER BY version DESC LIMIT $4`,
    [projectId, name, before, limit],
  )
}
