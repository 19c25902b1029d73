/**
 * What an approved erasure does, in this order: it goes on the log, the subject's keys are destroyed, every gateway
 * forgets them, the bodies go in bounded runs. Each step can be repeated, so a process that dies on the way is resumed.
 */

import type { Db } from '../../db/client.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { deleteDataKeys } from '../privacy/store.ts'
import type { EventLog } from '../record.ts'
import { heldError } from './holds.ts'
import {
  announceErasure,
  type ErasureRow,
  eraseBodies,
  findHold,
  listUnfinished,
  lockErasure,
  lockProject,
  lockShippers,
  measureSubject,
  updateErasure,
} from './store.ts'

export type ExecuteDeps = {
  db: Db
  clock: Clock
  log: EventLog
  /** This process's own key of a subject (its pseudonym) is destroyed. */
  forgetSubject(projectId: string, subject: string): void
}

/** Rows whose bodies go in one transaction: some tens of milliseconds, in which the shipper writes on. */
const RUN_ROWS = 500
/** How long whoever approves waits for a large subject; a gateway goes on with the rest. */
const PATIENCE_MS = 20_000
/** Ids that the record names; it has all of their number. */
const MAX_NAMED_KEYS = 1000
/** A process that has been at it for less is alive. */
const RESUME_AFTER_MS = 30_000
const MAX_RESUMED = 20

/** Executes an approved erasure as far as it gets in 20 s. Throws what the log, the database or a hold says. */
export async function executeErasure(deps: ExecuteDeps, erasure: ErasureRow): Promise<ErasureRow> {
  let current = erasure
  if (current.state === 'approved') {
    const { rows, dataKeys } = await measureSubject(deps.db, current.projectId, current.subject)
    await record(deps, current, 'subject.erase', {
      rows,
      data_keys: dataKeys.slice(0, MAX_NAMED_KEYS),
      data_key_count: dataKeys.length,
    })
    current = await destroyKeys(deps, current)
    deps.forgetSubject(current.projectId, current.subject)
  }
  const untilMs = deps.clock.monotonicMs() + PATIENCE_MS
  while (current.state === 'executing' && deps.clock.monotonicMs() < untilMs) {
    current = await eraseRun(deps, current)
  }
  return current
}

/** Goes on with erasures whose process died. Throws what the first that fails throws. */
export async function resumeErasures(deps: ExecuteDeps): Promise<void> {
  const decidedBefore = new Date(deps.clock.nowMs() - RESUME_AFTER_MS)
  for (const erasure of await listUnfinished(deps.db, decidedBefore, MAX_RESUMED)) {
    await executeErasure(deps, erasure)
  }
}

/** From here on nobody can read what the subject's keys sealed. A hold that came since sends it back to the start. */
async function destroyKeys({ db, clock }: ExecuteDeps, { id, projectId, subject }: ErasureRow) {
  const outcome = await db.transaction(async (tx) => {
    await lockProject(tx, projectId)
    await lockShippers(tx)
    const erasure = await lockErasure(tx, projectId, id)
    if (erasure === null) throw new Error(`Erasure ${id} is gone.`)
    if (erasure.state !== 'approved') return { erasure, held: null }
    const held = await findHold(tx, projectId, subject)
    if (held !== null) {
      const open = { state: 'open', approvedBy: null, approvedByName: null, decidedAt: null }
      return { erasure: await updateErasure(tx, id, open), held }
    }
    await deleteDataKeys(tx, projectId, subject)
    await announceErasure(tx)
    const executed = { state: 'executing', executedAt: new Date(clock.nowMs()), rowsErased: 0 }
    return { erasure: await updateErasure(tx, id, executed), held: null }
  })
  if (outcome.held !== null) throw heldError(outcome.held)
  return outcome.erasure
}

/** One run, or the end when there is nothing more. Two processes at once take turns and count each row once. */
async function eraseRun(deps: ExecuteDeps, { id, projectId }: ErasureRow): Promise<ErasureRow> {
  const run = await deps.db.transaction(async (tx) => {
    const erasure = await lockErasure(tx, projectId, id)
    if (erasure === null) throw new Error(`Erasure ${id} is gone.`)
    if (erasure.state !== 'executing' || erasure.executedAt === null) return { erasure, ended: false }
    const until = erasure.executedAt
    const run = await eraseBodies(tx, { ...erasure, until }, RUN_ROWS)
    if (run === null) return { erasure, ended: true }
    const { progressAt, progressId, erased } = run
    const rowsErased = (erasure.rowsErased ?? 0) + erased
    return { erasure: await updateErasure(tx, id, { progressAt, progressId, rowsErased }), ended: false }
  })
  if (!run.ended) return run.erasure
  await record(deps, run.erasure, 'subject.erased', { rows_erased: run.erasure.rowsErased })
  return await updateErasure(deps.db, id, { state: 'executed' })
}

function record(
  { log, clock }: ExecuteDeps,
  erasure: ErasureRow,
  action: 'subject.erase' | 'subject.erased',
  figures: Readonly<Record<string, unknown>>,
): Promise<void> {
  const atMs = clock.nowMs()
  return log.event({
    id: newId('evt', atMs),
    kind: 'erase',
    atMs,
    projectId: erasure.projectId,
    actorId: erasure.approvedBy,
    actorName: erasure.approvedByName,
    action,
    target: erasure.subject,
    purpose: erasure.reason,
    detail: {
      erasure: erasure.id,
      requested_by: erasure.requestedBy,
      requested_by_name: erasure.requestedByName,
      requested_by_person: erasure.requestedByPerson,
      approved_by: erasure.approvedBy,
      approved_by_name: erasure.approvedByName,
      approved_by_person: erasure.approvedByPerson,
      ...figures,
    },
  })
}
