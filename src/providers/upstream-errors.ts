/**
 * How an upstream's failures become our errors. Its words go to `detail` (the audit row); the caller gets our
 * sentence, the machine-readable `param` and a retry hint, never the vendor's body.
 */

import { type ErrorCode, UpstreamError } from '../errors.ts'
import { isJsonObject } from '../lib/json.ts'

/** Kept of an error body on the audit row. */
const MAX_DETAIL_CHARS = 4096

type StatusRow = { code: ErrorCode; retryable: boolean; says: string }

/** Status of the upstream -> our code. 401/403/402 are our credentials' fault, so never a 401 to the caller. */
function rowOf(status: number): StatusRow {
  if (status === 401 || status === 403)
    return { code: 'upstream_auth', retryable: true, says: 'rejected our credentials' }
  if (status === 402) return { code: 'upstream_auth', retryable: true, says: 'asks for payment' }
  if (status === 404)
    return { code: 'model_not_found', retryable: false, says: 'does not know this model or path' }
  if (status === 408) return { code: 'upstream_timeout', retryable: true, says: 'gave up waiting' }
  if (status === 413) return { code: 'body_too_large', retryable: false, says: 'finds the request too large' }
  if (status === 429) return { code: 'upstream_rate_limited', retryable: true, says: 'limits our rate' }
  if (status === 409 || status === 425 || status >= 500) {
    const code = status === 504 ? 'upstream_timeout' : 'upstream_unavailable'
    return { code, retryable: true, says: 'failed' }
  }
  if (status >= 400) return { code: 'upstream_refused', retryable: false, says: 'refused this request' }
  return {
    code: 'upstream_malformed',
    retryable: false,
    says: 'answered with a redirect, which is never followed',
  }
}

/** An answer with an error status. `detail` is its body, `headers` what may be shown. */
export function errorFromStatus(
  upstream: string,
  status: number,
  said: { headers: Readonly<Record<string, string>>; detail: string; upstreamRequestId: string | null },
): UpstreamError {
  const row = rowOf(status)
  const { code: vendorCode, param } = readVendorError(said.detail)
  const context = vendorCode === 'context_length_exceeded' && status === 400
  const code = context ? 'context_length_exceeded' : row.code
  const words = [String(status), vendorCode === null ? null : `code ${vendorCode}`].filter(
    (part) => part !== null,
  )
  const message = `Upstream "${upstream}" ${row.says} (${words.join(', ')}). Its own words are in the request log.`
  return new UpstreamError(code, message, {
    retryable: row.retryable,
    upstreamStatus: status,
    detail: said.detail.slice(0, MAX_DETAIL_CHARS),
    headers: said.headers,
    upstreamRequestId: said.upstreamRequestId,
    param,
  })
}

/** A connection that failed or broke. `started` is true once the response head had arrived. */
export function errorFromNetwork(upstream: string, error: Error, started: boolean): UpstreamError {
  const reason = (error as NodeJS.ErrnoException).code ?? error.name
  const detail = `${reason}: ${error.message}`.slice(0, MAX_DETAIL_CHARS)
  const fail = (code: ErrorCode, sentence: string) =>
    new UpstreamError(code, `Upstream "${upstream}" ${sentence} (${reason}).`, {
      retryable: true,
      detail,
      cause: error,
    })
  if (/^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/.test(reason)) {
    return fail('upstream_tls', 'cannot be trusted: its TLS connection failed')
  }
  if (reason.startsWith('HPE_') || error.name === 'HTTPParserError')
    return fail('upstream_malformed', 'does not speak HTTP properly')
  if (reason === 'UND_ERR_CONNECT_TIMEOUT')
    return fail('upstream_timeout', 'did not accept a connection in time')
  if (started) return fail('upstream_cut', 'broke off in the middle of its answer')
  return fail('upstream_unavailable', 'cannot be reached')
}

/** Which of the call's own timeouts ran out. */
export function timeoutError(upstream: string, which: string, afterMs: number): UpstreamError {
  const message = `Upstream "${upstream}" ran into its ${which} timeout of ${afterMs} ms.`
  return new UpstreamError('upstream_timeout', message, {
    retryable: which !== 'total',
    detail: `${which} timeout`,
  })
}

/** `error.code` and `error.param` of a vendor body when they look like identifiers; free text is never taken. */
function readVendorError(detail: string): { code: string | null; param: string | null } {
  const none = { code: null, param: null }
  if (!detail.startsWith('{')) return none
  try {
    const body: unknown = JSON.parse(detail)
    const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : null
    if (error === null) return none
    return {
      code: identifier(error.code) ?? identifier(error.type) ?? identifier(error.status),
      param: identifier(error.param),
    }
  } catch {
    // Half a JSON body is as good as none: the status alone decides, and the text is kept as detail.
    return none
  }
}

function identifier(value: unknown): string | null {
  return typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_.[\]-]{0,63}$/.test(value) ? value : null
}
