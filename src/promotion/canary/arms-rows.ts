/** All SQL of what a canary's two releases were seen to do: sums and tallies of the log's rows, never the rows themselves. */

import type { Sql } from 'postgres'
import { ASKED_BY_APPS } from '../../db/asked-by-apps.ts'
import { LOG_DAYS } from '../../db/partitions.ts'
import type { Arm } from './metrics.ts'

export type ArmWindow = {
  projectId: string
  route: string
  label: string
  releaseId: string
  /** When the stage began; ISO 8601. */
  since: string
}

/** What one release was seen to do in a stage so far, and up to which place of each writer it has been looked at. */
export type ArmSeen = {
  readonly arm: Omit<Arm, 'quality'>
  /** By writer, the place of the first record that is not in it. */
  readonly places: ReadonlyMap<string, number>
}

type Tallied = { metric: 'latency' | 'ttft'; value: number; count: number }
type Tally = Arm['latency']
type Summed = {
  requests: number
  errors: number
  refusals: number
  known: number
  sum: string
  squares: string
  unknown: number
}
/** A writer's records that came since the last look. */
type Moved = { writer: string; from: string; to: string }

export const NOTHING_SEEN: ArmSeen = {
  arm: {
    requests: 0,
    errors: 0,
    refusals: 0,
    latency: [],
    ttft: [],
    cost: { known: 0, sum: 0n, squares: 0n, unknown: 0 },
  },
  places: new Map(),
}

/** A writer whose clock is behind the database's may have shipped rows of the stage before it began there. */
const CLOCKS_APART = '1 day'

const COLUMNS = 'writer, seq, started_at, outcome, finish_reason, duration_ms, ttft_ms, cost_micro_usd'
/** The route's own traffic: what apps asked of the label, by its name or as the route itself. `$1` to `$5` are the window. */
const OWN = `project_id = $1 AND release_id = $2 AND started_at >= $3::timestamptz
  AND requests.day >= ($3::timestamptz AT TIME ZONE 'UTC')::date
  AND requested_model IN ($4 || '@' || $5, CASE WHEN $5 = 'production' THEN $4 END)
  AND replay_of IS NULL AND shadow_of IS NULL AND ${ASKED_BY_APPS}`
const MOVED = `json_to_recordset($6::json) AS moved (writer uuid, "from" bigint, "to" bigint)`
/** All there is, by the release; `OFFSET 0` keeps the planner from reading all releases by their places. */
const FROM_THE_START = `FROM (SELECT ${COLUMNS} FROM requests WHERE ${OWN} OFFSET 0) AS asked
  JOIN ${MOVED} ON asked.writer = moved.writer AND asked.seq >= moved."from" AND asked.seq < moved."to"`
/** What is new, by its place, day by day. */
const FROM_THERE_ON = `FROM ${MOVED}
  CROSS JOIN (SELECT day FROM (${LOG_DAYS}) AS known WHERE day >= ($3::timestamptz AT TIME ZONE 'UTC')::date) AS days
  CROSS JOIN LATERAL (SELECT ${COLUMNS} FROM requests
    WHERE requests.day = days.day AND requests.writer = moved.writer AND seq >= moved."from" AND seq < moved."to" AND ${OWN}
    OFFSET 0) AS asked`

/**
 * Of one release since the stage began: `last`, and what has come since. A writer's records come into the database in the order of
 * their places, and its cursor moves in the same transaction (`commitBatch` of src/audit/sink.ts): so all that arrived lies between
 * two cursors however late it is, and a look reads each row once.
 *
 * What the release itself refused is an error like any other: a prompt that wants a new variable harms its apps. (Refusals for a
 * key's limits have no release.) Whoever gave up counts with the time until then, or a candidate that hangs would show the patient
 * alone. A refusal is what an upstream's filter or a guardrail made of a request; refusals in words are a scorer's (`refusal`). An
 * answer that failed has no cost, and lacks none. Times are rounded to three digits, which keeps a tally below 6,000 values.
 */
