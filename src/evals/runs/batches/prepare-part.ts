/** Makes the requests of a part: each as the data plane would send it. Killed, it goes on behind the last one that is kept. */

import { GatewayError, UpstreamError } from '../../../errors.ts'
import { type Rendered, renderBatched } from '../../../gateway/batched/render.ts'
import type { BatchedPlan } from '../../../gateway/batched/target.ts'
import { recordRejection } from '../../../gateway/reject.ts'
import { silentClient } from '../../../gateway/shadows/silent-client.ts'
import { newId } from '../../../lib/ids.ts'
import { asksNothing, failed, questionOf } from '../answer-unit.ts'
import { insertResult, type Place, type ResultRow, readPending, type Unit } from '../result-rows.ts'
import { takeAnswers } from '../taken-over/take-over.ts'
import {
  addRequests,
  type BatchRow,
  changeBatch,
  deleteBatch,
  findLastPlace,
  type NewRequest,
} from './batch-rows.ts'
import { bytesOf, envelopeOf, keyNow, type PartWork, tell } from './part.ts'

const PAGE = 100
/** Of the bodies; the upstream allows more, and a worker holds the file when it sends it. */
const MAX_PART_BYTES = 64 * 1024 ** 2

/** Afterwards the part is `prepared`, or gone when there was nothing to send. */
export async function preparePart(work: PartWork, batch: BatchRow, planned: BatchedPlan): Promise<void> {
  const { sql, row } = work
  const index = planned.plan.release?.index ?? null
  if (index !== null) {
    // An index may be asked through a model elsewhere.
    await tell(work, 'eval_batch.prepare', { batch: batch.id, part: batch.part, index: index.ref })
  }
  const last = await findLastPlace(sql, batch.id)
  let after: Place | null = last
  let lines = last?.line ?? 0
  let { bytes } = batch
  const isFull = () => lines >= planned.batches.maxRequests || bytes >= MAX_PART_BYTES
  while (!isFull()) {
    const pending: Unit[] = await readPending(sql, row, after, PAGE, 'answer')
    if (pending.length === 0) break
    const units = await takeAnswers(work, row, work.content, pending)
    const requests: NewRequest[] = []
    const refused: ResultRow[] = []
    for (const unit of units) {
      if (isFull()) break
      after = { position: unit.position, repeat: unit.repeat }
      if (unit.result !== null) continue
      const made = await makeRequest(work, planned, unit)
      if ('outcome' in made) refused.push(made)
      else {
        lines += 1
        bytes += Buffer.byteLength(made.body)
        const answerKey = keyNow(work, unit)
        requests.push({ ...made, line: lines, answerKey })
      }
    }
    await work.own(async (transaction, now) => {
      await addRequests(transaction, batch, requests, now)
      for (const result of refused) await insertResult(transaction, row.id, result, now)
    })
  }
  await work.own(async (transaction, now) => {
    if (lines === 0) await deleteBatch(transaction, batch.id)
    else await changeBatch(transaction, batch.id, { state: 'prepared' }, now)
  })
}

/** The request, or the result of one that would not have left this process. Throws what another try may mend. */
async function makeRequest(
  { plane, clock, row, content, signal }: PartWork,
  planned: BatchedPlan,
  unit: Unit,
): Promise<Omit<NewRequest, 'line' | 'answerKey'> | ResultRow> {
  signal.throwIfAborted()
  const question = questionOf(content, unit)
  if (question === null) return asksNothing(unit)
  const requestId = newId('req', clock.nowMs())
  const envelope = envelopeOf(row, requestId)
  const bytes = bytesOf(question)
  const client = silentClient()
  const leave = () => client.leave()
  signal.addEventListener('abort', leave, { once: true })
  try {
    const made = await renderBatched(plane.gateway, planned, { envelope, bytes }, client)
    const { position, repeat } = unit
    const { sentDigest } = made
    return {
      position,
      repeat,
      requestId,
      body: made.sent.toString('utf8'),
      sentDigest,
      retrieval: keptOf(made),
    }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof GatewayError) || (error instanceof UpstreamError && error.retryable)) throw error
    await recordRejection(plane.gateway, {
      envelope: { ...envelope, startedMs: clock.monotonicMs() },
      body: null,
      plan: planned.plan,
      bytes,
      error,
      extraHeaders: {},
      client: silentClient(),
    })
    return failed(unit, requestId, 1, { code: error.code, message: error.message })
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

/** What is needed of a search when the answer comes: the log's record, and the texts for scorers. */
export type KeptRetrieval = {
  record: NonNullable<Rendered['record']>
  contexts: readonly string[]
  retrieved: readonly string[]
}

function keptOf({ record, retrieval }: Rendered): string | null {
  if (record === null || retrieval === null) return null
  const kept: KeptRetrieval = {
    record,
    contexts: retrieval.chunks.map(({ text }) => text),
    retrieved: retrieval.chunks.map(({ key }) => key),
  }
  return JSON.stringify(kept)
}
