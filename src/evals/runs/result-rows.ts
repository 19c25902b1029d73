/** All SQL of results and scores. Both are written once for each item and repeat; a second writer changes nothing. */

import type { Sql, TransactionSql } from 'postgres'
import type { DatasetItem } from '../datasets/item.ts'

/** Its place among the run's items, and which repeat of it. */
export type Place = { position: number; repeat: number }

export type ResultRow = Place & {
  outcome: 'answered' | 'failed'
  requestId: string | null
  output: string | null
  /** JSON. */
  toolCalls: string
  contexts: string
  retrieved: string | null
  finishReason: string | null
  latencyMs: number | null
  /** Micro-USD as text; null when there is no price, or none is known: see `free`. */
  cost: string | null
  /** Nobody is paid: the model runs on this machine, the output was recorded elsewhere, or there is no answer. */
  free: boolean
  errorCode: string | null
  error: string | null
  tries: number
  /** The request that it was taken over from, and when that was answered; null for an answer of this run's own. */
  cachedFrom: string | null
  cachedAt: string | null
}
export type ScoreRow = {
  scorer: string
  version: number
  outcome: 'scored' | 'abstained' | 'error'
  value: number | null
  passed: boolean | null
  reason: string
  details: string | null
  /** Of what it asked, micro-USD as text; null when a price is unknown. */
  cost: string | null
  /** The run that it was taken over from, and when it was made there; null for a judgement of this run's own. */
  cachedFrom: string | null
  cachedAt: string | null
}
/** What is left to do of one item and repeat: ask and judge, or only judge. `judged` names the scorers that have done so. */
export type Unit = Place & { item: DatasetItem; result: ResultRow | null; judged: readonly string[] }

const instant = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const RESULT = `e.outcome, e.request_id AS "requestId", e.output, e.tool_calls AS "toolCalls", e.contexts, e.retrieved,
  e.finish_reason AS "finishReason", e.latency_ms AS "latencyMs", e.cost::text AS cost, e.free, e.error_code AS "errorCode",
  e.error, e.tries, e.cached_from AS "cachedFrom", ${instant('e.cached_at')} AS "cachedAt"`

/** Units behind `after` in order that lack an answer or a score; or those alone that lack the one, or the other. */
export async function readPending(
  sql: Sql,
  run: { id: string; projectId: string; datasetId: string; repeats: number; scorers: number },
  after: Place | null,
  limit: number,
  lacking: 'either' | 'answer' | 'score' = 'either',
): Promise<Unit[]> {
  const rows = await sql.unsafe<(Place & { content: string; judged: string } & Partial<ResultRow>)[]>(
    `SELECT u.position, r.repeat, i.content, j.scorers::text AS judged, ${RESULT}
     FROM eval_run_items u CROSS JOIN generate_series(0, $4::integer - 1) AS r (repeat)
     JOIN dataset_version_items p ON p.dataset_id = $3 AND p.position = u.item
     JOIN dataset_items i ON i.project_id = $2 AND i.hash = p.hash
     LEFT JOIN eval_results e ON e.run_id = u.run_id AND e.position = u.position AND e.repeat = r.repeat
     CROSS JOIN LATERAL (SELECT count(*) AS scores, coalesce(json_agg(s.scorer), '[]') AS scorers FROM eval_scores s
       WHERE s.run_id = u.run_id AND s.position = u.position AND s.repeat = r.repeat) AS j
     WHERE u.run_id = $1 AND u.position >= $5 AND (u.position, r.repeat) > ($5, $6)
       AND CASE WHEN e.run_id IS NULL THEN $9::text <> 'score' ELSE $9::text <> 'answer' AND j.scores <> $7::integer END
     ORDER BY u.position, r.repeat LIMIT $8`,
    [
      run.id,
      run.projectId,
      run.datasetId,
      run.repeats,
      after?.position ?? 0,
      after?.repeat ?? -1,
      run.scorers,
      limit,
      lacking,
    ],
  )
  return rows.map(({ position, repeat, content, judged, ...rest }) => ({
    position,
    repeat,
    judged: JSON.parse(judged) as string[],
    item: JSON.parse(content) as DatasetItem,
    result: rest.outcome == null ? null : ({ position, repeat, ...rest } as ResultRow),
  }))
}

