/** All SQL of what is said of a finished run beside its verdict: its worst items, cost and latency, and whose its items are. */

import type { Sql } from 'postgres'
import type { RunRow } from './run-rows.ts'

export type AnswerFigures = {
  answered: number
  /** Items and repeats that have no answer. */
  failed: number
  /** Micro-USD as text, of `priced` answers; `free` ones cost nothing, and of `unpriced` ones nobody knows. */
  cost: string
  priced: number
  free: number
  unpriced: number
  /** Milliseconds until the answer was whole; null where none was timed. */
  latencyP50Ms: number | null
  latencyP95Ms: number | null
  timed: number
}

/** Of the answers alone, without what judging them cost. Quantiles are interpolated (SQL:2003, `percentile_cont`). */
export async function readAnswerFigures(sql: Sql, runId: string): Promise<AnswerFigures> {
  const [row] = await sql<AnswerFigures[]>`
    SELECT count(*) FILTER (WHERE outcome = 'answered')::integer AS answered,
      count(*) FILTER (WHERE outcome = 'failed')::integer AS failed,
      coalesce(sum(cost) FILTER (WHERE outcome = 'answered'), 0)::text AS cost,
      count(cost) FILTER (WHERE outcome = 'answered')::integer AS priced,
      count(*) FILTER (WHERE outcome = 'answered' AND cost IS NULL AND free)::integer AS free,
      count(*) FILTER (WHERE outcome = 'answered' AND cost IS NULL AND NOT free)::integer AS unpriced,
      percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE outcome = 'answered') AS "latencyP50Ms",
      percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE outcome = 'answered') AS "latencyP95Ms",
      count(latency_ms) FILTER (WHERE outcome = 'answered')::integer AS timed
    FROM eval_results WHERE run_id = ${runId}`
  if (row === undefined) throw new Error('A count has one row.')
  return row
}

export type FailedItem = {
  position: number
  itemId: string
  scorer: string
  /** Repeats that failed, of those that passed or failed. */
  failed: number
  decided: number
  /** How many scorers the item fails. */
  scorers: number
  /** Of the first repeat that failed. It may quote the answer. */
  reason: string
}

/**
 * Items by scorer that fail, as they do when not more than half of their repeats pass (`passes.ts`): first those that fail most
 * scorers, then those that fail most of their repeats. `total` counts all of them, and not only those that are given.
 */
export async function readFailedItems(
  sql: Sql,
  run: Pick<RunRow, 'id' | 'datasetId'>,
  limit: number,
): Promise<{ total: number; items: FailedItem[] }> {
  const rows = await sql<(FailedItem & { total: number })[]>`
    WITH failing AS (
      SELECT position, scorer, count(*) FILTER (WHERE NOT passed)::integer AS failed, count(passed)::integer AS decided
      FROM eval_scores WHERE run_id = ${run.id} GROUP BY position, scorer
      HAVING count(passed) > 0 AND 2 * count(*) FILTER (WHERE passed) <= count(passed)
    ), ranked AS (
      SELECT *, count(*) OVER (PARTITION BY position)::integer AS scorers, count(*) OVER ()::integer AS total FROM failing
    )
    SELECT r.*, p.item_id AS "itemId", (SELECT s.reason FROM eval_scores s WHERE s.run_id = ${run.id}
        AND s.position = r.position AND s.scorer = r.scorer AND NOT s.passed ORDER BY s.repeat LIMIT 1) AS reason
    FROM ranked r JOIN eval_run_items u ON u.run_id = ${run.id} AND u.position = r.position
    JOIN dataset_version_items p ON p.dataset_id = ${run.datasetId} AND p.position = u.item
    ORDER BY r.scorers DESC, r.failed::double precision / r.decided DESC, r.position, r.scorer LIMIT ${limit}`
  return { total: rows[0]?.total ?? 0, items: rows.map(({ total: _total, ...item }) => item) }
}

/** How many items say so of themselves; null for those that say nothing. */
export type Said = { value: string | null; count: number }

/** What the metadata of a run's items says: `language`, and `licence` or `license`. Most frequent first, at most `limit`. */
export async function readItemsSay(
  sql: Sql,
  run: Pick<RunRow, 'id' | 'projectId' | 'datasetId'>,
  what: 'language' | 'licence',
  limit: number,
): Promise<Said[]> {
  const names = what === 'language' ? ['language', 'language'] : ['licence', 'license']
  const [name = '', other = ''] = names
  return await sql<Said[]>`
    SELECT coalesce(i.content::jsonb -> 'metadata' ->> ${name}, i.content::jsonb -> 'metadata' ->> ${other}) AS value,
      count(*)::integer AS count
    FROM eval_run_items u
    JOIN dataset_version_items p ON p.dataset_id = ${run.datasetId} AND p.position = u.item
    JOIN dataset_items i ON i.project_id = ${run.projectId} AND i.hash = p.hash
    WHERE u.run_id = ${run.id} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${limit}`
}
