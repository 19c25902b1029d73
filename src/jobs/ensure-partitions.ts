/** Keeps the partitions of the request log ahead of time. Safe to run at any time, twice, or from several workers. */

import type { Sql } from 'postgres'
import { ensurePartitions } from '../db/partitions.ts'
import type { Clock } from '../lib/clock.ts'
import { JOBS } from '../queue/jobs.ts'

/** A week without a worker goes by before a row lands in the DEFAULT partition, where it is safe but slower to find. */
const DAYS_AHEAD = 7

/** Hourly, so that a missed turn or a worker that was away costs an hour and not a day. */
export const ENSURE_PARTITIONS_EVERY_MS = 3_600_000

/** Returns the names of the partitions it created. Throws ZodError for a payload that is not empty. */
export async function runEnsurePartitions(
  deps: { sql: Sql; clock: Clock },
  payload: unknown,
): Promise<string[]> {
  JOBS['ensure-partitions'].parse(payload)
  const today = new Date(deps.clock.nowMs()).toISOString().slice(0, 10)
  return await ensurePartitions(deps.sql, { fromDay: today, days: DAYS_AHEAD + 1 })
}
