/** Lets expired files and vector stores go, and rings again for stores whose bell was lost. Safe to run at any time. */

import type { Sql } from 'postgres'
import type { Clock } from '../lib/clock.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'
import { tidyStores } from '../retrieval/stores/tidy.ts'

export const TIDY_STORES_EVERY_MS = 60_000

/** Throws ZodError for a payload that is not empty. */
export async function runTidyStores(
  { enqueuer, ...deps }: { sql: Sql; clock: Clock; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ rung: number }> {
  JOBS['tidy-stores'].parse(payload)
  const forgotten = await tidyStores(deps)
  for (const storeId of forgotten) await enqueuer.enqueue('update-store', { storeId }, { key: storeId })
  return { rung: forgotten.length }
}
