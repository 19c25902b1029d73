/**
 * Rings for models in training that are to be looked at: while an upstream trains, no job waits for it. And again for those whose bell
 * was lost or whose worker has died. Safe to run at any time.
 */

import type { Sql } from 'postgres'
import { listDueTunings } from '../evals/tuning/tuning-rows.ts'
import type { Clock } from '../lib/clock.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'
import { forgottenSince, MAX_RUNG } from './forgotten.ts'

export const TIDY_FINE_TUNES_EVERY_MS = 30_000

/** Throws ZodError for a payload that is not empty. */
export async function runTidyFineTunes(
  { sql, clock, enqueuer }: { sql: Sql; clock: Clock; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ fineTunes: number }> {
  JOBS['tidy-fine-tunes'].parse(payload)
  const since = { now: new Date(clock.nowMs()), ...forgottenSince(clock) }
  const due = await listDueTunings(sql, since, MAX_RUNG)
  for (const fineTuneId of due)
    await enqueuer.enqueue('advance-fine-tune', { fineTuneId }, { key: fineTuneId })
  return { fineTunes: due.length }
}
