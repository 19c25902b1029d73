/** Legal holds: what is held is not erased, and whoever placed a hold cannot release it. */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import {
  findHold,
  findUnfinished,
  type HoldRow,
  insertHold,
  listHoldRows,
  lockHold,
  lockProject,
  updateHold,
} from './store.ts'

/** The key that acts, and the person who answers for it. */
export type Actor = { id: string; name: string; projectId: string; person: string }

/** Who acted first, as a row keeps it; `person` is null in rows from before keys had owners. */
type First = { id: string; name: string; person: string | null }

export type HoldDeps = { db: Db; clock: Clock }

/**
 * Holds a subject (its pseudonym), or with null everything of the actor's project. Throws RequestError conflict while the
 * subject's erasure is already approved: then it is too late.
 */
export async function placeHold(
  { db, clock }: HoldDeps,
  actor: Actor,
  { subject, reason }: { subject: string | null; reason: string },
): Promise<HoldRow> {
  const nowMs = clock.nowMs()
  const { projectId } = actor
  return await db.transaction(async (tx) => {
    await lockProject(tx, projectId)
    const erasure = subject === null ? null : await findUnfinished(tx, projectId, subject)
    if (erasure !== null && erasure.state !== 'open') {
      throw new RequestError(
        'conflict',
        `Erasure ${erasure.id} of this subject is approved and runs. A hold comes too late.`,
      )
    }
    return await insertHold(tx, {
      id: newId('hold', nowMs),
      projectId,
      subject,
      reason,
      placedBy: actor.id,
      placedByName: actor.name,
      placedByPerson: actor.person,
      placedAt: new Date(nowMs),
    })
  })
}

/**
 * Ends a hold. Throws RequestError not_found, conflict when it is released already, permission_denied for whoever placed
 * it, whichever key they use.
 */
export async function releaseHold(
  { db, clock }: HoldDeps,
  actor: Actor,
  { id, reason }: { id: string; reason: string },
): Promise<HoldRow> {
  return await db.transaction(async (tx) => {
    await lockProject(tx, actor.projectId)
    const hold = await lockHold(tx, actor.projectId, id)
    if (hold === null) throw new RequestError('not_found', `This project has no hold "${id}".`)
    if (hold.releasedAt !== null) {
      throw new RequestError('conflict', `Hold ${id} was released by ${hold.releasedBy} already.`)
    }
    const { placedBy, placedByName, placedByPerson } = hold
    const first = { id: placedBy, name: placedByName, person: placedByPerson }
    demandSecondPerson(actor, first, `release hold ${id}`)
    return await updateHold(tx, id, {
      releasedBy: actor.id,
      releasedByName: actor.name,
      releasedByPerson: actor.person,
      releasedAt: new Date(clock.nowMs()),
      releaseReason: reason,
    })
  })
}

/** Holds of a project, newest first, those that were released included. */
export async function listHolds(
  db: Db,
  query: { projectId: string; cursor: string | null; limit: number },
): Promise<{ rows: HoldRow[]; nextCursor: string | null }> {
  const { projectId, cursor, limit } = query
  return pageOf(await listHoldRows(db, { projectId, before: cursor, limit: limit + 1 }), limit)
}

/** Throws RequestError legal_hold, with the hold's reason, when a hold covers the subject. */
export async function demandNoHold(db: Db, projectId: string, subject: string): Promise<void> {
  const hold = await findHold(db, projectId, subject)
  if (hold !== null) throw heldError(hold)
}

export function heldError(hold: HoldRow): RequestError {
  const what = hold.subject === null ? 'everything of this project' : 'this subject'
  return new RequestError(
    'legal_hold',
    `Hold ${hold.id} keeps ${what}: "${hold.reason}". Nothing is erased until another person than ${hold.placedByName} releases it.`,
  )
}

/**
 * Throws RequestError permission_denied when the actor is the first person again: the same key, another key of the same
 * person, or one of the same name, which is all that keys without an owner say of whose they are.
 */
export function demandSecondPerson(actor: Actor, first: First, what: string): void {
  const person = first.person ?? first.id
  if (actor.person !== person && actor.id !== first.id && actor.name !== first.name) return
  throw new RequestError(
    'permission_denied',
    `Only another person than ${person} (key ${first.id}, ${first.name}) may ${what}; key ${actor.id} (${actor.name}) is that of ${actor.person}.`,
  )
}

/** A page out of one row more than it may have. */
export function pageOf<Row extends { id: string }>(
  found: readonly Row[],
  limit: number,
): { rows: Row[]; nextCursor: string | null } {
  const rows = found.slice(0, limit)
  return { rows, nextCursor: found.length > limit ? (rows.at(-1)?.id ?? null) : null }
}
