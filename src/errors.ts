/**
 * The one table of error codes and the typed errors every room throws. Rendering into the OpenAI error
 * object happens here and nowhere else; a code without a status does not compile.
 */

type ErrorRow = { status: number; type: string }

/** code -> HTTP status and OpenAI `error.type`. The code is what programs test; the type is what SDKs print. */
export const ERROR_TABLE = {
  // The caller changes the request.
  invalid_json: { status: 400, type: 'invalid_request_error' },
  invalid_request: { status: 400, type: 'invalid_request_error' },
  invalid_encoding: { status: 400, type: 'invalid_request_error' },
  duplicate_key: { status: 400, type: 'invalid_request_error' },
  too_deep: { status: 400, type: 'invalid_request_error' },
  missing_required_parameter: { status: 400, type: 'invalid_request_error' },
  invalid_type: { status: 400, type: 'invalid_request_error' },
  invalid_value: { status: 400, type: 'invalid_request_error' },
  unsupported_parameter: { status: 400, type: 'invalid_request_error' },
  unsupported_operation: { status: 400, type: 'invalid_request_error' },
  upstream_refused: { status: 400, type: 'invalid_request_error' },
  invalid_api_key: { status: 401, type: 'authentication_error' },
  permission_denied: { status: 403, type: 'permission_error' },
  refused_by_policy: { status: 403, type: 'permission_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  not_found: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  request_timeout: { status: 408, type: 'invalid_request_error' },
  conflict: { status: 409, type: 'invalid_request_error' },
  legal_hold: { status: 409, type: 'invalid_request_error' },
  body_too_large: { status: 413, type: 'invalid_request_error' },
  unsupported_media_type: { status: 415, type: 'invalid_request_error' },
  invalid_variables: { status: 422, type: 'invalid_request_error' },
  headers_too_large: { status: 431, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  // The caller waits or pays.
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  concurrency_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  upstream_rate_limited: { status: 429, type: 'rate_limit_error' },
  client_closed_request: { status: 499, type: 'api_error' },
  // A provider failed.
  upstream_unavailable: { status: 502, type: 'upstream_error' },
  upstream_malformed: { status: 502, type: 'upstream_error' },
  upstream_cut: { status: 502, type: 'upstream_error' },
  upstream_auth: { status: 502, type: 'upstream_error' },
  upstream_tls: { status: 502, type: 'upstream_error' },
  upstream_too_large: { status: 502, type: 'upstream_error' },
  upstream_timeout: { status: 504, type: 'upstream_error' },
  local_model_missing: { status: 503, type: 'upstream_error' },
  local_queue_full: { status: 503, type: 'upstream_error' },
  // Ours.
  audit_unavailable: { status: 503, type: 'api_error' },
  not_ready: { status: 503, type: 'api_error' },
  database_unavailable: { status: 503, type: 'api_error' },
  internal_error: { status: 500, type: 'api_error' },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERROR_TABLE

/** The object that `/v1`, `/api` and the CLI all print. */
export type OpenAIError = {
  error: { message: string; type: string; param: string | null; code: string }
}

type GatewayErrorOptions = {
  param?: string | null | undefined
  /** Extra response headers, lower case (Retry-After and friends). */
  headers?: Readonly<Record<string, string>> | undefined
  cause?: unknown
}

/** Anything that is rendered to a caller. Its message names the value and the remedy. */
export class GatewayError extends Error {
  override name = 'GatewayError'
  readonly code: ErrorCode
  readonly status: number
  readonly param: string | null
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.status = ERROR_TABLE[code].status
    this.param = options.param ?? null
    this.headers = options.headers ?? {}
  }
}

/** The caller changes the request. */
export class RequestError extends GatewayError {
  override name = 'RequestError'
}

/** The caller waits or pays; carries Retry-After in seconds and milliseconds. */
export class LimitError extends GatewayError {
  override name = 'LimitError'
  constructor(
    code: ErrorCode,
    message: string,
    retryAfterMs: number,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, message, {
      headers: {
        ...headers,
        'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
        'retry-after-ms': String(Math.max(1, Math.ceil(retryAfterMs))),
      },
    })
  }
}

/** An upstream failed. `retryable` decides the next attempt; nothing else may. */
export class UpstreamError extends GatewayError {
  override name = 'UpstreamError'
  readonly retryable: boolean
  /** Status the upstream answered with, null when it never answered. */
  readonly upstreamStatus: number | null
  /** What the upstream said, bounded; goes to the audit row and never to the caller. */
  readonly detail: string | null
  readonly upstreamRequestId: string | null

  constructor(
    code: ErrorCode,
    message: string,
    why: GatewayErrorOptions & {
      retryable: boolean
      upstreamStatus?: number
      detail?: string
      upstreamRequestId?: string | null
    },
  ) {
    super(code, message, why)
    this.retryable = why.retryable
    this.upstreamStatus = why.upstreamStatus ?? null
    this.detail = why.detail ?? null
    this.upstreamRequestId = why.upstreamRequestId ?? null
  }
}

/** A wrong or missing setting; the process exits 2 with one line per problem. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/**
 * Renders any thrown value. Unknown errors hide their message and show the request id instead.
 * Returns the HTTP status, extra headers and the OpenAI error object.
 */
export function toOpenAIError(
  error: unknown,
  requestId: string,
): { status: number; headers: Readonly<Record<string, string>>; body: OpenAIError } {
  if (error instanceof GatewayError) {
    const { type } = ERROR_TABLE[error.code]
    const body = { error: { message: error.message, type, param: error.param, code: error.code } }
    return { status: error.status, headers: error.headers, body }
  }
  const message = `Aval failed while handling this request. Quote ${requestId} to whoever runs it.`
  return {
    status: 500,
    headers: {},
    body: { error: { message, type: 'api_error', param: null, code: 'internal_error' } },
  }
}