export async function readArm(sql: Sql, window: ArmWindow, last: ArmSeen = NOTHING_SEEN): Promise<ArmSeen> {
  const moved = await movedSince(sql, window.since, last.places)
  if (moved.length === 0) return last
  const given = [window.projectId, window.releaseId, window.since, window.route, window.label]
  const places = JSON.stringify(moved)
  const traffic = last.places.size === 0 ? FROM_THE_START : FROM_THERE_ON
  const { row, tallied } = await sql.begin(async (transaction) => {
    // Many partitions make a plan look dear enough to be compiled, which takes longer than to run it.
    await transaction`SET LOCAL jit = off`
    const [row] = await transaction.unsafe<Summed[]>(sums(traffic), [...given, places])
    return { row, tallied: await transaction.unsafe<Tallied[]>(tallies(traffic), [...given, places]) }
  })
  const reached = moved.map(({ writer, to }) => [writer, Number(to)] as const)
  return { arm: added(last.arm, row, tallied), places: new Map([...last.places, ...reached]) }
}

const sums = (traffic: string) => `
  SELECT count(*)::integer AS requests,
    count(*) FILTER (WHERE outcome IN ('upstream_error', 'upstream_cut', 'timeout', 'gateway_crash', 'rejected'))::integer
      AS errors,
    count(*) FILTER (WHERE outcome = 'guardrail' OR finish_reason = 'content_filter')::integer AS refusals,
    count(cost_micro_usd)::integer AS known, coalesce(sum(cost_micro_usd), 0)::text AS sum,
    coalesce(sum(cost_micro_usd::numeric * cost_micro_usd), 0)::text AS squares,
    count(*) FILTER (WHERE cost_micro_usd IS NULL AND outcome = 'completed')::integer AS unknown
  ${traffic}`
const tallies = (traffic: string) => `
  SELECT metric, value::double precision AS value, count(*)::integer AS count FROM (
    SELECT metric, CASE WHEN ms <= 0 THEN 0 ELSE round(ms::numeric, 2 - floor(log(ms))::integer) END AS value
    FROM (SELECT duration_ms, ttft_ms ${traffic} WHERE outcome <> 'rejected') AS traffic
    CROSS JOIN LATERAL (VALUES ('latency', duration_ms), ('ttft', ttft_ms)) AS of (metric, ms) WHERE ms IS NOT NULL) AS rounded
  GROUP BY metric, value`

/** The writers that have shipped something since `places`, among those that have shipped anything since the stage began. */
async function movedSince(sql: Sql, since: string, places: ArmSeen['places']): Promise<Moved[]> {
  const known = JSON.stringify([...places].map(([writer, place]) => ({ writer, place })))
  return await sql<Moved[]>`
    SELECT cursors.writer, coalesce(known.place, 0)::text AS "from", cursors.next_seq::text AS "to"
    FROM ship_cursors AS cursors
    LEFT JOIN json_to_recordset(${known}::json) AS known (writer uuid, place bigint) ON known.writer = cursors.writer
    WHERE cursors.next_seq > coalesce(known.place, 0)
      AND cursors.updated_at >= ${since}::timestamptz - ${CLOCKS_APART}::interval`
}

function added(arm: ArmSeen['arm'], row: Summed | undefined, tallies: readonly Tallied[]): ArmSeen['arm'] {
  if (row === undefined) return arm
  const { cost } = arm
  return {
    requests: arm.requests + row.requests,
    errors: arm.errors + row.errors,
    refusals: arm.refusals + row.refusals,
    latency: addedTally(arm.latency, tallies, 'latency'),
    ttft: addedTally(arm.ttft, tallies, 'ttft'),
    cost: {
      known: cost.known + row.known,
      sum: cost.sum + BigInt(row.sum),
      squares: cost.squares + BigInt(row.squares),
      unknown: cost.unknown + row.unknown,
    },
  }
}

/** In the order of the values. */
function addedTally(tally: Tally, more: readonly Tallied[], metric: Tallied['metric']): Tally {
  const counts = new Map(tally.map(({ value, count }) => [value, count]))
  for (const one of more) {
    if (one.metric === metric) counts.set(one.value, (counts.get(one.value) ?? 0) + one.count)
  }
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .toSorted((one, other) => one.value - other.value)
}
