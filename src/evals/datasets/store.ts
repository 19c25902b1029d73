/** All SQL of datasets. Rows are inserted and read, never changed: the database refuses that by trigger. */

import type { Sql } from 'postgres'
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
  createdAt: string
}
export type DatasetKey = { projectId: string; name: string }
export type PlacedItem = { position: number; itemId: string; hash: string; item: DatasetItem }
type ItemRow = { itemId: string; hash: string; content: string }

const VERSION = `id, project_id AS "projectId", name, version, hash, items, item_schema AS "itemSchema", description,
  created_by AS "createdBy", created_by_name AS "createdByName", created_at AS "createdAt"`

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
