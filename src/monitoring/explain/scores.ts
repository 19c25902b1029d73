/** Why a score of live answers changed: by the releases themselves, or by traffic that moved between them. */

import type { Sql } from 'postgres'
import type { Span } from './baseline.ts'
import type { Pair } from './midpoint.ts'

/** What was scored of the answers of one release. */
export type ReleaseScores = { releaseId: string; count: Pair; sum: Pair }

const RELEASES_MAX = 200

/** By the time the request began; of one scorer, as its order names it. What was not scored is in neither. */
export async function readScores(
  sql: Sql,
  query: { projectId: string; route: string; scorer: string; before: Span; after: Span },
): Promise<ReleaseScores[]> {
  const { projectId, route, scorer, before, after } = query
  const within = (span: Span) => sql`(started_at >= ${instant(span.fromMs)}::timestamptz
    AND started_at < ${instant(span.toMs)}::timestamptz)`
  const rows = await sql<Record<'id' | 'n0' | 'n1' | 's0' | 's1', string>[]>`
    SELECT release.id, count(*) FILTER (WHERE ${within(before)})::float8 AS n0,
      count(*) FILTER (WHERE ${within(after)})::float8 AS n1,
      coalesce(sum(value) FILTER (WHERE ${within(before)}), 0)::float8 AS s0,
      coalesce(sum(value) FILTER (WHERE ${within(after)}), 0)::float8 AS s1
    FROM online_scores JOIN releases AS release ON release.id = release_id
    WHERE online_scores.project_id = ${projectId} AND release.project_id = ${projectId} AND release.route = ${route}
      AND scorer = ${scorer} AND outcome = 'scored' AND (${within(before)} OR ${within(after)})
    GROUP BY release.id ORDER BY count(*) DESC LIMIT ${RELEASES_MAX}`
  return rows.map(({ id, n0, n1, s0, s1 }) => ({
    releaseId: id,
    count: { before: Number(n0), after: Number(n1) },
    sum: { before: Number(s0), after: Number(s1) },
  }))
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
