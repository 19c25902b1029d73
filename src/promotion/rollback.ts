/** Takes a label back to what it served before: one step, without new evidence. Also ends a promotion that is under way. */

import type { Db } from '../db/client.ts'
import { RequestError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import type { Actor } from '../registry/actor.ts'
import { findLabel, findReleaseById, type LabelRow, type ReleaseRow } from '../registry/releases/store.ts'
import { type Moved, releaseOf, writeMove } from './promote.ts'
import { findLivePromotion, type PromotionRow, updatePromotion } from './requests/store.ts'
import { type DecisionRow, listMoves } from './store.ts'

export type RollbackOrder = {
  route: string
  label: string
  /** The number of a release that the label has served; null for the one before. */
  to: number | null
  reason: string
}

/** What holds a rollback that nobody asked for by hand. */
export type Automatic = {
  /** By which the label was put where it was looked at: it goes back from there, or not at all. */
  decisionId: string
  /** In the transaction of the move; what it throws undoes the move. */
  write: (transaction: Db, moved: Moved) => Promise<unknown>
}

/** More moves of a label than anybody goes back over. */
const MAX_MOVES = 1_000

/**
 * Back to the release before, or to a named one that the label has served; a canary that is under way is taken off alone.
 * Throws RequestError: not_found for a label that is not there, conflict where there is nothing to go back to or the label is
 * moved at the same moment, refused_by_policy for a release that the label has not served whole, or that was itself taken
 * back from here.
 */
export async function rollBack(
  deps: { db: Db; clock: Clock },
  actor: Actor,
  order: RollbackOrder,
  automatic: Automatic | null = null,
): Promise<Moved> {
  const { db, clock } = deps
  const { projectId } = actor
  const { route, label, reason } = order
  const seen = await findLabel(db, projectId, route, label)
  if (seen === null) {
    const message = `"${route}@${label}" serves nothing, so there is nothing to go back from. aval label list shows what there is.`
    throw new RequestError('not_found', message)
  }
  if (automatic !== null && automatic.decisionId !== seen.decisionId) {
    const message = `"${route}@${label}" was moved by ${seen.decisionId} since it was looked at.`
    throw new RequestError('conflict', message)
  }
  const from = await findReleaseById(db, projectId, seen.releaseId)
  const moves = await listMoves(db, { projectId, route, label }, MAX_MOVES)
  const to = await targetOf(db, projectId, order, { seen, moves })
  const live = await findLivePromotion(db, { projectId, route, label })
  const now = new Date(clock.nowMs())
  const decision = await db.transaction(async (transaction) => {
    const move = { projectId, route, label, reason, to, canary: null, by: actor } as const
    const decided = await writeMove(
      transaction,
      { ...move, kind: 'rollback', promotionId: live?.id ?? null },
      seen,
      now,
    )
    if (live !== null) await endPromotion(transaction, live, actor, now)
    await automatic?.write(transaction, { decision: decided, from, to })
    return decided
  })
  return { decision, from, to }
}

async function endPromotion(db: Db, live: PromotionRow, actor: Actor, now: Date): Promise<void> {
  const state = live.state === 'canary' ? 'rolled_back' : 'overtaken'
  await updatePromotion(db, live, { state, note: `${actor.name} rolled the label back.` }, now)
}

async function targetOf(
  db: Db,
  projectId: string,
  { route, label, to }: RollbackOrder,
  { seen, moves }: { seen: LabelRow; moves: readonly DecisionRow[] },
): Promise<ReleaseRow> {
  const path = servedPath(moves)
  if (to !== null) {
    const release = await releaseOf(db, projectId, route, to)
    if (path.includes(release.id)) return release
    const message = `"${route}@${label}" has not served r${to}, or was rolled back from it: going there needs evidence. aval promote ${route} r${to} --to ${label}`
    throw new RequestError('refused_by_policy', message, { param: 'release' })
  }
  // A canary under way: what was stable stays, alone.
  const id = seen.canaryReleaseId === null ? path.at(-2) : seen.releaseId
  const release = id === undefined ? null : await findReleaseById(db, projectId, id)
  if (release !== null) return release
  const message = `"${route}@${label}" served nothing before, so there is nothing to go back to. aval decisions list --route ${route}`
  throw new RequestError('conflict', message)
}

/**
 * Ids of the releases that the label served one after the other and was not taken back from, the one it serves now last.
 * `moves` newest first. A promotion goes one on, a rollback back to where it went; a canary moves nobody for good.
 */
export function servedPath(moves: readonly Pick<DecisionRow, 'kind' | 'toReleaseId'>[]): string[] {
  let path: string[] = []
  for (const { kind, toReleaseId } of moves.toReversed()) {
    const at = path.lastIndexOf(toReleaseId)
    // Older than the moves that were read.
    if (kind === 'rollback') path = at < 0 ? [toReleaseId] : path.slice(0, at + 1)
    else if (path.at(-1) !== toReleaseId) path.push(toReleaseId)
  }
  return path
}
