/** Reads one source anew. Safe to run twice: a second run takes over, and skips what the first has done. */

import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'
import { type SyncDeps, syncSource } from '../retrieval/sources/sync.ts'
import { findWaitingSync } from '../retrieval/sources/sync-rows.ts'

export type SyncSourceDeps = Omit<SyncDeps, 'signal'> & { enqueuer: Enqueuer }

/** Returns how it ended. Throws ZodError for a payload without an id, and whatever a second try may mend. */
export async function runSyncSource(
  { enqueuer, ...deps }: SyncSourceDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<string> {
  const { syncId } = JOBS['sync-source'].parse(payload)
  const outcome = await syncSource({ ...deps, signal }, syncId)
  if (outcome === 'nothing' || outcome === 'taken-over') return outcome
  const next = await findWaitingSync(deps.sql, syncId)
  if (next !== null) await enqueuer.enqueue('sync-source', { syncId: next }, { key: next })
  return outcome
}
