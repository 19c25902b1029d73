/** A provider made of a pure translation and the shared transport; what goes out to the gateway is OpenAI wire bytes. */

import type { UpstreamError } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import type { Secret } from '../lib/secret.ts'
import { encodeSse, SseParser } from '../lib/sse.ts'
import { fetchJson } from './fetch-json.ts'
import type { Dialect, Provider, ProviderHandle, ProviderHead, ProviderSink, Timeouts } from './provider.ts'
import type { AnswerInfo, StreamTranslator, TranslatedRequest, Translation } from './translation.ts'
import { MAX_RESPONSE_BYTES, type Transport } from './transport.ts'
import { asUpstreamError, WholeAnswer } from './whole-answer.ts'

/** One event larger than this is garbage: a whole 1 MB tool call still fits many times. */
const MAX_EVENT_BYTES = 16 * 1024 ** 2

export type TranslatedUpstream = {
  name: string
  dialect: Dialect
  key: Secret | null
  headers: Readonly<Record<string, string>>
  timeouts: Timeouts
}

/** `nowMs` dates the objects that are made. */
export function createTranslatedProvider(
  upstream: TranslatedUpstream,
  translation: Translation,
  transport: Transport,
  nowMs: () => number,
): Provider {
  const headers = {
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    ...translation.headers(upstream.key?.reveal() ?? ''),
    ...upstream.headers,
  }
  return {
    dialect: upstream.dialect,
    supports: (operation) => translation.supports(operation),
    call(call, sink) {
      const info: AnswerInfo = {
        id: `chatcmpl-${call.requestId}`,
        created: Math.floor(nowMs() / 1000),
        model: call.model,
        includeUsage: call.includeUsage,
        embeddingFormat: call.parsed.encoding_format === 'base64' ? 'base64' : 'float',
      }
      let outgoing: TranslatedRequest
      try {
        outgoing = translation.request(call)
      } catch (error) {
        queueMicrotask(() => sink.onError(asUpstreamError(upstream.name, error)))
        return { abort() {}, pause() {}, resume() {} }
      }
      const body = encoded(outgoing)
      call.onSend?.(body)
      const answer = call.stream
        ? new StreamedAnswer(upstream.name, translation.stream(info), sink)
        : new WholeAnswer(upstream.name, (parsed) => translation.response(call.operation, parsed, info), sink)
      const { method, path } = outgoing
      answer.handle = transport.start({ method, path, headers, body, timeouts: call.timeouts }, answer)
      return answer.handle
    },
    encode: (call) => [encoded(translation.request(call))],
    async listModels(signal) {
      const request = {
        method: 'GET',
        path: translation.modelsPath,
        headers,
        body: null,
        timeouts: upstream.timeouts,
      } as const
      const body = await fetchJson(transport, request, signal)
      return translation.models(isJsonObject(body) ? body : {})
    },
    close: () => transport.close(),
  }
}

function encoded({ body }: TranslatedRequest): Buffer {
  return Buffer.from(JSON.stringify(body))
}

/** Translates event by event; `[DONE]` is written only after the translator confirms a proper end. */
class StreamedAnswer implements ProviderSink {
  handle: ProviderHandle | null = null
  readonly #upstream: string
  readonly #translator: StreamTranslator
  readonly #sink: ProviderSink
  readonly #parser = new SseParser(Math.min(MAX_EVENT_BYTES, MAX_RESPONSE_BYTES))
  #failed = false

  constructor(upstream: string, translator: StreamTranslator, sink: ProviderSink) {
    this.#upstream = upstream
    this.#translator = translator
    this.#sink = sink
  }

  onHead(head: ProviderHead): void {
    this.#sink.onHead({ ...head, contentType: 'text/event-stream' })
  }

  onData(chunk: Buffer): void {
    this.#attempt(() => {
      for (const event of this.#parser.push(chunk)) this.#send(this.#translator.push(event))
    })
  }

  onEnd(): void {
    this.#attempt(() => {
      this.#send(this.#translator.end())
      this.#sink.onData(encodeSse('[DONE]'))
      this.#sink.onEnd()
    })
  }

  onError(error: UpstreamError): void {
    if (!this.#failed) this.#sink.onError(error)
  }

  #send(chunks: readonly JsonObject[]): void {
    for (const chunk of chunks) this.#sink.onData(encodeSse(JSON.stringify(chunk)))
  }

  #attempt(step: () => void): void {
    if (this.#failed) return
    try {
      step()
    } catch (error) {
      this.#failed = true
      this.handle?.abort()
      this.#sink.onError(asUpstreamError(this.#upstream, error))
    }
  }
}
