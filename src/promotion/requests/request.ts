/** Asks for a label to move. One promotion of a label is under way at a time, so of many that are asked for at once one is let in. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Actor } from '../../registry/actor.ts'
import { findLabel, type LabelRow } from '../../registry/releases/store.ts'
import { findFreeze } from '../actions/find-freeze.ts'
import { freezeText } from '../freeze.ts'
import type { Policy } from '../policy.ts'
import { releaseOf } from '../promote.ts'
import { type DecisionRow, findDecision } from '../store.ts'
import { newPromotion } from './new-promotion.ts'
import { findLivePromotion, insertPromotion, type PromotionRow } from './store.ts'
import { underWay } from './under-way.ts'

export type PromotionRequest = {
  route: string
  label: string
  /** The number of the release. */
  to: number
  reason: string
  /** Without evidence, approved by another admin within the hour. */
  breakGlass: boolean
}

/**
 * The promotion, which has not begun yet: `advancePromotion` takes it on. Throws RequestError: not_found for a release that
 * is not there, conflict when another promotion of the label is under way or the label serves the release already,
 * refused_by_policy within a freeze.
 */
export async function requestPromotion(
  { db, clock }: { db: Db; clock: Clock },
  requester: Actor,
  policy: Policy,
  { route, label, to: number, reason, breakGlass }: PromotionRequest,
): Promise<PromotionRow> {
  const { projectId } = requester
  const to = await releaseOf(db, projectId, route, number)
  const seen = await findLabel(db, projectId, route, label)
  const broken = seen === null ? null : await brokenGlass(db, seen)
  if (seen?.releaseId === to.id && seen.canaryReleaseId === null && broken === null) {
    throw new RequestError('conflict', `"${route}@${label}" serves r${number} already.`, { param: 'release' })
  }
  const now = new Date(clock.nowMs())
  const window = breakGlass ? null : await findFreeze(db, { projectId, route, label }, policy, now.getTime())
  if (window !== null) {
    const message = `policy ${policy.name}: nothing moves ${freezeText(window)}. Ask again afterwards, or break the glass with another admin: --break-glass`
    throw new RequestError('refused_by_policy', message, { param: 'label' })
  }
  // The very release that broke the glass is compared with what it came in place of.
  const isSame = broken !== null && seen?.releaseId === to.id
  const fromReleaseId = isSame ? broken.fromReleaseId : (seen?.releaseId ?? null)
  const kind = breakGlass ? 'break_glass' : 'promotion'
  const row = newPromotion({ requester, kind, route, label, to, seen, fromReleaseId, policy, reason }, now)
  if (await insertPromotion(db, row)) return row
  const live = await findLivePromotion(db, row)
  throw new RequestError('conflict', underWay(row, live), { param: 'label' })
}

/** The decision by which the label serves what no evidence put there; null where it does not. */
async function brokenGlass(db: Db, { decisionId }: LabelRow): Promise<DecisionRow | null> {
  const decision = await findDecision(db, decisionId)
  return decision?.kind === 'break_glass' ? decision : null
}
