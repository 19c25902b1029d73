/** Sources as people look at them: each with its newest sync, its newest snapshot and its problems, in one question. */

import type { Sql } from 'postgres'
import { SNAPSHOT, type SnapshotRow, SOURCE, type SourceRow } from './store.ts'
import { SYNC, type SyncRow } from './sync-rows.ts'

export type SourceOverview = SourceRow & {
  /** Documents that it has now, whatever the newest snapshot holds. */
  documents: number
  /** Files that gave nothing. */
  problems: number
  /** A push is one, too. */
  sync: SyncRow | null
  snapshot: SnapshotRow | null
}

const QUERY = `
  SELECT s.*, newest.sync, held.snapshot,
    (SELECT count(*) FROM source_documents WHERE source_id = s.id)::integer AS documents,
    (SELECT count(*) FROM source_files WHERE source_id = s.id AND error IS NOT NULL)::integer AS problems
  FROM (SELECT ${SOURCE} FROM sources) AS s
  LEFT JOIN LATERAL (
    SELECT to_json(y)::text AS sync FROM (
      SELECT ${SYNC} FROM source_syncs WHERE source_id = s.id ORDER BY id DESC LIMIT 1) AS y) AS newest ON true
  LEFT JOIN LATERAL (
    SELECT to_json(w)::text AS snapshot FROM (
      SELECT ${SNAPSHOT} FROM source_snapshots taken WHERE source_id = s.id
      ORDER BY (SELECT max(y.id) FROM source_syncs y WHERE y.snapshot_id = taken.id) DESC NULLS LAST, id DESC
      LIMIT 1) AS w) AS held ON true`

type Read = SourceRow & { documents: number; problems: number; sync: string | null; snapshot: string | null }

/** By name; `after` is the last name of the page before. */
export async function listSourceOverviews(
  sql: Sql,
  projectId: string,
  page: { after: string | null; limit: number },
): Promise<SourceOverview[]> {
  const rows = await sql.unsafe<Read[]>(
    `${QUERY} WHERE s."projectId" = $1 AND ($2::text IS NULL OR s.name > $2) ORDER BY s.name LIMIT $3`,
    [projectId, page.after, page.limit],
  )
  return rows.map(toOverview)
}

/** Null when the project has none of the name. */
export async function findSourceOverview(
  sql: Sql,
  projectId: string,
  name: string,
): Promise<SourceOverview | null> {
  const rows = await sql.unsafe<Read[]>(`${QUERY} WHERE s."projectId" = $1 AND s.name = $2`, [
    projectId,
    name,
  ])
  return rows[0] === undefined ? null : toOverview(rows[0])
}

function toOverview({ sync, snapshot, ...row }: Read): SourceOverview {
  return {
    ...row,
    sync: sync === null ? null : (JSON.parse(sync) as SyncRow),
    snapshot: snapshot === null ? null : (JSON.parse(snapshot) as SnapshotRow),
  }
}
