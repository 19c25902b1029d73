/** Rings again for syncs and builds whose bell was lost, or whose worker has died. Safe to run at any time. */

import type { Sql } from 'postgres'
import type { Clock } from '../lib/clock.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'
import { listStalled } from '../retrieval/indexes/store.ts'
import { listStalledSyncs } from '../retrieval/sources/sync-rows.ts'

export const TIDY_RETRIEVAL_EVERY_MS = 60_000
/** The gateway rings at once; after this the bell was lost. */
const FORGOTTEN_QUEUED_MS = 20_000
/**
 * A run gives a sign of life every twenty seconds. The embedded database has one session, which a long CREATE INDEX
 * holds: then no sign comes, but nor does this look at it, and the job that still runs keeps its key in the queue.
 */
const FORGOTTEN_RUNNING_MS = 120_000
const MAX_RUNG = 100

/** Throws ZodError for a payload that is not empty. */
export async function runTidyRetrieval(
  { sql, clock, enqueuer }: { sql: Sql; clock: Clock; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ syncs: number; builds: number }> {
  JOBS['tidy-retrieval'].parse(payload)
  const before = (ms: number) => new Date(clock.nowMs() - ms).toISOString()
  const since = { queued: before(FORGOTTEN_QUEUED_MS), running: before(FORGOTTEN_RUNNING_MS) }
  const syncs = await listStalledSyncs(sql, since, MAX_RUNG)
  for (const syncId of syncs) await enqueuer.enqueue('sync-source', { syncId }, { key: syncId })
  const builds = await listStalled(sql, since, MAX_RUNG)
  for (const indexId of builds) await enqueuer.enqueue('build-index', { indexId }, { key: indexId })
  return { syncs: syncs.length, builds: builds.length }
}
