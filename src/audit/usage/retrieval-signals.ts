/** What the log's records of searches say about an index in a span of time, version by version. Reads no body. */

import type { Sql } from 'postgres'

export type SignalsQuery = {
  projectId: string
  /** Name of the index; each of its versions stands alone, because cosines of two models do not compare. */
  index: string
  /** First and first-not-included instant of the start, milliseconds. */
  sinceMs: number
  untilMs: number
  /** A cosine; null when nobody asked how many lie below one. */
  minScore: number | null
}

/** Five points of a distribution; null when there was none. */
export type Quantiles = { p5: number; p25: number; p50: number; p75: number; p95: number } | null

export type IndexSignals = {
  /** `handbook@5` */
  index: string
  /** Requests whose index was searched, and those that ended before it was. */
  searched: number
  unsearched: number
  /** Of the searched: those that got no passage, as when none reached the release's least score. */
  empty: number
  withoutVectors: number
  withoutWords: number
  /** Searches with a cosine, and those of them whose best lies below `minScore`; null when nobody asked. */
  compared: number
  below: number | null
  /** Of each search the highest cosine, and the score of its first passage. */
  cosine: Quantiles
  score: Quantiles
  durationMs: Quantiles
}

const MAX_VERSIONS = 100
const DAY_MS = 86_400_000
const POINTS = '{0.05,0.25,0.5,0.75,0.95}'

type Row = Omit<IndexSignals, 'cosine' | 'score' | 'durationMs' | 'below'> &
  Record<'cosine' | 'score' | 'durationMs', string | null> & { below: number }

/** The most searched first, at most 100 versions. Bounded by the statement timeout. */
export async function readIndexSignals(sql: Sql, query: SignalsQuery): Promise<IndexSignals[]> {
  const { projectId, index, sinceMs, untilMs, minScore } = query
  const rows = await sql<Row[]>`
    WITH asked AS (
      SELECT index, retrieval IS NOT NULL AS is_searched, retrieval ->> 'without' AS without,
        (retrieval ->> 'durationMs')::float8 AS duration, retrieval #>> '{contexts,0,score}' AS score,
        jsonb_array_length(retrieval -> 'contexts') AS found,
        (SELECT max((context ->> 'cosine')::float8)
           FROM jsonb_array_elements(retrieval -> 'contexts') AS context) AS cosine
      FROM requests
      WHERE project_id = ${projectId} AND index IS NOT NULL AND split_part(index, '@', 1) = ${index}
        AND started_at >= ${instant(sinceMs)}::timestamptz AND started_at < ${instant(untilMs)}::timestamptz
        AND day >= ${dayOf(sinceMs)}::date AND day < ${dayOf(untilMs + DAY_MS)}::date)
    SELECT index,
      (count(*) FILTER (WHERE is_searched))::integer AS searched,
      (count(*) FILTER (WHERE NOT is_searched))::integer AS unsearched,
      (count(*) FILTER (WHERE found = 0))::integer AS empty,
      (count(*) FILTER (WHERE without = 'vectors'))::integer AS "withoutVectors",
      (count(*) FILTER (WHERE without = 'words'))::integer AS "withoutWords",
      count(cosine)::integer AS compared,
      (count(*) FILTER (WHERE cosine < ${minScore}::float8))::integer AS below,
      to_json(percentile_cont(${POINTS}::float8[]) WITHIN GROUP (ORDER BY cosine))::text AS cosine,
      to_json(percentile_cont(${POINTS}::float8[]) WITHIN GROUP (ORDER BY score::float8))::text AS score,
      to_json(percentile_cont(${POINTS}::float8[]) WITHIN GROUP (ORDER BY duration))::text AS "durationMs"
    FROM asked GROUP BY index ORDER BY searched DESC, index LIMIT ${MAX_VERSIONS}`
  return rows.map(({ cosine, score, durationMs, below, ...counts }) => ({
    ...counts,
    below: minScore === null ? null : below,
    cosine: quantilesOf(cosine),
    score: quantilesOf(score),
    durationMs: quantilesOf(durationMs),
  }))
}

function quantilesOf(text: string | null): Quantiles {
  const points = text === null ? [] : (JSON.parse(text) as (number | null)[])
  const [p5, p25, p50, p75, p95] = points.map((point) => point ?? Number.NaN)
  if (p5 === undefined || Number.isNaN(p5)) return null
  return { p5, p25: p25 ?? p5, p50: p50 ?? p5, p75: p75 ?? p5, p95: p95 ?? p5 }
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}

function dayOf(ms: number): string {
  return instant(ms).slice(0, 10)
}
