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

/** `{error:{code, message, status}}` -> a typed error; the vendor's words stay in `detail`. */
export function toUpstreamError(body: JsonObject): UpstreamError {
  const error = objectOf(body.error)
  const status = textOf(error.status)
  const kind = KINDS.get(status) ?? {
    code: 'upstream_unavailable',
    retryable: true,
    status: countOf(error.code) ?? 500,
  }
  return new UpstreamError(kind.code, `The upstream failed while answering (${status || 'no status'}).`, {
    retryable: kind.retryable,
    upstreamStatus: kind.status,
    detail: bounded(`${status}: ${textOf(error.message)}`),
  })
}
