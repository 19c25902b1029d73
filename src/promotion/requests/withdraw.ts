/** Ends a promotion that somebody no longer wants, before it has moved anybody. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Actor } from '../../registry/actor.ts'
import { type PromotionRow, updatePromotion } from './store.ts'

/**
 * Throws RequestError: permission_denied for anybody but who asked and admins, conflict for a canary, which is rolled back
 * instead, and for a promotion that has ended or went on at the same moment.
 */
export async function withdrawPromotion(
  { db, clock }: { db: Db; clock: Clock },
  actor: Actor & { isAdmin: boolean },
  promotion: PromotionRow,
  reason: string,
): Promise<void> {
  const { id, state, route, label } = promotion
  if (!actor.isAdmin && actor.person !== promotion.requestedByPerson) {
    const message = `Promotion ${id} was asked for by ${promotion.requestedByPerson}, who may withdraw it, as may an admin.`
    throw new RequestError('permission_denied', message)
  }
  if (state === 'canary') {
    const message = `Promotion ${id} serves users already. Take it back: aval rollback ${route} --label ${label}`
    throw new RequestError('conflict', message)
  }
  if (promotion.endedAt !== null) {
    throw new RequestError('conflict', `Promotion ${id} is ${state}: there is nothing to withdraw.`)
  }
  const note = `${actor.name} withdrew it: ${reason}`
  if (await updatePromotion(db, promotion, { state: 'withdrawn', note }, new Date(clock.nowMs()))) return
  throw new RequestError('conflict', `Promotion ${id} went on at the same moment. aval promotion show ${id}`)
}
