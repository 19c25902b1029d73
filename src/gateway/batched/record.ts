/**
 * The log row of one request of a batch, made when its end is known; pure. That it was sent stands on the log before, as an event with
 * the digest of the file it was in.
 */

import type { AttemptRecord, AuditLog, CloseRecord, RetrievalRecord } from '../../audit/record.ts'
import { type GatewayError, toOpenAIError, type UpstreamError } from '../../errors.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import type { BatchResult } from '../../providers/batches.ts'
import { type Answer, MAX_DETAIL_BYTES } from '../attempt.ts'
import { withCitations } from '../contexts.ts'
import { costOfAnswer } from '../cost.ts'
import type { GatewayDeps } from '../deps.ts'
import { readWhole } from '../gather-answer.ts'
import { openRecord } from '../open-record.ts'
import { parseBody, type RequestEnvelope } from '../request.ts'
import type { BatchedPlan } from './target.ts'

export type BatchedRequest = {
  envelope: RequestEnvelope
  /** As the caller would have sent it. */
  bytes: Buffer
  sentDigest: string
  retrieval: RetrievalRecord | null
}
/** How it ended: answered, or not at all. `left`: nobody waits for it any more. */
export type BatchedEnd =
  | Extract<BatchResult['end'], { kind: 'answered' }>
  | { kind: 'failed' | 'left'; error: UpstreamError }
/** What became of it for whoever asked. `cost` in micro-USD at the price of batches, null for unknown. */
export type Settled =
  | { kind: 'answered'; body: JsonObject; cost: bigint | null }
  | { kind: 'failed'; error: GatewayError }

/** The row as the log takes it: one WHOLE. */
export type BatchedRow = Parameters<AuditLog['whole']>

/** Throws RequestError for bytes that are no request. */
export function batchedRow(
  deps: Pick<GatewayDeps, 'clock' | 'snapshot'>,
  batched: BatchedPlan,
  request: BatchedRequest,
  end: BatchedEnd,
): { row: BatchedRow; settled: Settled } {
  const { envelope, bytes } = request
  const open = openRecord(envelope, parseBody('chat', bytes), batched.plan)
  const read = readEnd(batched, end)
  if (read.kind === 'failed') {
    const { error } = read
    const { status, body } = toOpenAIError(error, envelope.id)
    const answer = Buffer.from(JSON.stringify(body))
    const outcome = end.kind === 'left' ? 'client_abort' : outcomeOf(error)
    const close = closeRecord(deps, batched, request, { error, outcome, status, answer })
    return { row: [open, close, bytes, answer], settled: read }
  }
  const answer = cited(batched, request, read.answer.last)
  const answered = { answered: read.answer, outcome: 'completed', status: 200, answer } as const
  const close = closeRecord(deps, batched, request, answered)
  const parsed: unknown = JSON.parse(answer.toString('utf8'))
  const cost = close.costMicroUsd === undefined ? null : BigInt(close.costMicroUsd)
  return {
    row: [open, close, bytes, answer],
    settled: { kind: 'answered', body: isJsonObject(parsed) ? parsed : {}, cost },
  }
}

/** As serving does it for a whole answer from an index. */
function cited({ plan }: BatchedPlan, { retrieval }: BatchedRequest, answer: Buffer): Buffer {
  const index = plan.release?.index ?? null
  return index === null || retrieval === null ? answer : withCitations(answer, index.ref, retrieval)
}

type Read = { kind: 'answered'; answer: Answer } | { kind: 'failed'; error: UpstreamError }

function readEnd({ target }: BatchedPlan, end: BatchedEnd): Read {
  if (end.kind !== 'answered') return { kind: 'failed', error: end.error }
  const { body, requestId: upstreamRequestId } = end
  const head = { status: 200, contentType: 'application/json', headers: {}, upstreamRequestId }
  const read = readWhole(target, head, body)
  if (read.kind === 'answered') return read
  if (read.kind === 'failed') return { kind: 'failed', error: read.error }
  throw new Error('A whole answer was read as one that was broken off.')
}

type End = {
  outcome: CloseRecord['outcome']
  status: number
  answer: Buffer
  answered?: Answer
  error?: UpstreamError
}

function closeRecord(
  { clock, snapshot }: Pick<GatewayDeps, 'clock' | 'snapshot'>,
  { target }: BatchedPlan,
  { envelope, bytes, sentDigest, retrieval }: BatchedRequest,
  { outcome, status, answer, answered, error }: End,
): CloseRecord {
  const durationMs = Math.max(0, clock.nowMs() - envelope.receivedAtMs)
  const usage = answered?.usage ?? null
  const cost = costOfAnswer(snapshot().registry, {
    projectId: envelope.key.projectId,
    target,
    operation: 'chat',
    usage,
    atMs: envelope.receivedAtMs,
    inBatch: true,
  })
  const detail = error?.detail ?? null
  const attempt: AttemptRecord = {
    upstream: target.upstream.name,
    model: target.model,
    startedMs: 0,
    durationMs,
    status: answered?.head.status ?? error?.upstreamStatus ?? null,
    error: error?.code ?? null,
    detail: detail === null ? null : target.upstream.redact(detail).slice(0, MAX_DETAIL_BYTES),
    upstreamRequestId: answered?.head.upstreamRequestId ?? error?.upstreamRequestId ?? null,
    sentDigest,
    ...(target.version !== undefined && { modelVersion: target.version.name }),
  }
  return {
    id: envelope.id,
    outcome,
    status,
    errorCode: error?.code ?? null,
    upstream: target.upstream.name,
    model: target.model,
    attempts: [attempt],
    usage,
    finishReason: answered?.finishReason ?? null,
    ttftMs: null,
    durationMs,
    requestBytes: bytes.length,
    responseBytes: answer.length,
    truncated: false,
    occurrences: 1,
    ...(retrieval !== null && { retrieval }),
    ...(cost !== null && { costMicroUsd: Number(cost.microUsd), price: cost.price }),
  }
}

function outcomeOf({ code }: UpstreamError): CloseRecord['outcome'] {
  return code === 'upstream_timeout' ? 'timeout' : 'upstream_error'
}
