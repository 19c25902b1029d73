/** The OPEN part of a request's log row, from what is known before anything is decided. */

import type { OpenRecord } from '../audit/record.ts'
import type { RequestSeen } from '../telemetry/requests.ts'
import type { Plan } from './plan.ts'
import type { ParsedBody, RequestEnvelope } from './request.ts'

/** `body` is null when it could not be parsed, `plan` when there is none. */
export function openRecord(
  envelope: RequestEnvelope,
  body: ParsedBody | null,
  plan: Pick<Plan, 'route' | 'release'> | null,
): OpenRecord {
  const { key, replayOf, shadowOf } = envelope
  const record: OpenRecord = {
    id: envelope.id,
    startedAtMs: envelope.receivedAtMs,
    projectId: key.projectId,
    keyId: key.id,
    keyName: key.name,
    method: envelope.method,
    path: envelope.path,
    operation: envelope.operation,
    requestedModel: body?.model.slice(0, 256) ?? null,
    route: plan?.route ?? null,
    stream: body?.stream ?? false,
    clientRequestId: envelope.clientRequestId,
    subject: envelope.subject ?? body?.endUser ?? null,
    dataKey: null,
  }
  if (replayOf !== undefined) record.replayOf = replayOf
  if (shadowOf !== undefined) record.shadowOf = shadowOf
  if (plan !== null && plan.release !== null) {
    record.release = plan.release.id
    const prompt = plan.release.prompt()
    if (prompt !== null) record.prompt = prompt.ref
    if (plan.release.index !== null) record.index = plan.release.index.ref
  }
  return record
}

/** The same for metrics and traces. `stream` is false where no body could be read. */
export function requestSeen(
  envelope: RequestEnvelope,
  body: Pick<ParsedBody, 'stream'> | null,
  plan: Pick<Plan, 'route' | 'release'> | null,
): RequestSeen {
  const release = plan?.release ?? null
  return {
    id: envelope.id,
    operation: envelope.operation,
    receivedAtMs: envelope.receivedAtMs,
    route: plan?.route ?? null,
    release: release === null ? null : `r${release.number}`,
    stream: body?.stream ?? false,
    shadow: envelope.shadowOf !== undefined,
    traceparent: envelope.traceparent ?? null,
  }
}
