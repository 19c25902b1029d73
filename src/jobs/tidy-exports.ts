/** Deletes exports whose time is over, and rings again for those whose job was lost. Safe to run at any time. */

import { deleteExpiredExports, listForgottenExports } from '../audit/export/store.ts'
import type { Db } from '../db/client.ts'
import type { Clock } from '../lib/clock.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'

export const TIDY_EXPORTS_EVERY_MS = 60_000
/** The gateway rings at once; after this the bell was lost. */
const FORGOTTEN_QUEUED_MS = 20_000
/** A run gives a sign of life twice a second; its worker's lock ends after 30 s. */
const FORGOTTEN_RUNNING_MS = 120_000
const MAX_RUNG = 100

/** Throws ZodError for a payload that is not empty. */
export async function runTidyExports(
  { db, clock, enqueuer }: { db: Db; clock: Clock; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ deleted: number; rung: number }> {
  JOBS['tidy-exports'].parse(payload)
  const nowMs = clock.nowMs()
  const deleted = await deleteExpiredExports(db, new Date(nowMs))
  const since = {
    queued: new Date(nowMs - FORGOTTEN_QUEUED_MS),
    running: new Date(nowMs - FORGOTTEN_RUNNING_MS),
  }
  const forgotten = await listForgottenExports(db, since, MAX_RUNG)
  for (const exportId of forgotten) await enqueuer.enqueue('write-export', { exportId }, { key: exportId })
  return { deleted, rung: forgotten.length }
}
