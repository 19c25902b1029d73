/** Points of scores and of retrieval for the series of a route, in buckets of five minutes: readers for whoever watches. */

import type { Sql } from 'postgres'
import { ASKED_BY_APPS } from '../../db/asked-by-apps.ts'

/**
 * Where points are read: requests or judgements from `fromMs` on and before `toMs`, milliseconds. `asOne`: all of the window is one
 * bucket, which begins at `fromMs`.
 */
export type PointsQuery = { projectId: string; fromMs: number; toMs: number; asOne?: boolean }

/**
 * One figure of one bucket. `value` is null where nothing could be measured in a bucket that had something to measure, such as the mean
 * of scores that all abstained; `count` is what the value is over. A bucket without any row has no point.
 */
export type DataPoint = {
  /** When the bucket began. */
  atMs: number
  route: string
  /** `score:grounded`, `score_abstained:grounded`, `retrieval_cosine_p50:handbook@5` … */
  metric: string
  value: number | null
  count: number
}

const BUCKET_MS = 300_000
/** Of one read; a day has 288 buckets. */
const MAX_POINTS = 20_000
/** What began longer ago than this is history that somebody had judged, and tells nothing of now. */
export const MAX_SCORE_AGE_MS = 86_400_000

type ScoreRow = {
  bucket: number
  route: string
  scorer: string
  rules: string
  newest: boolean
  mean: number | null
  scored: number
  abstained: number
  errors: number
  skipped: number
}

/**
 * Of each route and scorer the mean of what was scored, and of all that was sampled the share that abstained, failed and was skipped:
 * four series, so that nothing is averaged away. A judgement belongs to the bucket in which it was made, not to that of its request:
 * so it comes exactly once, however late it is. Two scorers of one name with other rules are two series, as their values do not
 * compare: the rules of the newest order have the plain name, others carry the first eight letters of their hash.
 */
export async function readScorePoints(sql: Sql, query: PointsQuery): Promise<DataPoint[]> {
  const { projectId, fromMs, toMs } = query
  const [width, from] = bucketsOf(query)
  const rows = await sql<ScoreRow[]>`
    WITH counts AS (
      SELECT floor((extract(epoch FROM s.scored_at) * 1000 - ${from}::float8) / ${width}::float8) * ${width}::float8 + ${from}::float8 AS bucket, o.route, s.scorer,
        s.rules_hash, max(s.order_id) AS newest_order, avg(s.value) AS mean,
        count(*) FILTER (WHERE s.outcome = 'scored') AS scored, count(*) FILTER (WHERE s.outcome = 'abstained') AS abstained,
        count(*) FILTER (WHERE s.outcome = 'error') AS errors, count(*) FILTER (WHERE s.outcome = 'skipped') AS skipped
      FROM online_scores s JOIN online_orders o ON o.id = s.order_id AND o.project_id = s.project_id
      WHERE s.project_id = ${projectId} AND s.scored_at >= ${instant(fromMs)}::timestamptz
        AND s.scored_at < ${instant(toMs)}::timestamptz
        AND s.started_at >= s.scored_at - make_interval(secs => ${MAX_SCORE_AGE_MS / 1000}::float8)
      GROUP BY 1, o.route, s.scorer, s.rules_hash)
    SELECT bucket::float8 AS bucket, route, scorer, rules_hash AS rules, mean, scored::integer AS scored,
      abstained::integer AS abstained, errors::integer AS errors, skipped::integer AS skipped,
      max(newest_order) OVER (PARTITION BY route, scorer, rules_hash) = max(newest_order) OVER (PARTITION BY route, scorer) AS newest
    FROM counts ORDER BY bucket, route, scorer, rules LIMIT ${MAX_POINTS / 4}`
  return rows.flatMap(scorePoints)
}

function scorePoints(row: ScoreRow): DataPoint[] {
  const { bucket: atMs, route, mean, scored, abstained, errors, skipped } = row
  const scorer = row.newest ? row.scorer : `${row.scorer}#${row.rules.slice(0, 8)}`
  const count = scored + abstained + errors + skipped
  return [
    { atMs, route, metric: `score:${scorer}`, value: mean, count: scored },
    { atMs, route, metric: `score_abstained:${scorer}`, value: abstained / count, count },
    { atMs, route, metric: `score_errors:${scorer}`, value: errors / count, count },
    { atMs, route, metric: `score_skipped:${scorer}`, value: skipped / count, count },
  ]
}

type RetrievalRow = {
  bucket: number
  route: string
  index: string
  cosine: number | null
  compared: number
  empty: number
  searched: number
}

/**
 * Of each route and index version the median of the highest cosine of a search, and the share of searches that gave no passage.
 * Each version is series of its own, as cosines of two models do not compare. By the start of the request: a bucket is whole once
 * what began in it has ended and was shipped.
 */
export async function readRetrievalPoints(sql: Sql, query: PointsQuery): Promise<DataPoint[]> {
  const { projectId, fromMs, toMs } = query
  const [width, from] = bucketsOf(query)
  const rows = await sql<RetrievalRow[]>`
    WITH searches AS (
      SELECT floor((extract(epoch FROM started_at) * 1000 - ${from}::float8) / ${width}::float8) * ${width}::float8 + ${from}::float8 AS bucket, route, index,
        jsonb_array_length(retrieval -> 'contexts') = 0 AS is_empty,
        (SELECT max((context ->> 'cosine')::float8) FROM jsonb_array_elements(retrieval -> 'contexts') AS context) AS cosine
      FROM requests
      WHERE project_id = ${projectId} AND route IS NOT NULL AND index IS NOT NULL AND retrieval IS NOT NULL
        AND shadow_of IS NULL AND replay_of IS NULL AND ${sql.unsafe(ASKED_BY_APPS)}
        AND started_at >= ${instant(fromMs)}::timestamptz AND started_at < ${instant(toMs)}::timestamptz
        AND day >= ${dayOf(fromMs)}::date AND day <= ${dayOf(toMs)}::date)
    SELECT bucket::float8 AS bucket, route, index, percentile_cont(0.5) WITHIN GROUP (ORDER BY cosine) AS cosine,
      count(cosine)::integer AS compared, (count(*) FILTER (WHERE is_empty))::integer AS empty, count(*)::integer AS searched
    FROM searches GROUP BY bucket, route, index ORDER BY bucket, route, index LIMIT ${MAX_POINTS / 2}`
  return rows.flatMap(({ bucket: atMs, route, index, cosine, compared, empty, searched }) => [
    { atMs, route, metric: `retrieval_cosine_p50:${index}`, value: cosine, count: compared },
    { atMs, route, metric: `retrieval_empty:${index}`, value: empty / searched, count: searched },
  ])
}

/** How wide buckets are, and from when on they are counted. */
function bucketsOf({ fromMs, toMs, asOne = false }: PointsQuery): [number, number] {
  return asOne ? [toMs - fromMs, fromMs] : [BUCKET_MS, 0]
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}

function dayOf(ms: number): string {
  return instant(ms).slice(0, 10)
}
