/** All SQL of scores of live traffic: one row for each request and rules, written once. */

import type { Sql, TransactionSql } from 'postgres'
import type { ScoreRow } from '../runs/result-rows.ts'
import type { SkipReason } from './skip-reasons.ts'
import type { TrafficRow } from './traffic-rows.ts'

/** A judgement, or why there is none. */
export type LiveScore =
  | Pick<ScoreRow, 'outcome' | 'value' | 'passed' | 'reason' | 'cost'>
  | { outcome: 'skipped'; skip: SkipReason; reason: string }

type Rules = { name: string; kind: string; version: number; rules: string }
type OrderPlace = { id: string; projectId: string }

/**
 * By request, the rules that are settled. A gap that a spent budget left is settled for the order that left it. For another one
 * it is open while that one can spend (`takesGaps`): otherwise it would read the request at every look, and judge it at none.
 */
export async function readSettled(
  sql: Sql,
  { orderId, takesGaps }: { orderId: string; takesGaps: boolean },
  requestIds: readonly string[],
): Promise<Map<string, Set<string>>> {
  const settled = new Map<string, Set<string>>()
  if (requestIds.length === 0) return settled
  const rows = await sql<{ requestId: string; rules: string }[]>`
    SELECT request_id AS "requestId", rules_hash AS rules FROM online_scores
    WHERE request_id IN (SELECT value FROM json_array_elements_text(${JSON.stringify(requestIds)}::json) AS given (value))
      AND NOT (${takesGaps} AND skip IS NOT DISTINCT FROM 'budget_spent' AND order_id <> ${orderId})`
  for (const { requestId, rules } of rows) {
    settled.set(requestId, (settled.get(requestId) ?? new Set()).add(rules))
  }
  return settled
}

/** A second writer changes nothing, but for what fills a gap that a budget left: a judgement, or why there can be none any more. */
export async function insertScore(
  sql: TransactionSql,
  order: OrderPlace,
  row: TrafficRow,
  scorer: Rules,
  score: LiveScore,
  now: string,
): Promise<void> {
  const isSkipped = score.outcome === 'skipped'
  const { value, passed, cost } = isSkipped ? { value: null, passed: null, cost: '0' } : score
  await sql`
    INSERT INTO online_scores (request_id, rules_hash, project_id, release_id, order_id, scorer, kind, version, outcome, skip,
      value, passed, reason, cost, requested_model, started_at, day, scored_at)
    VALUES (${row.id}, ${scorer.rules}, ${order.projectId}, ${row.releaseId}, ${order.id}, ${scorer.name}, ${scorer.kind},
      ${scorer.version}, ${score.outcome}, ${isSkipped ? score.skip : null}, ${value}, ${passed}, ${score.reason},
      ${cost}::bigint, ${row.requestedModel}, ${row.startedAt}::timestamptz, ${row.day}::text::date, ${now}::timestamptz)
    ON CONFLICT (request_id, rules_hash) DO UPDATE SET order_id = EXCLUDED.order_id, scorer = EXCLUDED.scorer,
      outcome = EXCLUDED.outcome, skip = EXCLUDED.skip, value = EXCLUDED.value, passed = EXCLUDED.passed,
      reason = EXCLUDED.reason, cost = EXCLUDED.cost, scored_at = EXCLUDED.scored_at
    WHERE online_scores.skip = 'budget_spent' AND EXCLUDED.skip IS DISTINCT FROM 'budget_spent'`
}

/** Requests that an order has settled, judged or not; and its judgements that cost something. */
export async function countTaken(sql: Sql, orderId: string): Promise<{ taken: number; paid: number }> {
  const [row] = await sql<{ taken: number; paid: number }[]>`
    SELECT count(DISTINCT request_id)::integer AS taken, count(*) FILTER (WHERE cost > 0)::integer AS paid
    FROM online_scores WHERE order_id = ${orderId}`
  return row ?? { taken: 0, paid: 0 }
}

/** What is known of one scorer's judgements of one release. */
export type OnlineCounts = {
  releaseId: string
  rulesHash: string
  scored: number
  abstained: number
  errors: number
  skipped: number
  /** By why. */
  skips: Readonly<Partial<Record<SkipReason, number>>>
  /** Over what was scored; null without one. */
  mean: number | null
}
export type OnlineWindow = {
  projectId: string
  releaseIds: readonly string[]
  rulesHashes: readonly string[]
  /** When the requests began: from `since` on and before `until`, ISO 8601. */
  since: string
  until: string
  /** What apps asked for: a label's names, so that calls of a release by its number do not count. Null for all. */
  models: readonly string[] | null
}

