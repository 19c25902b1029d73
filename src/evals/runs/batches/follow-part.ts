/** Looks at a submitted part: says how far it is, asks a late one to stop, and takes what an ended one gives. */

import { UpstreamError } from '../../../errors.ts'
import type { BatchedPlan } from '../../../gateway/batched/target.ts'
import type { UpstreamBatch } from '../../../providers/batches.ts'
import { type BatchRow, changeBatch } from './batch-rows.ts'
import { type PartStep, type PartWork, planOf, waitFor } from './part.ts'
import { giveUp, takeRefusal, takeResults } from './take-results.ts'

/** Of a batch that was asked to stop at its deadline, or whose upstream is away. */
const GRACE_MS = 2 * 3_600_000

/** Null: the part has ended. Throws NotShipped. */
export async function followPart(work: PartWork, batch: BatchRow): Promise<PartStep | null> {
  try {
    const planned = planOf(work, batch)
    const upstream = await planned.batches.read(batch.batchId ?? '', work.signal)
    return await lookAt(work, batch, planned, upstream)
  } catch (error) {
    work.signal.throwIfAborted()
    if (!(error instanceof UpstreamError)) throw error
    return await postponed(work, batch, error)
  }
}

async function lookAt(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
  upstream: UpstreamBatch,
): Promise<PartStep | null> {
  switch (upstream.phase) {
    case 'under-way':
      return await goOn(work, batch, planned, upstream)
    case 'refused':
      await takeRefusal(work, batch, planned, upstream)
      return null
    case 'ended':
    case 'cut':
    case 'failed':
      await takeResults(work, batch, planned, upstream)
      return null
  }
}

async function goOn(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
  { status, counts }: UpstreamBatch,
): Promise<PartStep | null> {
  const nowMs = work.clock.nowMs()
  const endMs = Date.parse(batch.deadline ?? '')
  if (nowMs > endMs + GRACE_MS) {
    await giveUp(work, batch, planned, tooLate(batch, planned))
    return null
  }
  const isOver = work.lettingGo || nowMs > endMs
  const cancelledAt = batch.cancelledAt ?? (isOver ? await cancel(work, batch, planned) : null)
  const looks = batch.looks + 1
  await work.own((transaction, now) =>
    changeBatch(transaction, batch.id, { status, ...counts, looks, cancelledAt, note: null }, now),
  )
  // One that was asked to stop does so within minutes.
  return { kind: 'wait', untilMs: waitFor(work, cancelledAt === null ? looks : 0), why: null }
}

/** When it was asked. One that cannot be stopped has ended by now, which the next look sees. */
async function cancel(
  { signal, clock }: PartWork,
  { batchId }: BatchRow,
  { batches }: BatchedPlan,
): Promise<string> {
  try {
    await batches.cancel(batchId ?? '', signal)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof UpstreamError) || error.retryable) throw error
  }
  return new Date(clock.nowMs()).toISOString()
}

/** An upstream that is away, or does not know the batch just now, is asked again until long after the deadline. */
async function postponed(work: PartWork, batch: BatchRow, error: UpstreamError): Promise<PartStep | null> {
  const why = `The batch of part ${batch.part} cannot be looked at: ${error.message}`
  if (work.clock.nowMs() > Date.parse(batch.deadline ?? '') + GRACE_MS) {
    const planned = planOf(work, batch)
    await giveUp(work, batch, planned, tooLate(batch, planned, error))
    return null
  }
  const looks = batch.looks + 1
  await work.own((transaction, now) => changeBatch(transaction, batch.id, { looks, note: why }, now))
  return { kind: 'wait', untilMs: waitFor(work, looks), why }
}

function tooLate(
  { batchId, deadline }: BatchRow,
  { target }: BatchedPlan,
  cause?: UpstreamError,
): UpstreamError {
  const said = cause === undefined ? '' : ` ${cause.message}`
  const message = `The batch ${batchId} of upstream "${target.upstream.name}" gave no answer to this request by ${deadline}.${said} It may still be paid for.`
  return new UpstreamError('upstream_timeout', message, { retryable: false })
}
