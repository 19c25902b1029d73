/**
 * Moves labels, and is the only code that does: compare-and-set and the decision in one transaction. Whether a move is
 * allowed is decided before; the database looks once more (see the triggers of decisions and labels).
 */

import type { Db } from '../db/client.ts'
import { RequestError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Actor } from '../registry/actor.ts'
import { parseRelease, refText } from '../registry/releases/release-content.ts'
import {
  announceRegistryChange,
  findLabel,
  findRelease,
  findReleaseById,
  indexState,
  type LabelRow,
  type ReleaseRow,
} from '../registry/releases/store.ts'
import { findFreeze } from './actions/find-freeze.ts'
import type { LabelPlace } from './actions/store.ts'
import { freezeText } from './freeze.ts'
import { demandsNothing, type Policy } from './policy.ts'
import { newPromotion } from './requests/new-promotion.ts'
import { findLivePromotion, insertPromotion, updatePromotion } from './requests/store.ts'
import { underWay } from './requests/under-way.ts'
import { type DecisionRow, insertDecision, insertLabel, type LabelValues, swapLabel } from './store.ts'

export type LabelMove = Pick<DecisionRow, 'projectId' | 'route' | 'label' | 'reason'> & {
  kind: NonNullable<DecisionRow['kind']>
  promotionId: string | null
  to: ReleaseRow
  /** A second release with its share of the users, in hundredths of a per cent. */
  canary: { release: ReleaseRow; weight: number } | null
  by: Pick<Actor, 'id' | 'name'>
}

/**
 * Writes the decision and moves the label from where it was seen; `seen` null is a label that is not there yet. Throws
 * RequestError conflict when it points somewhere else by now, or the release's index has been dropped: then nothing of the
 * transaction may stay.
 */
export async function writeMove(
  transaction: Db,
  move: LabelMove,
  seen: LabelRow | null,
  now: Date,
): Promise<DecisionRow> {
  const { to, canary, by, ...rest } = move
  const decision: DecisionRow = {
    ...rest,
    id: newId('dec', now.getTime()),
    fromReleaseId: seen?.releaseId ?? null,
    toReleaseId: to.id,
    canaryReleaseId: canary?.release.id ?? null,
    canaryWeight: canary?.weight ?? null,
    decidedBy: by.id,
    decidedByName: by.name,
    decidedAt: now,
    transactionId: null,
  }
  await insertDecision(transaction, decision)
  if (!(await writeLabel(transaction, decision, seen))) throw overtaken(move)
  // After the write: whoever drops an index waits for it, and then sees that a label pins it.
  for (const release of canary === null ? [to] : [to, canary.release]) await demandIndex(transaction, release)
  await announceRegistryChange(transaction)
  return decision
}

async function writeLabel(db: Db, decision: DecisionRow, seen: LabelRow | null): Promise<boolean> {
  const row: LabelValues = {
    projectId: decision.projectId,
    route: decision.route,
    label: decision.label,
    releaseId: decision.toReleaseId,
    canaryReleaseId: decision.canaryReleaseId,
    canaryWeight: decision.canaryWeight,
    decisionId: decision.id,
    movedAt: decision.decidedAt,
  }
  return seen === null ? await insertLabel(db, row) : await swapLabel(db, row, seen)
}

export type Move = {
  route: string
  label: string
  /** The number of the release that it shall serve. */
  to: number
  /** A second release with its share of the users, in hundredths of a per cent. */
  canary: { release: number; weight: number } | null
  /** What the caller believes it serves now: a number, 0 for nothing, null when the caller has not looked. */
  expected: number | null
  reason: string
}

export type Moved = { decision: DecisionRow; from: ReleaseRow | null; to: ReleaseRow }

/**
 * Moves a label whose policy demands nothing, at once. Throws RequestError: refused_by_policy under a policy that demands
 * something and while an alert holds the label, not_found for a release that is not there, conflict when the label points somewhere else than expected, was
 * moved at the same time, is in a promotion, or the release's index has been dropped.
 */
