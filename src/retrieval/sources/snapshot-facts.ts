/** What the documents of a snapshot say of themselves: their licences and languages, as they were when it was taken. */

import type { Sql } from 'postgres'
import type { SnapshotRef } from './snapshot-diff.ts'

/** How many documents say so; null for those of which nobody has said anything. */
type Said = { value: string | null; count: number }
export type SnapshotFacts = { licences: Said[]; languages: Said[] }

/** Most frequent first, at most `limit` of each; none of a snapshot that is not there. */
export async function readSnapshotFacts(
  sql: Sql,
  projectId: string,
  { source, hash }: SnapshotRef,
  limit: number,
): Promise<SnapshotFacts> {
  const said = async (column: 'licence' | 'language') =>
    await sql<Said[]>`
      SELECT d.${sql(column)} AS value, count(*)::integer AS count
      FROM snapshot_documents s JOIN documents d ON d.project_id = ${projectId} AND d.hash = s.hash
      WHERE s.snapshot_id = (SELECT id FROM source_snapshots
        WHERE project_id = ${projectId} AND source = ${source} AND hash = ${hash} ORDER BY id DESC LIMIT 1)
      GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${limit}`
  return { licences: await said('licence'), languages: await said('language') }
}
