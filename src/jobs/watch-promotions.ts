/** Rings for every promotion that is under way: evidence comes, freezes end, canaries are looked at. Safe to run at any time. */

import type { Db } from '../db/client.ts'
import { listLivePromotions } from '../promotion/requests/store.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'

export const WATCH_PROMOTIONS_EVERY_MS = 15_000
const MAX_RUNG = 200

/** Throws ZodError for a payload that is not empty. */
export async function runWatchPromotions(
  { db, enqueuer }: { db: Db; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ promotions: number }> {
  JOBS['watch-promotions'].parse(payload)
  const ids = await listLivePromotions(db, MAX_RUNG)
  for (const promotionId of ids)
    await enqueuer.enqueue('advance-promotion', { promotionId }, { key: promotionId })
  return { promotions: ids.length }
}