/** `key` is the answer's for later runs; null for one that none may take over. */
export async function insertResult(
  sql: TransactionSql,
  runId: string,
  row: ResultRow,
  now: string,
  key: string | null = null,
): Promise<void> {
  await sql`
    INSERT INTO eval_results (run_id, position, repeat, outcome, request_id, output, tool_calls, contexts, retrieved,
      finish_reason, latency_ms, cost, free, error_code, error, tries, created_at, answer_key, cached_from, cached_at)
    VALUES (${runId}, ${row.position}, ${row.repeat}, ${row.outcome}, ${row.requestId}, ${row.output}, ${row.toolCalls},
      ${row.contexts}, ${row.retrieved}, ${row.finishReason}, ${row.latencyMs}, ${row.cost}::bigint, ${row.free},
      ${row.errorCode}, ${row.error}, ${row.tries}, ${now}::timestamptz, ${key}, ${row.cachedFrom},
      ${row.cachedAt}::timestamptz)
    ON CONFLICT DO NOTHING`
}

/** With `key`, a judgement's for later runs. */
export async function insertScores(
  sql: TransactionSql,
  runId: string,
  { position, repeat }: Place,
  scores: readonly (ScoreRow & { key?: string | null })[],
  now: string,
): Promise<void> {
  await sql`
    INSERT INTO eval_scores (run_id, position, repeat, scorer, version, outcome, value, passed, reason, details, cost, created_at,
      judgement_key, cached_from, cached_at)
    SELECT ${runId}, ${position}, ${repeat}, scorer, version, outcome, value, passed, reason, details, cost, ${now}::timestamptz,
      key, "cachedFrom", "cachedAt"
    FROM json_to_recordset(${JSON.stringify(scores)}::json) AS given (scorer text, version integer, outcome text,
      value double precision, passed boolean, reason text, details text, cost bigint, key text, "cachedFrom" text,
      "cachedAt" timestamptz)
    ON CONFLICT DO NOTHING`
}

/**
 * Removes what ended in an error, so that it is asked or judged again: calls that failed, scores that could not be made. What
 * these have cost stays spent.
 */
export async function forgetErrors(sql: TransactionSql, runId: string): Promise<void> {
  await sql`
    WITH gone AS (DELETE FROM eval_scores WHERE run_id = ${runId} AND outcome = 'error' RETURNING cost)
    UPDATE eval_runs SET forgotten_cost = forgotten_cost + (SELECT coalesce(sum(cost), 0) FROM gone),
      forgotten_unpriced = forgotten_unpriced + (SELECT count(*) FROM gone WHERE cost IS NULL)
    WHERE id = ${runId}`
  await sql`DELETE FROM eval_results WHERE run_id = ${runId} AND outcome = 'failed'`
}

/** One scorer's judgements of an item over its repeats. */
export type ItemScores = {
  position: number
  itemId: string
  /** Of the item's content: two versions of a dataset share the items that did not change. */
  hash: string
  group: string | null
  scorer: string
  /** Of a perturbed item: what was changed, and the id of the item as it was. */
  perturbation?: string | null
  origin?: string | null
  /** Share of the repeats that passed, of those that passed or failed; null without one. */
  passRate?: number | null
  /** Mean over the repeats that were scored; null without one. */
  mean: number | null
  /** Sample variance over them; null with fewer than two. */
  variance: number | null
  scored: number
  abstained: number
  errors: number
}

