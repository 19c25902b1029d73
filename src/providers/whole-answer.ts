/** Gathers a whole JSON answer and passes it on translated. Shared by everything that sits between two wire formats. */

import { GatewayError, UpstreamError } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import type { ProviderHandle, ProviderHead, ProviderSink } from './provider.ts'

/** Nothing reaches the sink before the whole answer has been translated. */
export class WholeAnswer implements ProviderSink {
  handle: ProviderHandle | null = null
  readonly #upstream: string
  readonly #translate: (body: JsonObject) => JsonObject
  readonly #sink: ProviderSink
  #head: ProviderHead | null = null
  #chunks: Buffer[] = []

  constructor(upstream: string, translate: (body: JsonObject) => JsonObject, sink: ProviderSink) {
    this.#upstream = upstream
    this.#translate = translate
    this.#sink = sink
  }

  onHead(head: ProviderHead): void {
    this.#head = { ...head, contentType: 'application/json' }
  }

  onData(chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  onEnd(): void {
    let answer: Buffer
    try {
      const parsed: unknown = JSON.parse(Buffer.concat(this.#chunks).toString('utf8'))
      if (!isJsonObject(parsed)) throw new SyntaxError('The body is not a JSON object.')
      answer = Buffer.from(JSON.stringify(this.#translate(parsed)))
    } catch (error) {
      this.#sink.onError(asUpstreamError(this.#upstream, error))
      return
    }
    if (this.#head !== null) this.#sink.onHead(this.#head)
    this.#sink.onData(answer)
    this.#sink.onEnd()
  }

  onError(error: UpstreamError): void {
    this.#sink.onError(error)
  }
}

/** A translation's own errors pass; anything else it threw is an answer that makes no sense. */
export function asUpstreamError(upstream: string, error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error
  if (error instanceof GatewayError) {
    return new UpstreamError(error.code, error.message, {
      retryable: false,
      param: error.param,
      cause: error,
    })
  }
  const message = `Upstream "${upstream}" sent an answer that cannot be read.`
  const detail = error instanceof Error ? error.message : String(error)
  return new UpstreamError('upstream_malformed', message, { retryable: true, detail, cause: error })
}
