/**
 * Ends requests of a part, some at a time: their rows go to the log, then their results are kept and they count as settled, in one
 * transaction. Killed in between, the next one waits until what the log got is in the database, and writes only what is missing.
 */

import { UpstreamError } from '../../../errors.ts'
import { type BatchedEnd, batchedRow, type Settled } from '../../../gateway/batched/record.ts'
import type { BatchedPlan } from '../../../gateway/batched/target.ts'
import { answered, failed, questionOf } from '../answer-unit.ts'
import { readChat } from '../ask.ts'
import { insertResult, type ResultRow } from '../result-rows.ts'
import { type BatchRow, findLogged, markRecorded, settleRequests, type WaitingRequest } from './batch-rows.ts'
import { bytesOf, envelopeOf, keyNow, type PartWork } from './part.ts'
import type { KeptRetrieval } from './prepare-part.ts'

/** How a request ended. Without `keep` it is not kept as a result: it is asked again, or nobody wants it any more. */
export type Ending = { request: WaitingRequest; end: BatchedEnd; state: 'taken' | 'again' | 'left' }

/** A unit is sent in so many batches that leave it unanswered, before that is its result. */
const MAX_BATCHES = 3

/** What becomes of a request that its batch did not get to. Nobody is paid for it. */
export function unanswered({ lettingGo }: PartWork, request: WaitingRequest, why: string): Ending {
  const failure = (message: string) => new UpstreamError('upstream_timeout', message, { retryable: false })
  if (lettingGo) return { request, end: { kind: 'left', error: failure(why) }, state: 'left' }
  const isLast = request.tries >= MAX_BATCHES
  const message = isLast ? `${why} It went out in ${request.tries} batches, and none got to it.` : why
  return { request, end: { kind: 'failed', error: failure(message) }, state: isLast ? 'taken' : 'again' }
}

/** How long rows take from a log that was cut off to the database, once its process begins again. */
const SHIPPED_MS = 2 * 60_000

/** Rows that were cut off may be on the log, and cannot be seen there yet. */
export class NotShipped extends Error {
  override name = 'NotShipped'
  readonly untilMs: number
  constructor(untilMs: number) {
    super('Rows of the log that a worker was interrupted at are waited for.')
    this.untilMs = untilMs
  }
}

/** Each request at most once. Throws NotShipped, before anything is written. */
export async function settle(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
  endings: readonly Ending[],
): Promise<void> {
  if (endings.length === 0) return
  const { plane, row, content, sql, clock } = work
  const cut = endings.filter(({ request }) => request.recordedAt !== null).map(({ request }) => request)
  const untilMs = Math.max(...cut.map(({ recordedAt }) => Date.parse(recordedAt ?? '') + SHIPPED_MS))
  if (clock.nowMs() < untilMs) throw new NotShipped(untilMs)
  const logged = await findLogged(
    sql,
    cut.map(({ requestId }) => requestId),
  )
  const lines = endings.map(({ request: { line } }) => line)
  await work.own((transaction, now) => markRecorded(transaction, batch.id, lines, now))
  const writes: Promise<void>[] = []
  const results: { result: ResultRow; key: string | null }[] = []
  for (const { request, end, state } of endings) {
    const question = questionOf(content, request)
    if (question === null) throw new Error(`The item ${request.item.id} asks nothing any more.`)
    const kept = keptOf(request)
    const envelope = envelopeOf(row, request.requestId)
    const { sentDigest } = request
    const retrieval = kept?.record ?? null
    const one = { envelope, bytes: bytesOf(question), sentDigest, retrieval }
    const { row: record, settled } = batchedRow(plane.gateway, planned, one, end)
    if (!logged.has(request.requestId)) writes.push(plane.gateway.audit.whole(...record))
    if (state === 'taken') {
      const result = resultOf(request, settled, kept)
      // As a single call's: where upstreams have changed meanwhile nobody can tell who answered.
      const isSame = result.outcome === 'answered' && keyNow(work, request) === request.answerKey
      results.push({ result, key: isSame ? request.answerKey : null })
    }
  }
  await Promise.all(writes)
  const states = endings.map(({ request: { line }, state }) => ({ line, state }))
  await work.own(async (transaction, now) => {
    for (const { result, key } of results) await insertResult(transaction, row.id, result, now, key)
    await settleRequests(transaction, batch.id, states)
  })
}

function keptOf({ retrieval }: WaitingRequest): KeptRetrieval | null {
  return retrieval === null ? null : (JSON.parse(retrieval) as KeptRetrieval)
}

/** Without a latency: how long a batch waited says nothing of an answer. */
function resultOf(request: WaitingRequest, settled: Settled, kept: KeptRetrieval | null): ResultRow {
  const { requestId, tries } = request
  if (settled.kind === 'failed') {
    const { code, message } = settled.error
    return failed(request, requestId, tries, { code, message })
  }
  const answer = {
    ...readChat(settled.body),
    contexts: kept?.contexts ?? [],
    retrieved: kept?.retrieved ?? null,
    cost: settled.cost,
    free: false,
  }
  return answered(request, { requestId, latencyMs: null, answer }, tries)
}
