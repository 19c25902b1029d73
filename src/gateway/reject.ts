/** Requests that are answered without an upstream: one WHOLE record, then the error object. */

import { type CloseRecord, NOTHING_FROM_UPSTREAM } from '../audit/record.ts'
import { GatewayError, toOpenAIError } from '../errors.ts'
import type { Client } from './client.ts'
import type { GatewayDeps } from './deps.ts'
import { openRecord, requestSeen } from './open-record.ts'
import type { Plan } from './plan.ts'
import type { ParsedBody, RequestEnvelope } from './request.ts'

/** Kept of a body that was refused: enough to see what was wrong with it. */
const MAX_KEPT_BYTES = 64 * 1024

export type Rejection = {
  envelope: RequestEnvelope
  body: ParsedBody | null
  /** Where it would have gone, when that was decided. */
  plan?: Pick<Plan, 'route' | 'release'>
  bytes: Buffer
  error: unknown
  extraHeaders: Readonly<Record<string, string>>
  client: Client
}

/** Writes the row and the answer. An error that is not a GatewayError is a bug: reported, and a 500 to the caller. */
export async function recordRejection(
  deps: Pick<GatewayDeps, 'audit' | 'clock' | 'observer' | 'reportBug'>,
  { envelope, body, plan, bytes, error, extraHeaders, client }: Rejection,
): Promise<void> {
  if (!(error instanceof GatewayError)) deps.reportBug(error, envelope.id)
  const rendered = toOpenAIError(error, envelope.id)
  const answer = Buffer.from(JSON.stringify(rendered.body))
  const kept = bytes.subarray(0, MAX_KEPT_BYTES)
  const end: CloseRecord = {
    id: envelope.id,
    outcome: client.gone ? 'client_abort' : 'rejected',
    status: rendered.status,
    errorCode: rendered.body.error.code,
    ...NOTHING_FROM_UPSTREAM,
    durationMs: deps.clock.monotonicMs() - envelope.startedMs,
    requestBytes: bytes.length,
    responseBytes: answer.length,
    truncated: kept.length < bytes.length,
    occurrences: 1,
  }
  await deps.audit.whole(openRecord(envelope, body, plan ?? null), end, kept, answer)
  deps.observer.ended(requestSeen(envelope, body, plan ?? null), end)
  const headers: Record<string, string> = {
    ...extraHeaders,
    ...rendered.headers,
    'content-type': 'application/json',
    'content-length': String(answer.length),
    'x-request-id': envelope.id,
  }
  if (envelope.clientRequestId !== null) headers['x-client-request-id'] = envelope.clientRequestId
  client.start(rendered.status, headers)
  client.end(answer)
}
