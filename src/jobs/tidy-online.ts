/** Rings for orders that score live traffic: each is looked at about once a minute. Safe to run at any time. */

import type { Sql } from 'postgres'
import { listStalled } from '../db/held-work.ts'
import { ORDERS } from '../evals/online/order-rows.ts'
import type { Clock } from '../lib/clock.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'
import { forgottenSince, MAX_RUNG } from './forgotten.ts'

export const TIDY_ONLINE_EVERY_MS = 60_000

/** Throws ZodError for a payload that is not empty. */
export async function runTidyOnline(
  { sql, clock, enqueuer }: { sql: Sql; clock: Clock; enqueuer: Enqueuer },
  payload: unknown,
): Promise<{ orders: number }> {
  JOBS['tidy-online'].parse(payload)
  const orders = await listStalled(sql, ORDERS, forgottenSince(clock), MAX_RUNG)
  for (const orderId of orders) await enqueuer.enqueue('score-traffic', { orderId }, { key: orderId })
  return { orders: orders.length }
}
