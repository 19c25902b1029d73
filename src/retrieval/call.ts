/** One call of a model outside a request: the whole JSON answer, or an UpstreamError. */

import { UpstreamError } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import type { Operation, Provider, Timeouts } from '../providers/provider.ts'

export type CalledModel = {
  /** Name of the upstream, for messages. */
  upstream: string
  provider: Provider
  /** The upstream's own model id. */
  model: string
  timeouts: Timeouts
}

/** 64 vectors of 4,000 numbers in decimal are 5 MB. */
const MAX_ANSWER_BYTES = 64 * 1024 ** 2

export function callForJson(
  { upstream, provider, model, timeouts }: CalledModel,
  call: { operation: Operation; parsed: JsonObject; requestId: string; signal: AbortSignal },
): Promise<JsonObject> {
  const { operation, parsed, requestId, signal } = call
  const { promise, resolve, reject } = Promise.withResolvers<JsonObject>()
  const chunks: Buffer[] = []
  let bytes = 0
  const malformed = (detail: string, cause?: unknown) => {
    const message = `Upstream "${upstream}" sent no answer that can be read to ${operation} by "${model}".`
    reject(new UpstreamError('upstream_malformed', message, { retryable: true, detail, cause }))
  }
  const body = Buffer.from(JSON.stringify(parsed))
  const handle = provider.call(
    { operation, model, parsed, body, stream: false, includeUsage: false, requestId, timeouts },
    {
      onHead: () => undefined,
      onData: (chunk) => {
        bytes += chunk.length
        if (bytes <= MAX_ANSWER_BYTES) return void chunks.push(chunk)
        handle.abort()
        malformed(`more than ${MAX_ANSWER_BYTES} bytes`)
      },
      onEnd: () => {
        try {
          const answer: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
          if (isJsonObject(answer)) resolve(answer)
          else malformed('no JSON object')
        } catch (error) {
          malformed(error instanceof Error ? error.message : String(error), error)
        }
      },
      onError: reject,
    },
  )
  const abort = () => {
    handle.abort()
    reject(signal.reason)
  }
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return promise.finally(() => signal.removeEventListener('abort', abort))
}
