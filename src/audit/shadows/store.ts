/** What the log says of a shadow: what its calls cost, how they ended, and how long they took beside what they mirrored. */

import type { SQL } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { sql } from '../../db/orm.ts'
import { readWithin } from '../../db/read-within.ts'
import { requests } from '../../db/schema.ts'

/** A shadow as its rows are found: they carry its id in place of the client's own. */
export type ShadowKey = { projectId: string; id: string; startedAt: Date }

/** Milliseconds; null without a pair. */
type Latency = { p50: number; p95: number } | null
type Spending = {
  /** Rows. */
  sent: number
  /** Micro-USD of the rows that say what they cost. */
  spent: bigint
  /** Rows of calls that went to an upstream and do not say what they cost. */
  unpriced: number
}
/** Of pairs whose mirrored call completed, the newest of them: their requests, and these calls. */
type Latencies = { pairs: number; app: Latency; shadow: Latency }
/** Null: the shadow has more calls than the database reads in time. */
export type ShadowFigures = {
  spending: Spending | null
  /** Rows by outcome. */
  outcomes: Readonly<Record<string, number>> | null
  latencies: Latencies | null
}

/** Enough for steady quantiles, and a bound on what one look at a shadow reads. */
const MAX_PAIRS = 10_000
/** Of each of the three reads: whoever asks waits half a minute at most. */
const READ_TIMEOUT_MS = 10_000

export type SummedCosts = {
  /** Micro-USD. */
  readonly microUsd: bigint
  /** By writer, the place of the first record that is not in the sum. */
  readonly places: ReadonlyMap<string, number>
}

/** A shadow runs for 30 days at most: a writer that has shipped nothing for longer than that has nothing of it. */
const WITHIN = '32 days'

export const NOTHING_SUMMED: SummedCosts = { microUsd: 0n, places: new Map() }

/**
 * `summed`, and what other process starts than `exceptWriter` have shipped since: the same as a sum over all of their calls.
 * A writer's records come into the database in the order of their places, and its cursor moves in the same transaction
 * (`commitBatch` of src/audit/sink.ts). So all that arrived lies between two cursors, however late it is and whenever it began.
 */
export async function sumShadowCosts(
  db: Db,
  shadow: ShadowKey,
  exceptWriter: string,
  summed: SummedCosts = NOTHING_SUMMED,
): Promise<SummedCosts> {
  const known = [...summed.places].map(([writer, place]) => ({ writer, place }))
  const moved = await db.execute<{ writer: string; place: string; spent: string }>(sql`
    SELECT cursors.writer, cursors.next_seq::text AS place, costs.spent::text AS spent
    FROM ship_cursors AS cursors
    LEFT JOIN json_to_recordset(${JSON.stringify(known)}::json) AS known (writer uuid, place bigint)
      ON known.writer = cursors.writer
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(cost_micro_usd), 0) AS spent FROM ${requests}
      WHERE ${callsOf(shadow)} AND ${requests.writer} = cursors.writer
        AND seq >= coalesce(known.place, 0) AND seq < cursors.next_seq) AS costs
    WHERE cursors.writer <> ${exceptWriter}::uuid AND cursors.next_seq > coalesce(known.place, 0)
      AND cursors.updated_at >= now() - ${WITHIN}::interval`)
  return {
    microUsd: moved.reduce((sum, { spent }) => sum + BigInt(spent), summed.microUsd),
    places: new Map([
      ...summed.places,
      ...moved.map(({ writer, place }) => [writer, Number(place)] as const),
    ]),
  }
}

/** What was spent comes first. Where that takes too long nothing else is tried: it reads as many rows, and more of each. */
export async function readShadowFigures(
  db: Db,
  shadow: ShadowKey,
  timeoutMs = READ_TIMEOUT_MS,
): Promise<ShadowFigures> {
  const within = <Figures>(read: (db: Db, shadow: ShadowKey) => Promise<Figures>) =>
    readWithin(db, timeoutMs, (transaction) => read(transaction, shadow))
  const spending = await within(readSpending)
  if (spending === null) return { spending, outcomes: null, latencies: null }
  return { spending, outcomes: await within(countOutcomes), latencies: await within(readLatencies) }
}

async function readSpending(db: Db, shadow: ShadowKey): Promise<Spending> {
  const [found] = await db.execute<{ sent: number; spent: string; unpriced: number }>(sql`
    SELECT count(*)::integer AS sent, coalesce(sum(cost_micro_usd), 0)::text AS spent,
      (count(*) FILTER (WHERE cost_micro_usd IS NULL AND upstream IS NOT NULL))::integer AS unpriced
    FROM ${requests} WHERE ${callsOf(shadow)}`)
  const { sent = 0, spent = '0', unpriced = 0 } = found ?? {}
  return { sent, spent: BigInt(spent), unpriced }
}

async function countOutcomes(db: Db, shadow: ShadowKey): Promise<Readonly<Record<string, number>>> {
  const outcomes = await db.execute<{ outcome: string; count: number }>(sql`
    SELECT outcome, count(*)::integer AS count FROM ${requests} WHERE ${callsOf(shadow)} GROUP BY outcome ORDER BY outcome`)
  return Object.fromEntries(outcomes.map(({ outcome, count }) => [outcome, count]))
}

type LatencyRow = { pairs: number; app50: number; app95: number; shadow50: number; shadow95: number }

/** percentile_cont interpolates as `quantile` of src/lib/quantile.ts does. */
async function readLatencies(db: Db, shadow: ShadowKey): Promise<Latencies> {
  const [found] = await db.execute<LatencyRow>(sql`
    WITH mirrored AS (
      SELECT shadow_of, duration_ms FROM ${requests} WHERE ${callsOf(shadow)} AND outcome = 'completed'
      ORDER BY started_at DESC LIMIT ${MAX_PAIRS})
    SELECT count(*)::integer AS pairs,
      percentile_cont(0.5) WITHIN GROUP (ORDER BY app.duration_ms) AS app50,
      percentile_cont(0.95) WITHIN GROUP (ORDER BY app.duration_ms) AS app95,
      percentile_cont(0.5) WITHIN GROUP (ORDER BY mirrored.duration_ms) AS shadow50,
      percentile_cont(0.95) WITHIN GROUP (ORDER BY mirrored.duration_ms) AS shadow95
    FROM mirrored JOIN ${requests} AS app
      ON app.id = mirrored.shadow_of AND app.project_id = ${shadow.projectId} AND app.day >= ${firstDay(shadow)}::date`)
  if (found === undefined || found.pairs === 0) return { pairs: 0, app: null, shadow: null }
  const { pairs, app50, app95, shadow50, shadow95 } = found
  return { pairs, app: { p50: app50, p95: app95 }, shadow: { p50: shadow50, p95: shadow95 } }
}

/** Which rows of `requests` are the shadow's calls. The table's columns are named without it. */
function callsOf({ projectId, id, ...since }: ShadowKey): SQL {
  return sql`project_id = ${projectId} AND client_request_id = ${id} AND shadow_of IS NOT NULL AND day >= ${firstDay(since)}::date`
}

/** The day before: what is mirrored may have begun then, and prunes all older partitions. */
function firstDay({ startedAt }: Pick<ShadowKey, 'startedAt'>): string {
  return new Date(startedAt.getTime() - DAY_MS).toISOString().slice(0, 10)
}

const DAY_MS = 86_400_000
