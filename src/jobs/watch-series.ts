/** Gives what requests came to in the last minutes to the detectors, which open and end alerts. Safe to run at any time. */

import type { Sql } from 'postgres'
import type { Clock } from '../lib/clock.ts'
import { type WatchedAll, watchSeries } from '../monitoring/watch/watch.ts'
import { JOBS } from '../queue/jobs.ts'

export const WATCH_SERIES_EVERY_MS = 60_000

/** Throws ZodError for a payload that is not empty. */
export async function runWatchSeries(
  { sql, clock }: { sql: Sql; clock: Clock },
  payload: unknown,
  signal: AbortSignal,
): Promise<WatchedAll> {
  JOBS['watch-series'].parse(payload)
  return await watchSeries(sql, clock, signal)
}
