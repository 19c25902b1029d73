/** Anthropic error objects -> UpstreamError, for errors that arrive inside a 200 (https://platform.claude.com/docs/en/api/errors). */

import { type ErrorCode, UpstreamError } from '../../errors.ts'
import type { JsonObject } from '../../lib/json.ts'
import { bounded, objectOf, textOf } from '../chat/upstream-json.ts'

type Kind = { code: ErrorCode; retryable: boolean; status: number }

const KINDS = new Map<string, Kind>(
  Object.entries({
    invalid_request_error: { code: 'upstream_refused', retryable: false, status: 400 },
    authentication_error: { code: 'upstream_auth', retryable: false, status: 401 },
    billing_error: { code: 'upstream_auth', retryable: false, status: 402 },
    permission_error: { code: 'upstream_auth', retryable: false, status: 403 },
    not_found_error: { code: 'upstream_refused', retryable: false, status: 404 },
    request_too_large: { code: 'upstream_refused', retryable: false, status: 413 },
    rate_limit_error: { code: 'upstream_rate_limited', retryable: true, status: 429 },
    api_error: { code: 'upstream_unavailable', retryable: true, status: 500 },
    timeout_error: { code: 'upstream_timeout', retryable: true, status: 504 },
    overloaded_error: { code: 'upstream_unavailable', retryable: true, status: 529 },
  }),
)

/** `{type:"error", error:{type, message}}` -> a typed error; the vendor's words stay in `detail`. */
export function toUpstreamError(body: JsonObject): UpstreamError {
  const error = objectOf(body.error)
  const type = textOf(error.type)
  const kind = KINDS.get(type) ?? { code: 'upstream_unavailable', retryable: true, status: 500 }
  return new UpstreamError(kind.code, `The upstream failed while answering (${type || 'no error type'}).`, {
    retryable: kind.retryable,
    upstreamStatus: kind.status,
    detail: bounded(`${type}: ${textOf(error.message)}`),
  })
}
