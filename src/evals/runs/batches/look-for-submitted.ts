/**
 * Looks at its upstream for a part whose submission may have arrived. Where it is found it is followed like any other; where nobody can
 * say for too long, it is given up, and never submitted again.
 */

import { UpstreamError } from '../../../errors.ts'
import type { BatchedPlan } from '../../../gateway/batched/target.ts'
import type { Batches, BatchOrder, UpstreamBatch } from '../../../providers/batches.ts'
import { RunRefused } from '../run-refused.ts'
import { type BatchRow, changeBatch, countKnown, findOthers } from './batch-rows.ts'
import { type PartStep, type PartWork, waitFor } from './part.ts'
import { giveUp } from './take-results.ts'

/** The upstream's own window, and some more for its clock. */
const WINDOW_MS = 26 * 3_600_000
/** Batches end within hours: looks are as seldom as they get. */
const SELDOM = 6
const MAX_SHOWN = 5
const MAX_ID_LETTERS = 100

/**
 * `none`: the upstream does not have it. Null: it was found, or it was given up for a run that is let go of. Throws UpstreamError,
 * NotShipped, and RunRefused for a part that was given up.
 */
export async function lookForSubmitted(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
): Promise<PartStep | null | 'none'> {
  const listed = listedMs(batch, planned.batches)
  const nowMs = work.clock.nowMs()
  if (nowMs < listed) return { kind: 'wait', untilMs: listed, why: null }
  const isOver = nowMs > listed + WINDOW_MS
  const seen = await look(work, batch, planned.batches, { listed, isOver })
  if (seen === 'none') return seen
  if (typeof seen !== 'string') {
    await adopt(work, batch, seen)
    return null
  }
  if (isOver) return await giveUpUnclear(work, batch, planned, seen)
  // The upstream answers, so tries of one that does not begin anew.
  await work.own((transaction, now) => changeBatch(transaction, batch.id, { looks: 0, note: seen }, now))
  return { kind: 'wait', untilMs: waitFor(work, SELDOM), why: seen }
}

/** The upstream has the batch, and it is followed from now on. */
export async function adopt({ own, clock }: PartWork, batch: BatchRow, found: UpstreamBatch): Promise<void> {
  const deadline = new Date(clock.nowMs() + WINDOW_MS).toISOString()
  const { id: batchId, status } = found
  await own((transaction, now) =>
    changeBatch(transaction, batch.id, { state: 'submitted', batchId, status, deadline, note: null }, now),
  )
}

/** When the upstream lists what it made of the submission. */
export function listedMs({ submittingAt }: BatchRow, batches: Batches): number {
  return Date.parse(submittingAt ?? '') + batches.listedMs
}

export function orderOf({ id, runId, part, model, requests }: BatchRow): BatchOrder {
  const metadata = { aval_batch: id, aval_run: runId, aval_part: String(part) }
  return { name: id, metadata, model, requests }
}

/** The batch, `none`, or in words why nobody can say. */
async function look(
  work: PartWork,
  batch: BatchRow,
  batches: Batches,
  { listed, isOver }: { listed: number; isOver: boolean },
): Promise<UpstreamBatch | string> {
  const { sql, signal } = work
  try {
    const found = await batches.find(
      {
        ...orderOf(batch),
        fileId: batch.fileId,
        // Of a part that was submitted more than once, any of them may have arrived.
        sinceMs: Date.parse(batch.createdAt),
        untilMs: listed,
        isOurs: async (ids) => (await countKnown(sql, batch.id, ids)) > 0,
        others: async (ids) => await findOthers(sql, batch, ids),
      },
      signal,
    )
    if (found.kind === 'none') return 'none'
    return found.kind === 'found' ? found.batch : unclear(batch, found.ids)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof UpstreamError) || !isOver) throw error
    return error.message
  }
}

function unclear({ requests, upstream }: BatchRow, ids: readonly string[]): string {
  const more = ids.length > MAX_SHOWN ? ` and ${ids.length - MAX_SHOWN} more` : ''
  const first = ids.slice(0, MAX_SHOWN).map((id) => id.slice(0, MAX_ID_LETTERS))
  const shown = `${first.join(', ')}${more}`
  return `Its submission was cut off. Upstream "${upstream}" has made batches of ${requests} requests since, and says whose they are when they have ended: ${shown}.`
}

async function giveUpUnclear(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
  why: string,
): Promise<null> {
  const { part, upstream, submittingAt } = batch
  const message = `Part ${part} was submitted to upstream "${upstream}" at ${submittingAt}, and whether it arrived could not be learned in ${WINDOW_MS / 3_600_000} hours. ${why} It was not submitted again, and may be paid for.`
  await giveUp(work, batch, planned, new UpstreamError('upstream_timeout', message, { retryable: false }))
  if (work.lettingGo) return null
  throw new RunRefused(
    `${message} Look for it there. What it does not have is asked again with: aval eval resume ${batch.runId} --retry-errors`,
  )
}