export async function moveLabel(
  deps: { db: Db; clock: Clock },
  mover: Actor,
  policy: Policy,
  move: Move,
): Promise<Moved> {
  const { projectId } = mover
  const { route, label, reason } = move
  const to = await releaseOf(deps.db, projectId, route, move.to)
  if (!demandsNothing(policy)) throw refused(policy, move)
  const beside = move.canary === null ? null : await releaseOf(deps.db, projectId, route, move.canary.release)
  if (beside?.id === to.id) {
    throw new RequestError('invalid_value', `r${to.number} cannot be its own canary.`, { param: 'canary' })
  }
  const canary = beside === null ? null : { release: beside, weight: move.canary?.weight ?? 0 }
  await demandUnfrozen(deps, { projectId, route, label }, policy)
  const seen = await findLabel(deps.db, projectId, route, label)
  const from = seen === null ? null : await findReleaseById(deps.db, projectId, seen.releaseId)
  demandExpected(move, from)
  const now = new Date(deps.clock.nowMs())
  const promotion = newPromotion(
    {
      requester: mover,
      kind: 'promotion',
      route,
      label,
      to,
      seen,
      fromReleaseId: from?.id ?? null,
      policy,
      reason,
    },
    now,
  )
  const decision = await deps.db.transaction(async (transaction) => {
    if (!(await insertPromotion(transaction, promotion))) {
      const live = await findLivePromotion(transaction, promotion)
      throw new RequestError('conflict', underWay(promotion, live), { param: 'label' })
    }
    const { id: promotionId } = promotion
    const order = { projectId, route, label, reason, to, canary, by: mover, promotionId }
    const decided = await writeMove(transaction, { ...order, kind: 'promotion' }, seen, now)
    await updatePromotion(transaction, promotion, { state: 'promoted', note: 'Nothing was demanded.' }, now)
    return decided
  })
  return { decision, from, to }
}

async function demandIndex(db: Db, release: ReleaseRow): Promise<void> {
  const { index } = parseRelease(release.content)
  if (index === undefined) return
  const state = await indexState(db, release.projectId, index.version)
  if (state === 'ready') return
  const ref = refText(index.version)
  const message = `r${release.number} pins index ${ref}, which is ${state ?? 'not there'}: it could answer nothing. Build it again (aval index build ${index.version.name}), or label another release.`
  throw new RequestError('conflict', message, { param: 'release' })
}

/** Throws RequestError not_found. */
export async function releaseOf(
  db: Db,
  projectId: string,
  route: string,
  number: number,
): Promise<ReleaseRow> {
  const found = await findRelease(db, projectId, route, number)
  if (found !== null) return found
  const message = `"${route}" has no release r${number}. aval release list ${route} shows what there is.`
  throw new RequestError('not_found', message, { param: 'release' })
}

async function demandUnfrozen(
  { db, clock }: { db: Db; clock: Clock },
  place: LabelPlace,
  policy: Policy,
): Promise<void> {
  const freeze = await findFreeze(db, place, policy, clock.nowMs())
  if (freeze === null) return
  const message = `"${place.route}@${place.label}": nothing moves ${freezeText(freeze)}.`
  throw new RequestError('refused_by_policy', message, { param: 'label' })
}

function demandExpected(move: Pick<Move, 'route' | 'label' | 'expected'>, from: ReleaseRow | null): void {
  if (move.expected === null || move.expected === (from?.number ?? 0)) return
  const found = from === null ? 'nothing' : `r${from.number}`
  const wanted = move.expected === 0 ? 'nothing' : `r${move.expected}`
  const message = `"${move.route}@${move.label}" serves ${found}, not ${wanted}. Look at what was moved: aval decisions list --route ${move.route}.`
  throw new RequestError('conflict', message, { param: 'expected' })
}

function refused({ name }: Policy, { route, label, to }: Move): RequestError {
  const message = `"${route}@${label}" has the policy ${name}, so it is not simply set. Ask for the move: aval promote ${route} r${to} --to ${label}`
  return new RequestError('refused_by_policy', message, { param: 'label' })
}

function overtaken({ route, label }: { route: string; label: string }): RequestError {
  const message = `"${route}@${label}" was moved by somebody else at the same moment. Look at where it points now, then decide again.`
  return new RequestError('conflict', message)
}
