/** A provider made of a pure translation and the shared transport; what goes out to the gateway is OpenAI wire bytes. */

import type { UpstreamError } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import type { Secret } from '../lib/secret.ts'
import { encodeSse, SseParser } from '../lib/sse.ts'
import { fetchJson } from './fetch-json.ts'
import type { Dialect, Provider, ProviderHandle, ProviderHead, ProviderSink, Timeouts } from './provider.ts'
import { withTrace } from './trace-header.ts'
import type { AnswerInfo, StreamTranslator, TranslatedRequest, Translation } from './translation.ts'
import { MAX_RESPONSE_BYTES, type Transport } from './transport.ts'
import { asUpstreamError, WholeAnswer } from './whole-answer.ts'

/** One event larger than this is garbage: a whole 1 MB tool call still fits many times. */
const MAX_EVENT_BYTES = 16 * 1024 ** 2

/**
 * How long a stream that is likely over may still bring something when its dialect has no last event. Too short would
 * make half an answer look whole; too long only keeps the caller waiting at an upstream that does not close its side.
 */
const PATIENCE_MS = 5_000

export type TranslatedUpstream = {
  name: string
  dialect: Dialect
  key: Secret | null
  headers: Readonly<Record<string, string>>
  timeouts: Timeouts
}

/** `nowMs` dates the objects that are made; `patienceMs` is for tests. */
export function createTranslatedProvider(
  upstream: TranslatedUpstream,
  translation: Translation,
  transport: Transport,
  nowMs: () => number,
  patienceMs = PATIENCE_MS,
): Provider {
  const headers = headersOf(upstream, translation)
  return {
    dialect: upstream.dialect,
    supports: (operation) => translation.supports(operation),
    call(call, sink) {
      const info: AnswerInfo = {
        id: `chatcmpl-${call.requestId}`,
        created: Math.floor(nowMs() / 1000),
        model: call.model,
        includeUsage: call.includeUsage,
        choices: typeof call.parsed.n === 'number' ? call.parsed.n : 1,
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
      const { method, path } = outgoing
      const request = { method, path, headers: withTrace(headers, call), body, timeouts: call.timeouts }
      if (call.stream) {
        const streamed = new StreamedAnswer(upstream.name, translation.stream(info), sink, patienceMs)
        streamed.inner = transport.start(request, streamed)
        return streamed
      }
      const respond = (parsed: JsonObject) => translation.response(call.operation, parsed, info)
      return transport.start(request, new WholeAnswer(upstream.name, respond, sink))
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

/** Of every call to the upstream. */
export function headersOf(
  upstream: Pick<TranslatedUpstream, 'key' | 'headers'>,
  translation: Translation,
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    ...translation.headers(upstream.key?.reveal() ?? ''),
    ...upstream.headers,
  }
}

function encoded({ body }: TranslatedRequest): Buffer {
  return Buffer.from(JSON.stringify(body))
}

/**
 * Translates event by event; `[DONE]` is written only after the translator confirms a proper end, and then at once:
 * some upstreams never close their side. Whoever reads the stream lets such a connection go.
 */
class StreamedAnswer implements ProviderSink, ProviderHandle {
  inner: ProviderHandle | null = null
  readonly #upstream: string
  readonly #translator: StreamTranslator
  readonly #sink: ProviderSink
  readonly #patienceMs: number
  readonly #parser = new SseParser(Math.min(MAX_EVENT_BYTES, MAX_RESPONSE_BYTES))
  /** `whole`: `[DONE]` is written, and how the connection ends no longer matters. */
  #state: 'open' | 'whole' | 'over' = 'open'
  #patience: NodeJS.Timeout | null = null
  #paused = false

  constructor(upstream: string, translator: StreamTranslator, sink: ProviderSink, patienceMs: number) {
    this.#upstream = upstream
    this.#translator = translator
    this.#sink = sink
    this.#patienceMs = patienceMs
  }

  abort(): void {
    this.#state = 'over'
    this.#stopWaiting()
    this.inner?.abort()
  }

  pause(): void {
    this.#paused = true
    this.#stopWaiting()
    this.inner?.pause()
  }

  resume(): void {
    this.#paused = false
    this.inner?.resume()
    this.#waitIfLikelyOver()
  }

  onHead(head: ProviderHead): void {
    this.#sink.onHead({ ...head, contentType: 'text/event-stream' })
  }

  onData(chunk: Buffer): void {
    if (this.#state !== 'open') return
    this.#attempt(() => {
      for (const event of this.#parser.push(chunk)) {
        this.#send(this.#translator.push(event))
        // The reader may have left at what it was just given.
        if (this.#isOver()) return
      }
      if (this.#translator.ending === 'certain') this.#finish()
      else this.#waitIfLikelyOver()
    })
  }

  onEnd(): void {
    if (this.#state === 'over') return
    this.#attempt(() => {
      if (this.#state === 'open') this.#finish()
      if (this.#isOver()) return
      this.#state = 'over'
      this.#sink.onEnd()
    })
  }

  onError(error: UpstreamError): void {
    if (this.#state === 'over') return
    this.#stopWaiting()
    const isWhole = this.#state === 'whole'
    this.#state = 'over'
    if (isWhole) this.#sink.onEnd()
    else this.#sink.onError(error)
  }

  /** A method, so that the compiler does not narrow the state across callbacks. */
  #isOver(): boolean {
    return this.#state === 'over'
  }

  #waitIfLikelyOver(): void {
    this.#stopWaiting()
    // While nothing is read, silence says nothing.
    if (this.#paused || this.#state !== 'open' || this.#translator.ending !== 'likely') return
    this.#patience = setTimeout(() => this.#attempt(() => this.#finish()), this.#patienceMs)
  }

  #stopWaiting(): void {
    if (this.#patience !== null) clearTimeout(this.#patience)
    this.#patience = null
  }

  #finish(): void {
    this.#stopWaiting()
    this.#send(this.#translator.end())
    if (this.#isOver()) return
    this.#state = 'whole'
    this.#sink.onData(encodeSse('[DONE]'))
  }

  #send(chunks: readonly JsonObject[]): void {
    for (const chunk of chunks) this.#sink.onData(encodeSse(JSON.stringify(chunk)))
  }

  #attempt(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.abort()
      this.#sink.onError(asUpstreamError(this.#upstream, error))
    }
  }
}
