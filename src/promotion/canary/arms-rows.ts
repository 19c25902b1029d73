/** All SQL of what a canary's two releases were seen to do: sums and tallies of the log's rows, never the rows themselves. */

import type { Sql } from 'postgres'
import type { Arm } from './metrics.ts'

export type ArmWindow = {
  projectId: string
  route: string
  label: string
  releaseId: string
  /** When the canary began; ISO 8601. */
  since: string
}

type Tallied = { metric: 'latency' | 'ttft'; value: number; count: number }
type Summed = {
  requests: number
  inStage: number
  errors: number
  refusals: number
  known: number
  sum: string
  squares: string
  unknown: number
}

/** The route's own traffic: what apps asked of the label, by its name or as the route itself. `$1` to `$5` are the window. */
const TRAFFIC = `FROM requests WHERE project_id = $1 AND release_id = $2 AND started_at >= $3::timestamptz
  AND day >= ($3::timestamptz AT TIME ZONE 'UTC')::date
  AND requested_model IN ($4 || '@' || $5, CASE WHEN $5 = 'production' THEN $4 END)
  AND replay_of IS NULL AND shadow_of IS NULL`

/**
 * Of one release since the canary began, and how many of its requests since the stage did. What the release itself refused is an
 * error like any other: a prompt that wants a new variable harms its apps. (Refusals for a key's limits have no release.) Whoever
 * gave up counts with the time until then, or a candidate that hangs would show the patient alone. A refusal is what an upstream's
 * filter or a guardrail made of a request; refusals in words are a scorer's (`refusal`). An answer that failed has no cost, and lacks
 * none. Times are rounded to three digits, which keeps a tally below 6,000 values.
 */
export async function readArm(
  sql: Sql,
  window: ArmWindow,
  stageSince: string,
): Promise<{ arm: Omit<Arm, 'quality'>; inStage: number }> {
  const given = [window.projectId, window.releaseId, window.since, window.route, window.label]
  const [row = NOTHING] = await sql.unsafe<Summed[]>(
    `SELECT count(*)::integer AS requests, count(*) FILTER (WHERE started_at >= $6::timestamptz)::integer AS "inStage",
       count(*) FILTER (WHERE outcome IN ('upstream_error', 'upstream_cut', 'timeout', 'gateway_crash', 'rejected'))::integer
         AS errors,
       count(*) FILTER (WHERE outcome = 'guardrail' OR finish_reason = 'content_filter')::integer AS refusals,
       count(cost_micro_usd)::integer AS known, coalesce(sum(cost_micro_usd), 0)::text AS sum,
       coalesce(sum(cost_micro_usd::numeric * cost_micro_usd), 0)::text AS squares,
       count(*) FILTER (WHERE cost_micro_usd IS NULL AND outcome = 'completed')::integer AS unknown ${TRAFFIC}`,
    [...given, stageSince],
  )
  const tallies = await sql.unsafe<Tallied[]>(
    `SELECT metric, value::double precision AS value, count(*)::integer AS count FROM (
       SELECT metric, CASE WHEN ms <= 0 THEN 0 ELSE round(ms::numeric, 2 - floor(log(ms))::integer) END AS value
       FROM (SELECT duration_ms, ttft_ms ${TRAFFIC} AND outcome <> 'rejected') AS traffic
       CROSS JOIN LATERAL (VALUES ('latency', duration_ms), ('ttft', ttft_ms)) AS of (metric, ms) WHERE ms IS NOT NULL) AS rounded
     GROUP BY metric, value ORDER BY metric, value`,
    given,
  )
  const tally = (of: Tallied['metric']) =>
    tallies.filter(({ metric }) => metric === of).map(({ value, count }) => ({ value, count }))
  const { requests, inStage, errors, refusals, known, sum, squares, unknown } = row
  return {
    inStage,
    arm: {
      requests,
      errors,
      refusals,
      latency: tally('latency'),
      ttft: tally('ttft'),
      cost: { known, sum: BigInt(sum), squares: BigInt(squares), unknown },
    },
  }
}

const NOTHING: Summed = {
  requests: 0,
  inStage: 0,
  errors: 0,
  refusals: 0,
  known: 0,
  sum: '0',
  squares: '0',
  unknown: 0,
}
