/** Rings for every promotion that is under way: evidence comes, freezes end, canaries are looked at. Safe to run at any time. */

import type { Sql } from 'postgres'
import type { Db } from '../db/client.ts'
import { stopOrder } from '../evals/online/order-rows.ts'
import type { Clock } from '../lib/clock.ts'
import { listForgottenOrders, listLivePromotions } from '../promotion/requests/store.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'

export const WATCH_PROMOTIONS_EVERY_MS = 15_000
const MAX_RUNG = 200

/** Throws ZodError for a payload that is not empty. */
export async function runWatchPromotions(
  { db, sql, clock, enqueuer }: { db: Db; sql: Sql; clock: Clock; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ promotions: number }> {
  JOBS['watch-promotions'].parse(payload)
  const ids = await listLivePromotions(db, MAX_RUNG)
  for (const promotionId of ids)
    await enqueuer.enqueue('advance-promotion', { promotionId }, { key: promotionId })
  // A canary that is over has nobody judged any more, however it ended.
  const now = new Date(clock.nowMs()).toISOString()
  for (const orderId of await listForgottenOrders(db, MAX_RUNG)) await stopOrder(sql, orderId, now)
  return { promotions: ids.length }
}
