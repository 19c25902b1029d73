/** Deletes exports whose time is over, and rings again for those whose job was lost. Safe to run at any time. */

import { deleteExpiredExports, listForgottenExports } from '../audit/export/store.ts'
import type { Db } from '../db/client.ts'
import type { Clock } from '../lib/clock.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'
import { forgottenSince, MAX_RUNG } from './forgotten.ts'

export const TIDY_EXPORTS_EVERY_MS = 60_000

/** Throws ZodError for a payload that is not empty. */
export async function runTidyExports(
  { db, clock, enqueuer }: { db: Db; clock: Clock; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ deleted: number; rung: number }> {
  JOBS['tidy-exports'].parse(payload)
  const deleted = await deleteExpiredExports(db, new Date(clock.nowMs()))
  const forgotten = await listForgottenExports(db, forgottenSince(clock), MAX_RUNG)
  for (const exportId of forgotten) await enqueuer.enqueue('write-export', { exportId }, { key: exportId })
  return { deleted, rung: forgotten.length }
}
