/** Takes the parts of a run as far as they go now: one after the other, each from where a worker left it. */

import { RequestError, UpstreamError } from '../../../errors.ts'
import { newId } from '../../../lib/ids.ts'
import { readPending } from '../result-rows.ts'
import {
  type BatchRow,
  changeBatch,
  deleteBatch,
  findLiveBatch,
  forgetBodies,
  insertBatch,
} from './batch-rows.ts'
import { followPart } from './follow-part.ts'
import { lookForSubmitted } from './look-for-submitted.ts'
import { type PartStep, type PartWork, planOf } from './part.ts'
import { preparePart } from './prepare-part.ts'
import { NotShipped } from './settle-requests.ts'
import { postponed, submitAgain, submitPart } from './submit-part.ts'

/** Each waits for an upstream sooner or later; a bound against one that never does. */
const MAX_STEPS = 1_000

/** Throws RunRefused and RequestError for what no other try mends, and whatever another one may. */
export async function advanceParts(work: PartWork): Promise<PartStep> {
  const { sql, row, signal, clock } = work
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    signal.throwIfAborted()
    const batch = await findLiveBatch(sql, row.id)
    if (batch === null) {
      if (work.lettingGo) return { kind: 'none' }
      const [unit] = await readPending(sql, row, null, 1, 'answer')
      if (unit === undefined) return { kind: 'none' }
      await beginPart(work)
      continue
    }
    const step = await whenShipped(() => (work.lettingGo ? letGo(work, batch) : stepOf(work, batch)))
    if (step !== null) return step
  }
  return { kind: 'wait', untilMs: clock.nowMs(), why: null }
}

/** Rows that were cut off are waited for. */
async function whenShipped(step: () => Promise<PartStep | null>): Promise<PartStep | null> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof NotShipped)) throw error
    return { kind: 'wait', untilMs: error.untilMs, why: error.message }
  }
}

async function beginPart(work: PartWork): Promise<void> {
  const { target } = planOf(work, null)
  const { name: upstream } = target.upstream
  const id = newId('bat', work.clock.nowMs())
  const { id: runId } = work.row
  await work.own((transaction, now) =>
    insertBatch(transaction, { id, runId, upstream, model: target.model }, now),
  )
}

async function stepOf(work: PartWork, batch: BatchRow): Promise<PartStep | null> {
  switch (batch.state) {
    case 'preparing':
      return await prepared(work, batch)
    case 'prepared':
      return await submitPart(work, batch, planOf(work, batch))
    case 'submitting':
      return await submitAgain(work, batch, planOf(work, batch))
    case 'submitted':
    case 'ended':
      return await followPart(work, batch)
  }
}

/** An index may be asked through a model elsewhere, which can be away. */
async function prepared(work: PartWork, batch: BatchRow): Promise<PartStep | null> {
  try {
    await preparePart(work, batch, planOf(work, batch))
    return null
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    const kept = await findLiveBatch(work.sql, work.row.id)
    return await postponed(work, kept ?? batch, error)
  }
}

/** What was not submitted is forgotten; what may have been is looked for, asked to stop, and taken as far as it got. */
async function letGo(work: PartWork, batch: BatchRow): Promise<PartStep | null> {
  const unreachable = whyUnreachable(work, batch)
  if (unreachable !== null) {
    await work.own(async (transaction, now) => {
      await changeBatch(transaction, batch.id, { state: 'ended', note: unreachable, endedAt: now }, now)
      await forgetBodies(transaction, batch.id)
    })
    return null
  }
  if (batch.state === 'submitted') return await followPart(work, batch)
  if (batch.state === 'submitting') {
    const found = await lookForSubmitted(work, batch, planOf(work, batch))
    if (found !== 'none') return found
  }
  await work.own((transaction) => deleteBatch(transaction, batch.id))
  return null
}

/** Why nobody can be told to stop: the subject can be asked in batches no more. */
function whyUnreachable(work: PartWork, batch: BatchRow): string | null {
  try {
    planOf(work, batch)
    return null
  } catch (error) {
    if (error instanceof RequestError) return error.message
    if (error instanceof UpstreamError) return null
    throw error
  }
}
