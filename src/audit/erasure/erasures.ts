/**
 * The erasure of one subject: one person asks, another approves, and then its keys are destroyed and its bodies taken
 * away. Rows, their records and their leaves stay, so that the log still verifies. Never destroys anything before the
 * log holds who asked, who approved and what goes.
 */

import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import { type ExecuteDeps, executeErasure } from './execute.ts'
import { type Actor, demandNoHold, demandSecondPerson, pageOf } from './holds.ts'
import {
  type ErasureRow,
  expireErasures,
  findUnfinished,
  insertErasure,
  listErasureRows,
  lockErasure,
  lockProject,
  measureSubject,
  updateErasure,
} from './store.ts'

/** Nobody may lie in wait with an old request for a careless approver. */
const EXPIRES_MS = 24 * 3_600_000

/** `rows` and `dataKeys`: how many requests and keys the subject has now. */
export type RequestedErasure = { erasure: ErasureRow; rows: number; dataKeys: number }

/**
 * Asks for the erasure of a subject (its pseudonym). Throws RequestError legal_hold, or conflict while another one of the
 * same subject is unfinished.
 */
export async function requestErasure(
  { db, clock }: ExecuteDeps,
  actor: Actor,
  { subject, reason }: { subject: string; reason: string },
): Promise<RequestedErasure> {
  const { projectId } = actor
  const nowMs = clock.nowMs()
  const erasure = await db.transaction(async (tx) => {
    await lockProject(tx, projectId)
    await expireErasures(tx, projectId, new Date(nowMs))
    await demandNoHold(tx, projectId, subject)
    const other = await findUnfinished(tx, projectId, subject)
    if (other !== null) {
      throw new RequestError(
        'conflict',
        `Erasure ${other.id} of this subject is ${other.state} already. Approve or reject that one.`,
      )
    }
    return await insertErasure(tx, {
      id: newId('ers', nowMs),
      projectId,
      subject,
      reason,
      requestedBy: actor.id,
      requestedByName: actor.name,
      requestedByPerson: actor.person,
      requestedAt: new Date(nowMs),
      expiresAt: new Date(nowMs + EXPIRES_MS),
    })
  })
  const { rows, dataKeys } = await measureSubject(db, projectId, subject)
  return { erasure, rows, dataKeys: dataKeys.length }
}

/**
 * Approves and executes. Of many approvals at once one does, the others get a conflict. Returns with state `executed`, or
 * `executing` when a large subject's bodies are still going; a gateway finishes them, also after a restart.
 * Throws RequestError not_found, conflict (decided, or older than 24 h), permission_denied (whoever asked, whichever key
 * they use), legal_hold; GatewayError audit_unavailable when the log takes nothing: then nothing is destroyed yet, and
 * the erasure goes on by itself once it does.
 */
export async function approveErasure(deps: ExecuteDeps, actor: Actor, id: string): Promise<ErasureRow> {
  const now = new Date(deps.clock.nowMs())
  const approved = await deps.db.transaction(async (tx) => {
    await lockProject(tx, actor.projectId)
    const erasure = await demandOpen(tx, actor.projectId, id, now)
    const { requestedBy, requestedByName, requestedByPerson } = erasure
    const first = { id: requestedBy, name: requestedByName, person: requestedByPerson }
    demandSecondPerson(actor, first, `approve erasure ${id}`)
    await demandNoHold(tx, actor.projectId, erasure.subject)
    return await updateErasure(tx, id, {
      state: 'approved',
      approvedBy: actor.id,
      approvedByName: actor.name,
      approvedByPerson: actor.person,
      decidedAt: now,
    })
  })
  return await executeErasure(deps, approved)
}

/** Refuses an erasure, or takes one's own back. Throws RequestError not_found or conflict. */
export async function rejectErasure(
  { db, clock }: ExecuteDeps,
  actor: Actor,
  id: string,
): Promise<ErasureRow> {
  const now = new Date(clock.nowMs())
  return await db.transaction(async (tx) => {
    await lockProject(tx, actor.projectId)
    await demandOpen(tx, actor.projectId, id, now)
    return await updateErasure(tx, id, { state: 'rejected', rejectedBy: actor.id, decidedAt: now })
  })
}

/** Erasures of a project, newest first. One that nobody decided in time shows as `expired`. */
export async function listErasures(
  { db, clock }: Pick<ExecuteDeps, 'db' | 'clock'>,
  query: { projectId: string; cursor: string | null; limit: number },
): Promise<{ rows: ErasureRow[]; nextCursor: string | null }> {
  const { projectId, cursor, limit } = query
  const found = await listErasureRows(db, { projectId, before: cursor, limit: limit + 1 })
  const nowMs = clock.nowMs()
  return pageOf(
    found.map((row) => (isExpired(row, nowMs) ? { ...row, state: 'expired' } : row)),
    limit,
  )
}

async function demandOpen(tx: Db, projectId: string, id: string, now: Date): Promise<ErasureRow> {
  const erasure = await lockErasure(tx, projectId, id)
  if (erasure === null) throw new RequestError('not_found', `This project has no erasure "${id}".`)
  if (isExpired(erasure, now.getTime())) {
    throw new RequestError(
      'conflict',
      `Erasure ${id} expired at ${erasure.expiresAt.toISOString()}. Ask for it again.`,
    )
  }
  if (erasure.state !== 'open') {
    const by = erasure.approvedBy ?? erasure.rejectedBy
    throw new RequestError(
      'conflict',
      `Erasure ${id} is ${erasure.state}${by === null ? '' : `, decided by ${by}`}.`,
    )
  }
  return erasure
}

function isExpired(erasure: ErasureRow, nowMs: number): boolean {
  return erasure.state === 'open' && erasure.expiresAt.getTime() <= nowMs
}
