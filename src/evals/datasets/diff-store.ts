/** The SQL of comparing two versions of datasets, by the ids of their items. */

import type { Sql } from 'postgres'

export type DiffCounts = { added: number; removed: number; changed: number; same: number; moved: boolean }
export type DiffRow = { itemId: string; before: string | null; after: string | null }

const CHANGES = `
  WITH pairs AS (
    SELECT item_id, before.hash AS before, later.hash AS later, before.position AS from_at, later.position AS to_at
    FROM (SELECT item_id, hash, position FROM dataset_version_items WHERE dataset_id = $1) AS before
    FULL JOIN (SELECT item_id, hash, position FROM dataset_version_items WHERE dataset_id = $2) AS later USING (item_id)
  )`

/** `moved`: items that both have stand in another order among themselves. */
export async function countChanges(sql: Sql, fromId: string, toId: string): Promise<DiffCounts> {
  const [counts] = await sql.unsafe<DiffCounts[]>(
    `${CHANGES}, both_have AS (
       SELECT row_number() OVER (ORDER BY from_at) <> row_number() OVER (ORDER BY to_at) AS moved
       FROM pairs WHERE before IS NOT NULL AND later IS NOT NULL
     )
     SELECT count(*) FILTER (WHERE before IS NULL)::integer AS added,
       count(*) FILTER (WHERE later IS NULL)::integer AS removed,
       count(*) FILTER (WHERE before <> later)::integer AS changed,
       count(*) FILTER (WHERE before = later)::integer AS same,
       (SELECT coalesce(bool_or(moved), false) FROM both_have) AS moved
     FROM pairs`,
    [fromId, toId],
  )
  return { added: 0, removed: 0, changed: 0, same: 0, moved: false, ...counts }
}

/**
 * Items that differ, by their ids, after the id `after`: at most `limit`, and no more than come to `bytes` of content
 * together but for the first. `before` and `after` of each are its contents, null where a version has no such item.
 */
export async function listChanges(
  sql: Sql,
  ids: { projectId: string; fromId: string; toId: string },
  page: { after: string | null; limit: number; bytes: number },
): Promise<DiffRow[]> {
  return await sql.unsafe<DiffRow[]>(
    `${CHANGES}, page AS (
       SELECT item_id, before, later FROM pairs
       WHERE before IS DISTINCT FROM later AND ($4::text IS NULL OR item_id > $4 COLLATE "C")
       ORDER BY item_id COLLATE "C" LIMIT $5
     ), told AS (
       SELECT page.item_id, b.content AS before, l.content AS later, row_number() OVER by_id AS place,
         sum(coalesce(octet_length(b.content), 0) + coalesce(octet_length(l.content), 0)) OVER by_id AS upto
       FROM page
       LEFT JOIN dataset_items b ON b.project_id = $3 AND b.hash = page.before
       LEFT JOIN dataset_items l ON l.project_id = $3 AND l.hash = page.later
       WINDOW by_id AS (ORDER BY page.item_id COLLATE "C")
     )
     SELECT item_id AS "itemId", before, later AS after FROM told WHERE upto <= $6 OR place = 1 ORDER BY place`,
    [ids.fromId, ids.toId, ids.projectId, page.after, page.limit, page.bytes],
  )
}
