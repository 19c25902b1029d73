/** Rings for alerts whose policies have not all been asked: new ones, those that wait for a run, and those to be tried again. Safe to run at any time. */

import type { Db } from '../db/client.ts'
import type { Clock } from '../lib/clock.ts'
import { listUnacted } from '../promotion/actions/store.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'
import { MAX_RUNG } from './forgotten.ts'

export const TIDY_ACTIONS_EVERY_MS = 15_000

/** Throws ZodError for a payload that is not empty. */
export async function runTidyActions(
  { db, clock, enqueuer }: { db: Db; clock: Clock; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ alerts: number }> {
  JOBS['tidy-actions'].parse(payload)
  const ids = await listUnacted(db, MAX_RUNG, clock.nowMs())
  for (const alertId of ids) await enqueuer.enqueue('act-on-alert', { alertId }, { key: alertId })
  return { alerts: ids.length }
}
