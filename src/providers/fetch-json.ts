/** One small call whose whole JSON answer is wanted: model lists, probes. Not for the hot path. */

import { UpstreamError } from '../errors.ts'
import type { JsonValue } from '../lib/json.ts'
import type { OutboundRequest, Transport } from './transport.ts'

/** Resolves with the parsed body; throws UpstreamError, also when the signal aborts. */
export function fetchJson(
  transport: Transport,
  request: OutboundRequest,
  signal: AbortSignal,
): Promise<JsonValue> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const handle = transport.start(request, {
      onHead() {},
      onData: (chunk) => chunks.push(chunk),
      onEnd() {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as JsonValue)
        } catch (cause) {
          const message = `Upstream "${transport.upstream}" sent something that is not JSON for ${request.path}.`
          reject(new UpstreamError('upstream_malformed', message, { retryable: false, cause }))
        }
      },
      onError: reject,
    })
    const leave = () => {
      handle.abort()
      const message = `Upstream "${transport.upstream}" did not answer ${request.path} in time.`
      reject(new UpstreamError('upstream_timeout', message, { retryable: true }))
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  })
}
