/** Answers to a promotion: a person signs exactly the evidence that they were shown, and never their own work. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Actor } from '../../registry/actor.ts'
import { type ApprovalRow, insertApproval, listApprovals, listAuthors, type PromotionRow } from './store.ts'

export type Answer = {
  answer: ApprovalRow['answer']
  reason: string
  /** What was shown to whoever answers. */
  evidenceHash: string
  /** Of the key that answers. */
  roles: readonly string[]
}

/** SQLSTATE of a row that a constraint or a guard of the database refuses, and of a second answer of one person. */
const REFUSED = ['23514', '23505'] as const

/**
 * Keeps the answer; `advancePromotion` takes the promotion on. Throws RequestError: conflict for a promotion that waits for
 * nobody, has expired, or rests on other evidence than was shown; permission_denied for a role that does not approve it, for
 * whoever asked, and for authors of the release or anything in it. The database refuses the same, whoever writes the row.
 */
export async function answerPromotion(
  deps: { db: Db; clock: Clock },
  actor: Actor,
  promotion: PromotionRow,
  given: Answer,
): Promise<ApprovalRow> {
  const now = new Date(deps.clock.nowMs())
  demandWaiting(promotion, given, now)
  const role = roleOf(promotion, actor, given)
  await demandOther(deps.db, actor, promotion, given)
  const row = {
    id: newId('apv', now.getTime()),
    promotionId: promotion.id,
    answer: given.answer,
    evidenceHash: given.evidenceHash,
    reason: given.reason,
    keyId: actor.id,
    keyName: actor.name,
    person: actor.person,
    role,
    createdAt: now,
  }
  try {
    await insertApproval(deps.db, row)
  } catch (error) {
    throw refusalOf(error, promotion) ?? error
  }
  return row
}

function demandWaiting(promotion: PromotionRow, { evidenceHash }: Answer, now: Date): void {
  const { id, state, note, expiresAt } = promotion
  if (state !== 'waiting') {
    throw new RequestError('conflict', `Promotion ${id} is ${state}, and waits for nobody. ${note}`)
  }
  if (now >= expiresAt) {
    const message = `Promotion ${id} expired at ${expiresAt.toISOString()}. Ask for another one.`
    throw new RequestError('conflict', message)
  }
  if (promotion.evidenceHash !== evidenceHash) {
    const message = `Promotion ${id} rests on the evidence ${promotion.evidenceHash}, not on the one that was shown. Look at it again: aval promotion show ${id}`
    throw new RequestError('conflict', message, { param: 'evidence_hash' })
  }
}

function roleOf({ id, approverRoles }: PromotionRow, actor: Actor, { roles }: Answer): string {
  const role = approverRoles.find((one) => roles.includes(one))
  if (role !== undefined) return role
  const message = `Promotion ${id} is approved by the role ${approverRoles.join(' or ')}; key ${actor.id} has ${roles.join(', ')}.`
  throw new RequestError('permission_denied', message)
}

async function demandOther(db: Db, actor: Actor, promotion: PromotionRow, { answer }: Answer): Promise<void> {
  const { id, requestedBy, requestedByPerson, toReleaseId, kind } = promotion
  const before = (await listApprovals(db, [id])).find(({ person }) => person === actor.person)
  if (before !== undefined) {
    const message = `${actor.person} has answered promotion ${id} before (${before.answer}); one person answers once.`
    throw new RequestError('conflict', message)
  }
  if (answer === 'reject') return
  const self = [actor.person, actor.id]
  if (self.includes(requestedBy) || self.includes(requestedByPerson)) {
    const message = `${actor.person} asked for promotion ${id}, and does not approve it: somebody else has to. Whose a key is, its owner says: aval key list`
    throw new RequestError('permission_denied', message)
  }
  if (kind === 'break_glass') return
  const authors = await listAuthors(db, toReleaseId)
  if (!authors.some((author) => self.includes(author))) return
  const message = `${actor.person} is an author of what promotion ${id} promotes (${authors.join(', ')}), and does not approve it: somebody else has to.`
  throw new RequestError('permission_denied', message)
}

/** What the database says when the promotion went on, or the same person answered, at the same moment. */
function refusalOf(error: unknown, { id }: PromotionRow): RequestError | null {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error
  const { code, message } = cause as { code?: string; message?: string }
  if (!REFUSED.some((one) => one === code)) return null
  const text = code === '23505' ? `One person answers promotion ${id} once.` : `${message ?? ''}`
  return new RequestError('conflict', `${text} Look at it again: aval promotion show ${id}`, { cause: error })
}
