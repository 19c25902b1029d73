/** The request log's wire as a replay reads it: rows, details, and which of them can be sent again. */

import { isJson } from '../../lib/json.ts'
import { scanTopLevel } from '../../lib/json-scan.ts'

export type LoggedRequest = {
  id: string
  key_id: string | null
  operation: string
  route: string | null
  model: string | null
  subject: string | null
  started_at: string
  /** Of a request whose release has one. */
  index: string | null
  stream: boolean
  outcome: string
  status: number
  error_code: string | null
  duration_ms: number
  ttft_ms: number | null
  input_tokens: number | null
  output_tokens: number | null
  truncated: boolean
  replay_of: string | null
}

export type LoggedDetail = LoggedRequest & {
  request_body: string | null
  request_body_encoding: string
  request_redacted: Readonly<Record<string, number>> | null
  response_body: string | null
  response_body_encoding: string
  response_redacted: Readonly<Record<string, number>> | null
  body_state: 'kept' | 'erased' | 'unreadable'
}

/** Where an operation is sent to. What is not here is not replayed: it has no answer in words or numbers to compare. */
const PATHS = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
  responses: '/v1/responses',
} as const
export type Operation = keyof typeof PATHS

/** Why a request that matches is left out, as it is told. */
export const SKIP_REASONS = {
  unsupported_operation: 'no chat, completion, embedding or response',
  replay: 'a replay itself',
  no_key: 'came without a valid key, so its body was never read',
  erased: 'its body was erased',
  unreadable: 'its body does not open: aval audit verify says more',
  redacted: 'values were taken out of its body before it was kept',
  cut: 'its body was kept in part',
  not_json: 'its body is no JSON object with a model',
} as const
export type SkipReason = keyof typeof SKIP_REASONS

/** Deeper bodies are refused by the gateway, so the log has them only as refusals. */
const MAX_DEPTH = 64

export function pathOf(operation: Operation): string {
  return PATHS[operation]
}

export function isOperation(text: string): text is Operation {
  return Object.hasOwn(PATHS, text)
}

/** What the row alone tells; null when its body has to be looked at. `withReplays`: they were asked for. */
export function skipRow(row: LoggedRequest, withReplays: boolean): SkipReason | null {
  if (!isOperation(row.operation)) return 'unsupported_operation'
  if (row.replay_of !== null && !withReplays) return 'replay'
  return row.key_id === null ? 'no_key' : null
}

/** The bytes the app sent and where its `model` stands in them, or why they cannot be sent again. */
export function bodyOf(
  detail: LoggedDetail,
): { bytes: Buffer; model: { start: number; end: number } } | SkipReason {
  if (detail.body_state !== 'kept') return detail.body_state
  if (detail.request_redacted !== null) return 'redacted'
  const unfit = detail.truncated ? 'cut' : 'not_json'
  if (detail.request_body === null || detail.request_body_encoding !== 'utf8') return unfit
  const bytes = Buffer.from(detail.request_body)
  if (!isJson(detail.request_body)) return unfit
  const model = scanTopLevel(bytes, MAX_DEPTH).entries.find(({ key }) => key === 'model')
  return model === undefined ? 'not_json' : { bytes, model }
}