/** Of one scorer, by item in order, after a position. */
export async function readItemScores(
  sql: Sql,
  run: { id: string; projectId: string; datasetId: string },
  scorer: string,
  page: { after: number; limit: number },
): Promise<ItemScores[]> {
  return await sql<ItemScores[]>`
    SELECT u.position, p.item_id AS "itemId", p.hash, i.content::jsonb ->> 'group' AS "group", ${scorer} AS scorer,
      i.content::jsonb #>> '{metadata,perturbation}' AS perturbation, i.content::jsonb #>> '{metadata,origin}' AS origin,
      avg(s.passed::integer)::double precision AS "passRate",
      avg(s.value) AS mean, var_samp(s.value) AS variance, count(*) FILTER (WHERE s.outcome = 'scored')::integer AS scored,
      count(*) FILTER (WHERE s.outcome = 'abstained')::integer AS abstained,
      count(*) FILTER (WHERE s.outcome = 'error')::integer AS errors
    FROM eval_run_items u
    JOIN dataset_version_items p ON p.dataset_id = ${run.datasetId} AND p.position = u.item
    JOIN dataset_items i ON i.project_id = ${run.projectId} AND i.hash = p.hash
    LEFT JOIN eval_scores s ON s.run_id = u.run_id AND s.position = u.position AND s.scorer = ${scorer}
    WHERE u.run_id = ${run.id} AND u.position > ${page.after}
    GROUP BY u.position, p.item_id, p.hash, i.content ORDER BY u.position LIMIT ${page.limit}`
}

/** One judgement with the answer it is of. */
export type JudgedRow = Place & { itemId: string; result: ResultRow; scores: ScoreRow[] }

/** `$1` is the run, `$2` its dataset. */
const JUDGED = `SELECT e.position, e.repeat, p.item_id AS "itemId", ${RESULT},
    coalesce((SELECT json_agg(json_build_object('scorer', s.scorer, 'version', s.version, 'outcome', s.outcome,
      'value', s.value, 'passed', s.passed, 'reason', s.reason, 'details', s.details, 'cost', s.cost::text,
      'cachedFrom', s.cached_from, 'cachedAt', ${instant('s.cached_at')}) ORDER BY s.scorer)
      FROM eval_scores s WHERE s.run_id = e.run_id AND s.position = e.position AND s.repeat = e.repeat), '[]')::text AS scores
  FROM eval_results e JOIN eval_run_items u ON u.run_id = e.run_id AND u.position = e.position
  JOIN dataset_version_items p ON p.dataset_id = $2 AND p.position = u.item
  WHERE e.run_id = $1`
type RawJudged = ResultRow & { itemId: string; scores: string }

/** Results with their scores in order, behind a place. */
export async function readJudged(
  sql: Sql,
  run: { id: string; datasetId: string },
  after: Place | null,
  limit: number,
): Promise<JudgedRow[]> {
  const rows = await sql.unsafe<RawJudged[]>(
    `${JUDGED} AND (e.position, e.repeat) > ($3, $4) ORDER BY e.position, e.repeat LIMIT $5`,
    [run.id, run.datasetId, after?.position ?? -1, after?.repeat ?? 0, limit],
  )
  return rows.map(judgedRow)
}

/** The first repeat that was answered or failed at each of these positions. */
export async function readFirstJudged(
  sql: Sql,
  run: { id: string; datasetId: string },
  positions: readonly number[],
): Promise<JudgedRow[]> {
  const rows = await sql.unsafe<RawJudged[]>(
    `${JUDGED} AND e.position IN (SELECT value::integer FROM json_array_elements_text($3::json) AS given (value))
       AND e.repeat = (SELECT min(f.repeat) FROM eval_results f WHERE f.run_id = e.run_id AND f.position = e.position)
     ORDER BY e.position`,
    [run.id, run.datasetId, JSON.stringify(positions)],
  )
  return rows.map(judgedRow)
}

function judgedRow({ itemId, scores, ...result }: RawJudged): JudgedRow {
  const { position, repeat } = result
  return { position, repeat, itemId, result, scores: JSON.parse(scores) as ScoreRow[] }
}

/** Positions of the run's items whose metadata has all of these values. */
export async function readSlice(
  sql: Sql,
  run: { id: string; projectId: string; datasetId: string },
  metadata: Readonly<Record<string, string | number | boolean>>,
): Promise<number[]> {
  const rows = await sql<{ position: number }[]>`
    SELECT u.position FROM eval_run_items u
    JOIN dataset_version_items p ON p.dataset_id = ${run.datasetId} AND p.position = u.item
    JOIN dataset_items i ON i.project_id = ${run.projectId} AND i.hash = p.hash
    WHERE u.run_id = ${run.id} AND i.content::jsonb -> 'metadata' @> ${JSON.stringify(metadata)}::text::jsonb
    ORDER BY u.position`
  return rows.map(({ position }) => position)
}
