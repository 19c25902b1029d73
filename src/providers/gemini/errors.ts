/** Google error objects -> UpstreamError, for errors that arrive inside a 200 (https://ai.google.dev/gemini-api/docs/troubleshooting). */

import { type ErrorCode, UpstreamError } from '../../errors.ts'
import type { JsonObject } from '../../lib/json.ts'
import { bounded, countOf, objectOf, textOf } from '../chat/upstream-json.ts'

type Kind = { code: ErrorCode; retryable: boolean; status: number }

/** `status` names of google.rpc.Code. */
const KINDS = new Map<string, Kind>(
  Object.entries({
    INVALID_ARGUMENT: { code: 'upstream_refused', retryable: false, status: 400 },
    FAILED_PRECONDITION: { code: 'upstream_refused', retryable: false, status: 400 },
    OUT_OF_RANGE: { code: 'upstream_refused', retryable: false, status: 400 },
    NOT_FOUND: { code: 'upstream_refused', retryable: false, status: 404 },
    UNAUTHENTICATED: { code: 'upstream_auth', retryable: false, status: 401 },
    PERMISSION_DENIED: { code: 'upstream_auth', retryable: false, status: 403 },
    RESOURCE_EXHAUSTED: { code: 'upstream_rate_limited', retryable: true, status: 429 },
    CANCELLED: { code: 'upstream_unavailable', retryable: true, status: 499 },
    INTERNAL: { code: 'upstream_unavailable', retryable: true, status: 500 },
    UNAVAILABLE: { code: 'upstream_unavailable', retryable: true, status: 503 },
    DEADLINE_EXCEEDED: { code: 'upstream_timeout', retryable: true, status: 504 },
  }),
)

/** google.rpc.Code, where an error has only its number. */
const NAMES = new Map(
  Object.entries({
    CANCELLED: 1,
    UNKNOWN: 2,
    INVALID_ARGUMENT: 3,
    DEADLINE_EXCEEDED: 4,
    NOT_FOUND: 5,
    ALREADY_EXISTS: 6,
    PERMISSION_DENIED: 7,
    RESOURCE_EXHAUSTED: 8,
    FAILED_PRECONDITION: 9,
    ABORTED: 10,
    OUT_OF_RANGE: 11,
    UNIMPLEMENTED: 12,
    INTERNAL: 13,
    UNAVAILABLE: 14,
    DATA_LOSS: 15,
    UNAUTHENTICATED: 16,
  }).map(([name, code]) => [code, name]),
)

/** What an error object calls its kind; empty when it does not say. */
export function statusName({ status, code }: JsonObject): string {
  return textOf(status) || (typeof code === 'number' ? (NAMES.get(code) ?? '') : '')
}

/** `{error:{code, message, status}}` -> a typed error; the vendor's words stay in `detail`. */
export function toUpstreamError(body: JsonObject): UpstreamError {
  const error = objectOf(body.error)
  const status = textOf(error.status)
  const code = countOf(error.code)
  const kind = KINDS.get(status) ?? {
    code: 'upstream_unavailable',
    retryable: true,
    status: code !== null && code >= 400 ? code : 500,
  }
  return new UpstreamError(kind.code, `The upstream failed while answering (${status || 'no status'}).`, {
    retryable: kind.retryable,
    upstreamStatus: kind.status,
    detail: bounded(`${status}: ${textOf(error.message)}`),
  })
}
