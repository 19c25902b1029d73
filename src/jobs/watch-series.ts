/** Gives what requests came to in the last minutes to the detectors and the bars of rules, which open and end alerts, and explains these. Safe to run at any time. */

import type { Sql } from 'postgres'
import type { Clock } from '../lib/clock.ts'
import type { BarRule } from '../monitoring/bars/bar.ts'
import { explainWaiting } from '../monitoring/explain/explain-waiting.ts'
import { type WatchedAll, watchSeries } from '../monitoring/watch/watch.ts'
import { JOBS } from '../queue/jobs.ts'
import { alertUnexplained, projectUnwatched, rollupsLate } from '../telemetry/events.ts'
import type { Logger } from '../telemetry/logger.ts'

export const WATCH_SERIES_EVERY_MS = 60_000

export type WatchSeriesDeps = {
  sql: Sql
  clock: Clock
  logger: Logger
  /** As the files have them now; null while nobody knows. */
  bars: () => readonly BarRule[] | null
}

/** Throws ZodError for a payload that is not empty. */
export async function runWatchSeries(
  { sql, clock, logger, bars }: WatchSeriesDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<WatchedAll & { explained: number }> {
  JOBS['watch-series'].parse(payload)
  const watched = await watchSeries(sql, {
    bars: bars(),
    clock,
    random: Math.random,
    signal,
    late: (reachMs) => rollupsLate(logger, reachMs),
    failed: (project, error) => projectUnwatched(logger, project, error),
  })
  const explained = await explainWaiting(sql, clock.nowMs(), signal, (alert, error) =>
    alertUnexplained(logger, alert, error),
  )
  return { ...watched, explained }
}