/** By release and rules, of those that have a row. All that was sampled is in one of the four counts. */
export async function countOnlineScores(
  sql: Sql,
  { projectId, releaseIds, rulesHashes, since, until, models }: OnlineWindow,
): Promise<OnlineCounts[]> {
  const rows = await sql<(Omit<OnlineCounts, 'skips'> & { skips: string })[]>`
    SELECT release_id AS "releaseId", rules_hash AS "rulesHash", sum(n) FILTER (WHERE outcome = 'scored')::integer AS scored,
      sum(n) FILTER (WHERE outcome = 'abstained')::integer AS abstained, sum(n) FILTER (WHERE outcome = 'error')::integer AS errors,
      sum(n) FILTER (WHERE outcome = 'skipped')::integer AS skipped,
      coalesce(json_object_agg(skip, n) FILTER (WHERE skip IS NOT NULL), '{}')::text AS skips, sum(total) / nullif(sum(n) FILTER (WHERE outcome = 'scored'), 0) AS mean
    FROM (
      SELECT release_id, rules_hash, outcome, skip, count(*) AS n, sum(value) AS total FROM online_scores
      WHERE project_id = ${projectId} AND started_at >= ${since}::timestamptz AND started_at < ${until}::timestamptz
        AND (${asked(models)}::text IS NULL OR requested_model IN (SELECT value FROM json_array_elements_text(${asked(models)}::json) AS m (value)))
        AND release_id IN (SELECT value FROM json_array_elements_text(${JSON.stringify(releaseIds)}::json) AS given (value))
        AND rules_hash IN (SELECT value FROM json_array_elements_text(${JSON.stringify(rulesHashes)}::json) AS given (value))
      GROUP BY release_id, rules_hash, outcome, skip) AS counts
    GROUP BY release_id, rules_hash ORDER BY release_id, rules_hash`
  return rows.map((row) => ({
    ...row,
    scored: row.scored ?? 0,
    abstained: row.abstained ?? 0,
    errors: row.errors ?? 0,
    skipped: row.skipped ?? 0,
    skips: JSON.parse(row.skips) as OnlineCounts['skips'],
  }))
}

/** One judgement of one request. */
export type OnlineValue = {
  requestId: string
  startedAt: string
  value: number
  passed: boolean | null
}

const MAX_VALUES = 100_000

/** What one release was scored by one scorer's rules. */
type ScoredWindow = Omit<OnlineWindow, 'releaseIds' | 'rulesHashes'> & {
  releaseId: string
  rulesHash: string
}

function scoredIn(sql: Sql, { projectId, releaseId, rulesHash, since, until, models }: ScoredWindow) {
  return sql`project_id = ${projectId} AND release_id = ${releaseId} AND rules_hash = ${rulesHash} AND outcome = 'scored'
    AND started_at >= ${since}::timestamptz AND started_at < ${until}::timestamptz
    AND (${asked(models)}::text IS NULL OR requested_model IN (SELECT value FROM json_array_elements_text(${asked(models)}::json) AS m (value)))`
}

/**
 * The values of one release by one scorer's rules in the order in which the requests began: the newest `limit` of them, at most
 * 100,000. Only what was scored has a value; `countOnlineScores` says how much has none.
 */
export async function readOnlineScores(
  sql: Sql,
  window: ScoredWindow,
  limit: number,
): Promise<OnlineValue[]> {
  const rows = await sql<OnlineValue[]>`
    SELECT request_id AS "requestId", value, passed,
      to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "startedAt"
    FROM online_scores
    WHERE ${scoredIn(sql, window)}
    ORDER BY started_at DESC, request_id DESC LIMIT ${Math.min(limit, MAX_VALUES)}`
  return rows.toReversed()
}

/** The first `limit` values of one release by one scorer's rules, in the order in which they were judged. */
export async function readFirstScores(sql: Sql, window: ScoredWindow, limit: number): Promise<number[]> {
  const rows = await sql<{ value: number }[]>`
    SELECT value FROM online_scores
    WHERE ${scoredIn(sql, window)}
    ORDER BY scored_at, request_id LIMIT ${limit}`
  return rows.map(({ value }) => value)
}

function asked(models: readonly string[] | null): string | null {
  return models === null ? null : JSON.stringify(models)
}
