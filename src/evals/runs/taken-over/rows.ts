/** All SQL of what runs take over from earlier ones: rows that were asked and paid for there, by their keys. */

import type { Sql } from 'postgres'
import type { Place, ResultRow, ScoreRow } from '../result-rows.ts'
import type { RunRow } from '../run-rows.ts'

/** Whose run it is, and since when an answer may be there to be taken over. */
type Taking = Pick<RunRow, 'id' | 'projectId'> & { since: string }
export type Wanted = Place & { key: string }

const instant = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/**
 * For each of these questions the newest answer that another run of the project has asked for; none where there is none. Each
 * answer once: questions that are alike get different ones, and none that the run has taken already.
 */
export async function findAnswers(
  sql: Sql,
  { id, projectId, since }: Taking,
  wanted: readonly Wanted[],
): Promise<ResultRow[]> {
  return await sql.unsafe<ResultRow[]>(
    `WITH wanted AS (
       SELECT *, row_number() OVER (PARTITION BY key ORDER BY position, repeat) AS nth, count(*) OVER (PARTITION BY key) AS many
       FROM json_to_recordset($1::json) AS one (position integer, repeat integer, key text)
     ), found AS (
       SELECT k.key, o.*, row_number() OVER (PARTITION BY k.key ORDER BY o.created_at DESC, o.request_id DESC) AS nth
       FROM (SELECT DISTINCT key, many FROM wanted) AS k CROSS JOIN LATERAL (
         SELECT e.* FROM eval_results e JOIN eval_runs r ON r.id = e.run_id
         WHERE e.answer_key = k.key AND e.created_at >= $4::timestamptz AND e.run_id <> $2 AND r.project_id = $3
           AND NOT EXISTS (SELECT FROM eval_results own WHERE own.run_id = $2 AND own.cached_from = e.request_id)
         ORDER BY e.created_at DESC LIMIT k.many) AS o
     )
     SELECT w.position, w.repeat, f.outcome, NULL AS "requestId", f.output, f.tool_calls AS "toolCalls", f.contexts, f.retrieved,
       f.finish_reason AS "finishReason", NULL AS "latencyMs", f.cost::text AS cost, f.free, NULL AS "errorCode", NULL AS error,
       0 AS tries, f.request_id AS "cachedFrom", ${instant('f.created_at')} AS "cachedAt"
     FROM wanted w JOIN found f USING (key, nth) ORDER BY w.position, w.repeat`,
    [JSON.stringify(wanted), id, projectId, since],
  )
}

/** How many of these questions would get an answer, each answer counted once. */
export async function countAnswers(
  sql: Sql,
  { projectId, since }: Omit<Taking, 'id'>,
  keys: readonly string[],
): Promise<number> {
  const [row] = await sql<{ there: number }[]>`
    SELECT coalesce(sum(o.there), 0)::integer AS there
    FROM (SELECT value AS key, count(*) AS many FROM json_array_elements_text(${JSON.stringify(keys)}::json) AS given (value)
      GROUP BY value) AS k
    CROSS JOIN LATERAL (SELECT count(*) AS there FROM (
      SELECT FROM eval_results e JOIN eval_runs r ON r.id = e.run_id
      WHERE e.answer_key = k.key AND e.created_at >= ${since}::timestamptz AND r.project_id = ${projectId}
      LIMIT k.many) AS few) AS o`
  return row?.there ?? 0
}

/** The newest judgement of each of these keys that another run of the project has paid for. */
export async function findJudgements(
  sql: Sql,
  { id, projectId, since }: Taking,
  keys: readonly string[],
): Promise<(ScoreRow & { key: string })[]> {
  return await sql<(ScoreRow & { key: string })[]>`
    SELECT DISTINCT ON (s.judgement_key) s.judgement_key AS key, s.scorer, s.version, s.outcome, s.value, s.passed, s.reason,
      s.details, s.cost::text AS cost, s.run_id AS "cachedFrom",
      to_char(s.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "cachedAt"
    FROM eval_scores s JOIN eval_runs r ON r.id = s.run_id
    WHERE s.judgement_key IN (SELECT value FROM json_array_elements_text(${JSON.stringify(keys)}::json) AS given (value))
      AND s.created_at >= ${since}::timestamptz AND s.run_id <> ${id} AND r.project_id = ${projectId}
    ORDER BY s.judgement_key, s.created_at DESC, s.run_id DESC`
}

/** When the oldest answer or judgement that a run took over was made; null where all is its own. */
export async function findOldestTaken(sql: Sql, runId: string): Promise<string | null> {
  const [row] = await sql<{ oldest: string | null }[]>`
    SELECT to_char(least((SELECT min(cached_at) FROM eval_results WHERE run_id = ${runId}),
      (SELECT min(cached_at) FROM eval_scores WHERE run_id = ${runId})) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS oldest`
  return row?.oldest ?? null
}
