/** Rings again for syncs and builds whose bell was lost, or whose worker has died. Safe to run at any time. */

import type { Sql } from 'postgres'
import { listStalled } from '../db/held-work.ts'
import type { Clock } from '../lib/clock.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'
import { BUILDS } from '../retrieval/indexes/store.ts'
import { SYNCS } from '../retrieval/sources/sync-rows.ts'
import { forgottenSince, MAX_RUNG } from './forgotten.ts'

export const TIDY_RETRIEVAL_EVERY_MS = 60_000

/** Throws ZodError for a payload that is not empty. */
export async function runTidyRetrieval(
  { sql, clock, enqueuer }: { sql: Sql; clock: Clock; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ syncs: number; builds: number }> {
  JOBS['tidy-retrieval'].parse(payload)
  // The embedded database has one session, which a long CREATE INDEX holds: then no sign of life comes, but nor does this
  // look at it, and the job that still runs keeps its key in the queue.
  const since = forgottenSince(clock)
  const syncs = await listStalled(sql, SYNCS, since, MAX_RUNG)
  for (const syncId of syncs) await enqueuer.enqueue('sync-source', { syncId }, { key: syncId })
  const builds = await listStalled(sql, BUILDS, since, MAX_RUNG)
  for (const indexId of builds) await enqueuer.enqueue('build-index', { indexId }, { key: indexId })
  return { syncs: syncs.length, builds: builds.length }
}
