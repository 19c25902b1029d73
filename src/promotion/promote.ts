/**
 * Moves a label, and is the only code that does: compare-and-set and the decision in one transaction. It demands no
 * evidence and no approval yet; whoever may call it is decided by its caller.
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
import { type DecisionRow, insertDecision, insertLabel, type LabelValues, swapLabel } from './store.ts'

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
 * Throws RequestError: not_found for a release that is not there, conflict when the label points somewhere else than
 * expected, was moved at the same time, or the release's index has been dropped.
 */
export async function moveLabel(deps: { db: Db; clock: Clock }, mover: Actor, move: Move): Promise<Moved> {
  const { projectId } = mover
  const to = await releaseOf(deps.db, projectId, move.route, move.to)
  const canary =
    move.canary === null ? null : await releaseOf(deps.db, projectId, move.route, move.canary.release)
  if (canary !== null && canary.id === to.id) {
    throw new RequestError('invalid_value', `r${to.number} cannot be its own canary.`, { param: 'canary' })
  }
  const now = await findLabel(deps.db, projectId, move.route, move.label)
  const from = now === null ? null : await findReleaseById(deps.db, projectId, now.releaseId)
  demandExpected(move, from)
  const nowMs = deps.clock.nowMs()
  const decision: DecisionRow = {
    id: newId('dec', nowMs),
    projectId,
    route: move.route,
    label: move.label,
    fromReleaseId: from?.id ?? null,
    toReleaseId: to.id,
    canaryReleaseId: canary?.id ?? null,
    canaryWeight: move.canary?.weight ?? null,
    reason: move.reason,
    decidedBy: mover.id,
    decidedByName: mover.name,
    decidedAt: new Date(nowMs),
  }
  await deps.db.transaction(async (transaction) => {
    await insertDecision(transaction, decision)
    if (!(await write(transaction, decision, now))) throw overtaken(move)
    // After the write: whoever drops an index waits for it, and then sees that a label pins it.
    for (const release of canary === null ? [to] : [to, canary]) await demandIndex(transaction, release)
    await announceRegistryChange(transaction)
  })
  return { decision, from, to }
}

async function write(db: Db, decision: DecisionRow, now: LabelRow | null): Promise<boolean> {
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
  return now === null ? await insertLabel(db, row) : await swapLabel(db, row, now)
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

async function releaseOf(db: Db, projectId: string, route: string, number: number): Promise<ReleaseRow> {
  const found = await findRelease(db, projectId, route, number)
  if (found !== null) return found
  const message = `"${route}" has no release r${number}. aval release list ${route} shows what there is.`
  throw new RequestError('not_found', message, { param: 'release' })
}

function demandExpected(move: Move, from: ReleaseRow | null): void {
  if (move.expected === null || move.expected === (from?.number ?? 0)) return
  const found = from === null ? 'nothing' : `r${from.number}`
  const wanted = move.expected === 0 ? 'nothing' : `r${move.expected}`
  const message = `"${move.route}@${move.label}" serves ${found}, not ${wanted}. Look at what was moved: aval decisions list --route ${move.route}.`
  throw new RequestError('conflict', message, { param: 'expected' })
}

function overtaken({ route, label }: Move): RequestError {
  const message = `"${route}@${label}" was moved by somebody else at the same moment. Look at where it points now, then decide again.`
  return new RequestError('conflict', message)
}
