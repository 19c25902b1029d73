/** Puts on the log which requests' answers an order has judged, before the first of them is opened. */

import type { EventLog } from '../../audit/record.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { OrderContent } from './order-content.ts'
import type { OrderRow } from './order-rows.ts'

type Read = {
  scorers: readonly string[]
  ids: readonly string[]
  /** Judged before: held to what was said then. */
  again?: true
}

/** Rejects when the log cannot take it: then nothing may be opened. */
export async function recordScoredRead(
  { log, clock, row, order }: { log: EventLog; clock: Clock; row: OrderRow; order: OrderContent },
  { scorers, ids, ...more }: Read,
): Promise<void> {
  const atMs = clock.nowMs()
  await log.event({
    id: newId('evt', atMs),
    kind: 'access',
    atMs,
    projectId: row.projectId,
    actorId: row.createdBy,
    actorName: row.createdByName,
    action: 'requests.score',
    target: row.id,
    purpose: order.purpose,
    detail: { route: order.route, requests: ids.length, scorers, ...more, ids },
  })
}
