/** Takes what an ended batch gives: answers, failures, and what became of requests that no line names. Each exactly once. */

import { UpstreamError } from '../../../errors.ts'
import type { BatchedPlan } from '../../../gateway/batched/target.ts'
import { notAnswered } from '../../../providers/batch-results.ts'
import type { BatchResult, UpstreamBatch } from '../../../providers/batches.ts'
import { RunRefused } from '../run-refused.ts'
import {
  type BatchRow,
  changeBatch,
  countKnown,
  forgetBodies,
  readWaiting,
  type WaitingRequest,
} from './batch-rows.ts'
import type { PartWork } from './part.ts'
import { type Ending, settle, unanswered } from './settle-requests.ts'

const PAGE = 50
/** Of one answer, and of a file: that much for each request is far more than any model says. */
const MAX_LINE_BYTES = 8 * 1024 ** 2
const BYTES_PER_REQUEST = 1024 ** 2
const MAX_FILE_BYTES = 2 * 1024 ** 3
/** Answers that are held before they are kept. */
const MAX_HELD_BYTES = 2 * MAX_LINE_BYTES

/** Throws UpstreamError while results cannot be had. Afterwards the part has ended. */
export async function takeResults(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
  upstream: UpstreamBatch,
): Promise<void> {
  const strange = { lines: 0, long: 0 }
  let tooLarge: UpstreamError | null = null
  for (const name of upstream.results) {
    try {
      await takeFrom(work, batch, planned, name, strange)
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.code !== 'upstream_too_large') throw error
      tooLarge = error
    }
  }
  const missing = (request: WaitingRequest): Ending => {
    if (tooLarge !== null) return failedWith(request, tooLarge)
    if (upstream.phase === 'cut') return unanswered(work, request, cutWords(planned, upstream))
    return failedWith(request, missed(planned, upstream))
  }
  await settleRest(work, batch, planned, missing)
  await endPart(work, batch, { status: upstream.status, counts: upstream.counts, note: noteOf(strange) })
}

/**
 * The upstream refused the batch. Lines that it names fail with its reason and the others go out again; without a line the run ends
 * with its words (RunRefused). Nothing was asked.
 */
export async function takeRefusal(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
  upstream: UpstreamBatch,
): Promise<void> {
  const { name } = planned.target.upstream
  const byLine = new Map(
    upstream.errors.flatMap((error) => (error.line === null ? [] : [[error.line, error]])),
  )
  const words = upstream.errors.map(({ code, message }) => `${code}: ${message}`).join(' ')
  const whole =
    `Upstream "${name}" refused the requests of part ${batch.part}, and nothing of it was asked. ${words}`.trim()
  await settleRest(work, batch, planned, (request) => {
    const error = byLine.get(request.line)
    if (error !== undefined) return failedWith(request, notAnswered(name, error))
    const again = unanswered(work, request, `Upstream "${name}" refused the batch that this request was in.`)
    return byLine.size > 0 ? again : { ...again, state: 'left' }
  })
  await endPart(work, batch, { status: upstream.status, counts: upstream.counts, note: words })
  if (byLine.size === 0 && !work.lettingGo) throw new RunRefused(whole)
}

/** Ends a part that nobody hears of any more, with this for everything that is not settled. */
export async function giveUp(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
  error: UpstreamError,
): Promise<void> {
  await settleRest(work, batch, planned, (request) => failedWith(request, error))
  await endPart(work, batch, { status: batch.status, counts: null, note: error.message })
}

async function takeFrom(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
  name: string,
  strange: { lines: number; long: number },
): Promise<void> {
  const maxBytes = Math.min(MAX_FILE_BYTES, MAX_LINE_BYTES + batch.requests * BYTES_PER_REQUEST)
  const limits = { maxBytes, maxLineBytes: MAX_LINE_BYTES }
  const results = planned.batches.results({ name, model: batch.model }, limits, work.signal)
  let page = new Map<string, BatchResult>()
  let heldBytes = 0
  const takePage = async () => {
    const ids = [...page.keys()]
    strange.lines += page.size - (await countKnown(work.sql, batch.id, ids))
    const waiting = await readWaiting(work.sql, work.row, batch.id, { ids })
    const endings = waiting.flatMap((request) => {
      const result = page.get(request.requestId)
      return result === undefined ? [] : [endingOf(work, planned, request, result)]
    })
    page = new Map()
    heldBytes = 0
    await settle(work, batch, planned, endings)
  }
  for await (const result of results) {
    work.signal.throwIfAborted()
    if (result === 'long') strange.long += 1
    else if (result === 'strange' || page.has(result.id)) strange.lines += 1
    else {
      page.set(result.id, result)
      if (result.end.kind === 'answered') heldBytes += result.end.body.length
    }
    if (page.size >= PAGE || heldBytes >= MAX_HELD_BYTES) await takePage()
  }
  await takePage()
}

function endingOf(
  work: PartWork,
  { target }: BatchedPlan,
  request: WaitingRequest,
  { end }: BatchResult,
): Ending {
  if (end.kind === 'untouched') {
    const { name } = target.upstream
    return unanswered(work, request, `Upstream "${name}" did not get to this request in time (${end.code}).`)
  }
  return { request, end, state: 'taken' }
}

function failedWith(request: WaitingRequest, error: UpstreamError): Ending {
  return { request, end: { kind: 'failed', error }, state: 'taken' }
}

/** Of a request that its batch says nothing of, and may have asked all the same. */
function missed({ target }: BatchedPlan, { id, phase, status, errors }: UpstreamBatch): UpstreamError {
  const whose = `The batch ${id} of upstream "${target.upstream.name}"`
  if (phase === 'ended') {
    const message = `${whose} ended without a word about this request.`
    return new UpstreamError('upstream_malformed', message, { retryable: false })
  }
  const detail = errors.map(({ code, message }) => `${code}: ${message}`).join(' ')
  const message = `${whose} ended as ${status} and gave no answer to this request. It may be paid for all the same.`
  return new UpstreamError('upstream_unavailable', message, {
    retryable: false,
    ...(detail !== '' && { detail }),
  })
}

function cutWords({ target }: BatchedPlan, { id, status }: UpstreamBatch): string {
  return `The batch ${id} of upstream "${target.upstream.name}" was ${status} before it got to this request.`
}

async function settleRest(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
  endingFor: (request: WaitingRequest) => Ending,
): Promise<void> {
  for (;;) {
    work.signal.throwIfAborted()
    const waiting = await readWaiting(work.sql, work.row, batch.id, { limit: PAGE })
    if (waiting.length === 0) return
    await settle(work, batch, planned, waiting.map(endingFor))
  }
}

async function endPart(
  work: PartWork,
  batch: BatchRow,
  { status, counts, note }: Pick<UpstreamBatch, 'counts'> & { status: string | null; note: string | null },
): Promise<void> {
  const endedAt = new Date(work.clock.nowMs()).toISOString()
  await work.own(async (transaction, now) => {
    await changeBatch(transaction, batch.id, { state: 'ended', status, ...counts, note, endedAt }, now)
    await forgetBodies(transaction, batch.id)
  })
}

function noteOf({ lines, long }: { lines: number; long: number }): string | null {
  const words = [
    lines === 0
      ? null
      : `${lines} lines of its results name no request of this part, or one twice, and were left out.`,
    long === 0 ? null : `${long} lines are longer than ${MAX_LINE_BYTES} bytes, and were left out.`,
  ].filter((sentence) => sentence !== null)
  return words.length === 0 ? null : words.join(' ')
}
