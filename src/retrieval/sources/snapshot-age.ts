/** How old the documents behind the versions of an index are. */

import type { Sql } from 'postgres'

export type SnapshotAge = {
  version: number
  source: string
  documents: number
  /** When the documents first stood like this. */
  snapshotAt: string
  /** When the source was last read or pushed to with success, with whatever result; null for never. */
  syncedAt: string | null
}

const MAX_VERSIONS = 1_000

/** Newest version first. Versions whose source was deleted are not there. */
export async function listSnapshotAges(sql: Sql, projectId: string, index: string): Promise<SnapshotAge[]> {
  return await sql<SnapshotAge[]>`
    SELECT v.version, s.name AS source, w.documents, w.created_at AS "snapshotAt", (
        SELECT max(updated_at) FROM source_syncs WHERE source_id = s.id AND state = 'done') AS "syncedAt"
    FROM index_versions v
    JOIN sources s ON s.project_id = v.project_id AND s.name = v.content::json #>> '{source,name}'
    JOIN source_snapshots w ON w.source_id = s.id AND w.hash = v.content::json #>> '{source,snapshot}'
    WHERE v.project_id = ${projectId} AND v.name = ${index} ORDER BY v.version DESC LIMIT ${MAX_VERSIONS}`
}
