/** What is fixed when a promotion is asked for. Pure, but for its id. */

import { newId } from '../../lib/ids.ts'
import type { Actor } from '../../registry/actor.ts'
import type { LabelRow, ReleaseRow } from '../../registry/releases/store.ts'
import { demandsEvidence, demandsNothing, type Policy, policyContent } from '../policy.ts'
import type { PromotionRow } from './store.ts'

export type PromotionWish = {
  requester: Actor
  kind: PromotionRow['kind']
  route: string
  label: string
  to: ReleaseRow
  /** The label as it is now. */
  seen: LabelRow | null
  /** The release that it is compared with: what the label serves, or served before the glass was broken. */
  fromReleaseId: string | null
  policy: Policy
  reason: string
}

/** Two admins, and one hour in which they agree. */
const BREAK_GLASS = { count: 1, roles: ['admin'], expireMs: 3_600_000 } as const

/** A break-glass promotion rests on no evidence, and is approved by another admin within the hour. */
export function newPromotion(wish: PromotionWish, now: Date): PromotionRow {
  const { requester, kind, route, label, to, seen, fromReleaseId, policy, reason } = wish
  const { text, hash } = policyContent(policy)
  const approvals = kind === 'break_glass' ? BREAK_GLASS : policy.approvals
  return {
    id: newId('prm', now.getTime()),
    projectId: requester.projectId,
    route,
    label,
    kind,
    fromReleaseId,
    fromDecisionId: seen?.decisionId ?? null,
    toReleaseId: to.id,
    policy: text,
    policyHash: hash,
    demandsEvidence: kind !== 'break_glass' && demandsEvidence(policy),
    approvalsNeeded: approvals.count,
    approverRoles: [...approvals.roles],
    reason,
    requestedBy: requester.id,
    requestedByName: requester.name,
    requestedByPerson: requester.person,
    requestedAt: now,
    expiresAt: new Date(now.getTime() + approvals.expireMs),
    state: 'gathering',
    note: demandsNothing(policy) ? 'Nothing is demanded.' : 'Evidence is gathered.',
    verdict: null,
    outcome: null,
    evidenceHash: null,
    stage: null,
    stageSince: null,
    onlineOrderId: null,
    updatedAt: now,
    endedAt: null,
  }
}
