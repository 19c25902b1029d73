/** What came, changed and went between two snapshots, by the documents' keys. */

import type { Sql } from 'postgres'

export type SnapshotRef = { source: string; hash: string }
type DocumentChange = { key: string; change: 'added' | 'changed' | 'removed' }
export type SnapshotDiff = {
  added: number
  changed: number
  removed: number
  /** One page, by key. */
  documents: DocumentChange[]
}

const CHANGES = `
  WITH held AS (
    SELECT w.hash AS snapshot, w.source, d.key, array_agg(d.hash ORDER BY d.hash) AS hashes
    FROM source_snapshots w JOIN snapshot_documents s ON s.snapshot_id = w.id
    JOIN documents d ON d.project_id = w.project_id AND d.hash = s.hash
    WHERE w.project_id = $1 AND ((w.source = $2 AND w.hash = $3) OR (w.source = $4 AND w.hash = $5))
    GROUP BY 1, 2, 3
  ), changes AS (
    SELECT key, CASE WHEN before.key IS NULL THEN 'added' WHEN later.key IS NULL THEN 'removed' ELSE 'changed' END
      AS change
    FROM (SELECT * FROM held WHERE source = $2 AND snapshot = $3) AS before
    FULL JOIN (SELECT * FROM held WHERE source = $4 AND snapshot = $5) AS later USING (key)
    WHERE before.hashes IS DISTINCT FROM later.hashes
  )`

/** `after` is the last key of the page before. Both snapshots are of one project. */
export async function diffSnapshots(
  sql: Sql,
  projectId: string,
  { from, to }: { from: SnapshotRef; to: SnapshotRef },
  page: { after: string | null; limit: number },
): Promise<SnapshotDiff> {
  const ends = [projectId, from.source, from.hash, to.source, to.hash]
  const [counts] = await sql.unsafe<Omit<SnapshotDiff, 'documents'>[]>(
    `${CHANGES} SELECT count(*) FILTER (WHERE change = 'added')::integer AS added,
       count(*) FILTER (WHERE change = 'changed')::integer AS changed,
       count(*) FILTER (WHERE change = 'removed')::integer AS removed FROM changes`,
    ends,
  )
  const documents = await sql.unsafe<DocumentChange[]>(
    `${CHANGES} SELECT key, change FROM changes WHERE $6::text IS NULL OR key > $6 ORDER BY key LIMIT $7`,
    [...ends, page.after, page.limit],
  )
  return { added: 0, changed: 0, removed: 0, ...counts, documents: [...documents] }
}
