/** Why a score of live answers changed: by the releases themselves, or by traffic that moved between them. */

import type { Sql } from 'postgres'
import { MAX_SCORE_AGE_MS } from '../data/data-points.ts'
import type { Span } from './baseline.ts'
import type { Pair } from './midpoint.ts'

/** What was scored of the answers of one release; null of all that are too many to be told apart. */
export type ReleaseScores = { releaseId: string | null; count: Pair; sum: Pair }

const RELEASES_MAX = 200

type ScoreRow = { id: string } & Record<
  'n0' | 'n1' | 's0' | 's1' | 'allN0' | 'allN1' | 'allS0' | 'allS1',
  number
>

/**
 * The judgements that points of the series are made of (readScorePoints): by the time they were made, of one scorer as its order names
 * it, and by the rules whose hash follows `#`, without one by those of the newest order. What was not scored is in neither.
 */
export async function readScores(
  sql: Sql,
  query: { projectId: string; route: string; scorer: string; before: Span; after: Span },
): Promise<ReleaseScores[]> {
  const { projectId, route, before, after } = query
  const { scorer, rules } = nameAndRules(query.scorer)
  const within = (span: Span) => sql`(scored_at >= ${instant(span.fromMs)}::timestamptz
    AND scored_at < ${instant(span.toMs)}::timestamptz)`
  const rows = await sql<ScoreRow[]>`
    WITH judged AS (
      SELECT s.release_id AS id, s.rules_hash, s.order_id, s.value, s.scored_at
      FROM online_scores s JOIN online_orders o ON o.id = s.order_id AND o.project_id = s.project_id
      WHERE s.project_id = ${projectId} AND o.route = ${route} AND s.scorer = ${scorer} AND s.outcome = 'scored'
        AND starts_with(s.rules_hash, ${rules}) AND (${within(before)} OR ${within(after)})
        AND s.started_at >= s.scored_at - make_interval(secs => ${MAX_SCORE_AGE_MS / 1000}::float8)),
    newest AS (SELECT rules_hash FROM judged ORDER BY order_id DESC, rules_hash LIMIT 1),
    releases AS (
      SELECT id, count(*) FILTER (WHERE ${within(before)})::float8 AS n0, count(*) FILTER (WHERE ${within(after)})::float8 AS n1,
        coalesce(sum(value) FILTER (WHERE ${within(before)}), 0)::float8 AS s0,
        coalesce(sum(value) FILTER (WHERE ${within(after)}), 0)::float8 AS s1
      FROM judged JOIN newest USING (rules_hash) GROUP BY id)
    SELECT id, n0, n1, s0, s1, sum(n0) OVER () AS "allN0", sum(n1) OVER () AS "allN1", sum(s0) OVER () AS "allS0",
      sum(s1) OVER () AS "allS1"
    FROM releases ORDER BY n0 + n1 DESC, id LIMIT ${RELEASES_MAX}`
  const read = rows.map(({ id, n0, n1, s0, s1 }) => ({
    releaseId: id,
    count: { before: n0, after: n1 },
    sum: { before: s0, after: s1 },
  }))
  const [first] = rows
  if (first === undefined || rows.length < RELEASES_MAX) return read
  const all = {
    count: { before: first.allN0, after: first.allN1 },
    sum: { before: first.allS0, after: first.allS1 },
  }
  const rest = restOf(all, read)
  return rest.count.before + rest.count.after === 0 ? read : [...read, rest]
}

/** `grounded#1a2b3c4d` is `grounded` by the rules whose hash begins so. */
function nameAndRules(name: string): { scorer: string; rules: string } {
  const [, scorer, rules] = /^(.+)#([0-9a-f]{8})$/s.exec(name) ?? []
  return scorer === undefined || rules === undefined ? { scorer: name, rules: '' } : { scorer, rules }
}

function restOf(all: Omit<ReleaseScores, 'releaseId'>, read: readonly ReleaseScores[]): ReleaseScores {
  const without = (of: 'count' | 'sum', side: keyof Pair) =>
    read.reduce((left, one) => left - one[of][side], all[of][side])
  return {
    releaseId: null,
    count: { before: without('count', 'before'), after: without('count', 'after') },
    sum: { before: without('sum', 'before'), after: without('sum', 'after') },
  }
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
