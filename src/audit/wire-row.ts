/** A row of the log as /api, exports and the command line spell it: snake_case, times in ISO 8601, bodies as text. */

import type { AttemptRecord, RetrievalRecord } from './record.ts'
import type { RequestRow } from './store.ts'

/** The names and values of one row; the same wherever it leaves Aval. */
export type WireRow = ReturnType<typeof rowToWire>

export function rowToWire(row: RequestRow) {
  return {
    id: row.id,
    key_id: row.keyId,
    key_name: row.keyName,
    method: row.method,
    path: row.path,
    operation: row.operation,
    requested_model: row.requestedModel,
    route: row.route,
    upstream: row.upstream,
    model: row.model,
    stream: row.stream,
    outcome: row.outcome,
    status: row.status,
    error_code: row.errorCode,
    finish_reason: row.finishReason,
    started_at: row.startedAt.toISOString(),
    duration_ms: row.durationMs,
    ttft_ms: row.ttftMs,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    cached_input_tokens: row.cachedInputTokens,
    reasoning_tokens: row.reasoningTokens,
    attempts: row.attempts.map(attemptToWire),
    client_request_id: row.clientRequestId,
    subject: row.subject,
    request_bytes: row.requestBytes,
    response_bytes: row.responseBytes,
    truncated: row.truncated,
    occurrences: row.occurrences,
    replay_of: row.replayOf,
    shadow_of: row.shadowOf,
    release_id: row.releaseId,
    prompt: row.prompt,
    cost_micro_usd: row.costMicroUsd === null ? null : Number(row.costMicroUsd),
    price: row.price,
    index: row.index,
    retrieval: row.retrieval === null ? null : retrievalToWire(row.retrieval),
  }
}

/** Attempts are stored as the gateway recorded them; the wire is snake_case. */
function attemptToWire(attempt: AttemptRecord): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attempt).map(([field, value]) => [
      field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  )
}

function retrievalToWire({ contexts, without, durationMs }: RetrievalRecord) {
  return { contexts: contexts.map((context) => ({ ...context })), without, duration_ms: durationMs }
}

/** A body that is no UTF-8 text goes as base64. */
export function bodyToWire(kept: string | Buffer | null): {
  text: string | null
  encoding: 'utf8' | 'base64'
} {
  if (Buffer.isBuffer(kept)) return { text: kept.toString('base64'), encoding: 'base64' }
  return { text: kept, encoding: 'utf8' }
}
