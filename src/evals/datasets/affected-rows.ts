/** Reads of the request log by what a watched figure is about: the failed ones, the slow ones, those with a low score. Ids alone. */

import type { Sql } from 'postgres'
import { ASKED_BY_APPS } from '../../db/asked-by-apps.ts'

export type AffectedQuery = {
  projectId: string
  route: string
  /** Of the beginning of requests: from `since` on and before `until`, ISO 8601. */
  since: string
  until: string
  /** `error_rate`, `latency_p95`, `score:grounded`. */
  metric: string
  /** In the metric's unit: requests on its harmful side are meant; null for all that have a measure. */
  bar: number | null
  /** 1 where more is worse, -1 where less is. */
  sign: 1 | -1
}

const WHEN = 'extract(epoch FROM r.started_at)'
const COMPLETED = (measure: string) => `CASE WHEN r.outcome = 'completed' THEN ${measure} END`
/** What orders the requests that a metric is about; SQL null for those that it is not about. Shares are ordered by time. */
const MEASURES: readonly (readonly [metric: RegExp, measure: string, isShare: boolean])[] = [
  [
    /^error_rate$/,
    `CASE WHEN r.outcome IN ('upstream_error', 'upstream_cut', 'timeout', 'gateway_crash') THEN ${WHEN} END`,
    true,
  ],
  [
    /^refusal_rate$/,
    `CASE WHEN r.outcome = 'guardrail' OR r.finish_reason = 'content_filter' THEN ${WHEN} END`,
    true,
  ],
  [/^cut_rate$/, COMPLETED(`CASE WHEN r.finish_reason = 'length' THEN ${WHEN} END`), true],
  [/^latency_/, COMPLETED('r.duration_ms'), false],
  [/^ttft_/, COMPLETED('r.ttft_ms'), false],
  [/^ms_per_output_token_/, COMPLETED('(r.duration_ms - r.ttft_ms) / nullif(r.output_tokens - 1, 0)'), false],
  [/^cost_per_request$/, 'r.cost_micro_usd', false],
  [/^input_tokens$/, 'r.input_tokens', false],
  [/^output_tokens$/, 'r.output_tokens', false],
  [
    /^score:/,
    `(SELECT s.value FROM online_scores s WHERE s.request_id = r.id AND s.outcome = 'scored' AND s.scorer = $8
      ORDER BY s.scored_at DESC LIMIT 1)`,
    false,
  ],
]

/**
 * The worst first, of shares the newest; only what apps asked. Null for a metric that is about no single request, such as how many
 * there are.
 */
export async function listAffected(
  sql: Sql,
  { projectId, route, since, until, metric, bar, sign }: AffectedQuery,
  limit: number,
): Promise<string[] | null> {
  const found = MEASURES.find(([pattern]) => pattern.test(metric))
  if (found === undefined) return null
  const [, measure, isShare] = found
  const rows = await sql.unsafe<{ id: string }[]>(
    `SELECT q.id FROM (
       SELECT r.id, (${measure})::double precision AS measure FROM requests r
       WHERE r.project_id = $1 AND r.route = $2 AND r.started_at >= $3::timestamptz AND r.started_at < $4::timestamptz
         AND r.day >= ($3::timestamptz AT TIME ZONE 'UTC')::date AND r.day <= ($4::timestamptz AT TIME ZONE 'UTC')::date
         AND r.replay_of IS NULL AND r.shadow_of IS NULL AND ${ASKED_BY_APPS}) AS q
     WHERE q.measure IS NOT NULL AND ($5::double precision IS NULL OR q.measure * $6 >= $5::double precision * $6)
     ORDER BY q.measure * $6 DESC, q.id DESC LIMIT $7`,
    [
      projectId,
      route,
      since,
      until,
      isShare ? null : bar,
      isShare ? 1 : sign,
      limit,
      ...(metric.startsWith('score:') ? [metric.slice('score:'.length)] : []),
    ],
  )
  return rows.map(({ id }) => id)
}
