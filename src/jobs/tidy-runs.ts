/**
 * Rings again for runs whose bell was lost or whose worker has died, and for those whose batch is to be looked at: while it is under way
 * no job waits for it. Safe to run at any time.
 */

import type { Sql } from 'postgres'
import { listStalled } from '../db/held-work.ts'
import { listLeftBatches } from '../evals/runs/batches/batch-rows.ts'
import { RUNS } from '../evals/runs/run-rows.ts'
import type { Clock } from '../lib/clock.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'
import { forgottenSince, MAX_RUNG } from './forgotten.ts'

export const TIDY_RUNS_EVERY_MS = 60_000

/** Throws ZodError for a payload that is not empty. */
export async function runTidyRuns(
  { sql, clock, enqueuer }: { sql: Sql; clock: Clock; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ runs: number }> {
  JOBS['tidy-runs'].parse(payload)
  const stalled = await listStalled(sql, RUNS, forgottenSince(clock), MAX_RUNG)
  const left = await listLeftBatches(sql, new Date(clock.nowMs()).toISOString(), MAX_RUNG)
  const runs = [...stalled, ...left]
  for (const runId of runs) await enqueuer.enqueue('run-suite', { runId }, { key: runId })
  return { runs: runs.length }
}
