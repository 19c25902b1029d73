/** All SQL of judge sentinels: answers chosen once, what the judge says of them on each day, and what was made of it. */

import type { Sql, TransactionSql } from 'postgres'
import type { Run } from '../../db/held-work.ts'
import type { SkipReason } from '../../evals/online/skip-reasons.ts'
import type { JudgeVerdict, Shift } from './tell-apart.ts'

/** One judge of one order. */
export type JudgeKey = { orderId: string; rules: string; projectId: string }
export type Sentinel = { requestId: string; value: number }
export type SentinelScore = {
  requestId: string
  outcome: 'scored' | 'abstained' | 'error' | 'skipped'
  skip: SkipReason | null
  value: number | null
  passed: boolean | null
  /** Micro-USD; null when a price is unknown. */
  cost: string | null
}

/** Orders that judge live traffic now: those first whose judges were never checked, then those that have waited the longest. */
export async function listJudgingOrders(sql: Sql, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT id FROM online_orders WHERE state IN ('queued', 'running')
    ORDER BY (SELECT max(on_day) FROM judge_checks WHERE order_id = online_orders.id) NULLS FIRST, id LIMIT ${limit}`
  return rows.map(({ id }) => id)
}

export const ROUNDS = { table: 'sentinel_rounds', key: 'order_id', live: 'running', letsGo: true } as const

/** False while another process is at the order, and for one that has ended. */
export async function claimRound(
  sql: Sql,
  { id, run }: Run,
  { now, alive }: { now: string; alive: string },
): Promise<boolean> {
  const rows = await sql`
    INSERT INTO sentinel_rounds AS round (order_id, state, run, updated_at)
    SELECT id, 'running', ${run}, ${now}::timestamptz FROM online_orders WHERE id = ${id} AND state IN ('queued', 'running')
    ON CONFLICT (order_id) DO UPDATE SET state = 'running', run = excluded.run, updated_at = excluded.updated_at
      WHERE round.state = 'queued' OR round.updated_at < ${alive}::timestamptz
    RETURNING order_id`
  return rows.length === 1
}

/**
 * False when a newer order judges the same route by a scorer of that name, and could say something on that day or the one before: two
 * judges of one name would end each other's alerts, and one that can say nothing yet must not keep the older one from it.
 */
export async function isNewestJudge(
  sql: TransactionSql,
  { projectId, route }: { projectId: string; route: string },
  { orderId, scorer, day }: { orderId: string; scorer: string; day: string },
): Promise<boolean> {
  const rows = await sql`
    SELECT FROM online_orders, jsonb_array_elements(content::jsonb -> 'scorers') AS one
    WHERE project_id = ${projectId} AND route = ${route} AND state IN ('queued', 'running') AND id > ${orderId}
      AND one ->> 'judge' = 'true' AND one ->> 'name' = ${scorer}
      AND EXISTS (SELECT FROM judge_checks AS said WHERE said.order_id = online_orders.id AND said.scorer = ${scorer}
        AND said.verdict <> 'unknown' AND said.on_day >= ${day}::text::date - 1)
    LIMIT 1`
  return rows.length === 0
}

/**
 * Ends the alerts of judges that nobody looks at: those that no order under way has, and all of them where judges are not given answers
 * again (`isLooked` false). They would remind for good.
 */
export async function endUnlookedAlerts(sql: Sql, isLooked: boolean, nowMs: number): Promise<void> {
  await sql`
    UPDATE alerts SET ended_at = greatest(opened_at, ${new Date(nowMs).toISOString()}::timestamptz)
    WHERE ended_at IS NULL AND subject_kind = 'route'
      AND (starts_with(metric, 'data:judge:') OR starts_with(metric, 'data:answers:'))
      AND NOT EXISTS (SELECT FROM online_orders AS o, jsonb_array_elements(o.content::jsonb -> 'scorers') AS one
        WHERE ${isLooked} AND o.project_id = alerts.project_id AND o.route = alerts.subject AND o.state IN ('queued', 'running')
          AND one ->> 'judge' = 'true'
          AND alerts.metric IN ('data:judge:' || (one ->> 'name'), 'data:answers:' || (one ->> 'name')))`
}

/** Chooses the set when there is none and enough was scored: of the first `from` judgements `size`, by the hash of their ids. */
export async function chooseSentinels(
  sql: Sql,
  { orderId, rules, projectId }: JudgeKey,
  { size, from, least }: { size: number; from: number; least: number },
): Promise<void> {
  await sql`
    INSERT INTO judge_sentinels (order_id, rules_hash, request_id, project_id, value, passed, scored_at)
    SELECT order_id, rules_hash, request_id, project_id, value, passed, scored_at FROM (
      SELECT *, count(*) OVER () AS there FROM (
        SELECT order_id, rules_hash, request_id, project_id, value, passed, scored_at FROM online_scores
        WHERE order_id = ${orderId} AND rules_hash = ${rules} AND project_id = ${projectId} AND outcome = 'scored'
        ORDER BY scored_at, request_id LIMIT ${from}) AS first) AS counted
    WHERE there >= ${least} AND NOT EXISTS (SELECT FROM judge_sentinels WHERE order_id = ${orderId} AND rules_hash = ${rules})
    ORDER BY sha256(convert_to('sentinel ' || request_id, 'UTF8')) LIMIT ${size}
    ON CONFLICT DO NOTHING`
}

/** Those that nobody has settled on that day, in a fixed order. `day`: `2026-11-29`. */
export async function listPendingSentinels(
  sql: Sql,
  { orderId, rules }: JudgeKey,
  day: string,
): Promise<Sentinel[]> {
  return await sql<Sentinel[]>`
    SELECT s.request_id AS "requestId", s.value FROM judge_sentinels s
    WHERE s.order_id = ${orderId} AND s.rules_hash = ${rules}
      AND NOT EXISTS (SELECT FROM sentinel_scores d WHERE d.order_id = s.order_id AND d.rules_hash = s.rules_hash
        AND d.request_id = s.request_id AND d.on_day = ${day}::text::date)
    ORDER BY s.request_id LIMIT 1000`
}

/** A second one of the day changes nothing. */
export async function insertSentinelScore(
  sql: TransactionSql,
  { orderId, rules }: JudgeKey,
  day: string,
  score: SentinelScore,
  now: string,
): Promise<void> {
  await sql`
    INSERT INTO sentinel_scores (order_id, rules_hash, request_id, on_day, outcome, skip, value, passed, cost, scored_at)
    VALUES (${orderId}, ${rules}, ${score.requestId}, ${day}::text::date, ${score.outcome}, ${score.skip}, ${score.value},
      ${score.passed}, ${score.cost}::bigint, ${now}::timestamptz)
    ON CONFLICT DO NOTHING`
}

/** What an order's sentinels have cost on a day, in micro-USD, and how many judgements that was. */
export async function readSentinelCost(
  sql: Sql,
  orderId: string,
  day: string,
): Promise<{ spent: string; paid: number }> {
  const [row] = await sql<{ spent: string; paid: number }[]>`
    SELECT coalesce(sum(cost), 0)::text AS spent, count(*) FILTER (WHERE cost > 0)::integer AS paid
    FROM sentinel_scores WHERE order_id = ${orderId} AND on_day = ${day}::text::date`
  return row ?? { spent: '0', paid: 0 }
}

/** What the judge said at first and on that day, of those that were scored on it; and how many sentinels there are. */
export async function readSentinelPairs(
  sql: Sql,
  { orderId, rules }: JudgeKey,
  day: string,
): Promise<{ sentinels: number; pairs: { before: number; after: number }[] }> {
  const rows = await sql<{ before: number; after: number | null }[]>`
    SELECT s.value AS before, d.value AS after FROM judge_sentinels s
    LEFT JOIN sentinel_scores d ON d.order_id = s.order_id AND d.rules_hash = s.rules_hash
      AND d.request_id = s.request_id AND d.on_day = ${day}::text::date
    WHERE s.order_id = ${orderId} AND s.rules_hash = ${rules} ORDER BY s.request_id LIMIT 1000`
  const pairs = rows.flatMap(({ before, after }) => (after === null ? [] : [{ before, after }]))
  return { sentinels: rows.length, pairs }
}

const MAX_LIVE = 1_000

/** Live values: the first thousand that were judged before `sinceMs`, and the newest thousand since then. */
export async function readLiveScores(
  sql: Sql,
  { orderId, rules }: JudgeKey,
  sinceMs: number,
): Promise<{ earlier: number[]; recent: number[] }> {
  const since = new Date(sinceMs).toISOString()
  const earlier = await sql<{ value: number }[]>`
    SELECT value FROM online_scores WHERE order_id = ${orderId} AND rules_hash = ${rules} AND outcome = 'scored'
      AND scored_at < ${since}::timestamptz ORDER BY scored_at, request_id LIMIT ${MAX_LIVE}`
  const recent = await sql<{ value: number }[]>`
    SELECT value FROM online_scores WHERE order_id = ${orderId} AND rules_hash = ${rules} AND outcome = 'scored'
      AND scored_at >= ${since}::timestamptz ORDER BY scored_at DESC, request_id LIMIT ${MAX_LIVE}`
  return { earlier: earlier.map(({ value }) => value), recent: recent.map(({ value }) => value) }
}

export type JudgeCheck = {
  orderId: string
  rules: string
  /** `2026-11-29` */
  day: string
  scorer: string
  sentinels: number
  scored: number
  agreement: number | null
  judge: Pick<Shift, 'mean' | 'low' | 'high'> | null
  live: Pick<Shift, 'mean' | 'low' | 'high'> | null
  liveScored: number
  verdict: JudgeVerdict
  reason: string
}

/** False when the judge was checked on that day already. */
export async function insertJudgeCheck(
  sql: TransactionSql,
  { projectId, route }: { projectId: string; route: string },
  check: JudgeCheck,
  now: string,
): Promise<boolean> {
  const { judge, live } = check
  const rows = await sql`
    INSERT INTO judge_checks (order_id, rules_hash, on_day, project_id, route, scorer, sentinels, scored, agreement, judge_shift,
      judge_low, judge_high, live_shift, live_low, live_high, live_scored, verdict, reason, checked_at)
    VALUES (${check.orderId}, ${check.rules}, ${check.day}::text::date, ${projectId}, ${route}, ${check.scorer},
      ${check.sentinels}, ${check.scored}, ${check.agreement}, ${judge?.mean ?? null}, ${judge?.low ?? null},
      ${judge?.high ?? null}, ${live?.mean ?? null}, ${live?.low ?? null}, ${live?.high ?? null}, ${check.liveScored},
      ${check.verdict}, ${check.reason}, ${now}::timestamptz)
    ON CONFLICT DO NOTHING RETURNING order_id`
  return rows.length === 1
}

type JudgeCheckRow = Omit<JudgeCheck, 'judge' | 'live'> &
  Record<`${'judge' | 'live'}${'Mean' | 'Low' | 'High'}`, number | null>

/** Of a route since an instant, the newest day first. */
export async function listJudgeChecks(
  sql: Sql,
  { projectId, route, sinceMs, limit }: { projectId: string; route: string; sinceMs: number; limit: number },
): Promise<JudgeCheck[]> {
  const rows = await sql<JudgeCheckRow[]>`
    SELECT order_id AS "orderId", rules_hash AS rules, on_day::text AS day, scorer, sentinels, scored, agreement,
      judge_shift AS "judgeMean", judge_low AS "judgeLow", judge_high AS "judgeHigh", live_shift AS "liveMean",
      live_low AS "liveLow", live_high AS "liveHigh", live_scored AS "liveScored", verdict, reason
    FROM judge_checks WHERE project_id = ${projectId} AND route = ${route} AND on_day >= ${new Date(sinceMs).toISOString()}::timestamptz::date
    ORDER BY on_day DESC, scorer, order_id DESC, rules_hash LIMIT ${limit}`
  return rows.map(({ judgeMean, judgeLow, judgeHigh, liveMean, liveLow, liveHigh, ...row }) => ({
    ...row,
    judge: shiftOf(judgeMean, judgeLow, judgeHigh),
    live: shiftOf(liveMean, liveLow, liveHigh),
  }))
}

function shiftOf(mean: number | null, low: number | null, high: number | null): JudgeCheck['judge'] {
  return mean === null || low === null || high === null ? null : { mean, low, high }
}
