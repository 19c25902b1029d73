/**
 * Gives every chat upstream the Responses API: a provider around a provider. Upstreams that have `/responses` get the
 * bytes as they are; the others get a chat request, and their answer is translated back, stream included.
 */

import { UpstreamError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { SseParser } from '../../lib/sse.ts'
import type {
  Provider,
  ProviderCall,
  ProviderHandle,
  ProviderHead,
  ProviderSink,
} from '../../providers/provider.ts'
import { asUpstreamError, WholeAnswer } from '../../providers/whole-answer.ts'
import { readErrorInside } from '../usage.ts'
import { encodeResponsesEvent, type ResponsesEvent } from './events.ts'
import type { ResponseInfo } from './items.ts'
import { chatRequestFromResponses } from './request.ts'
import { responsesFromChat } from './response.ts'
import { createResponsesStream, type ResponsesStream } from './stream.ts'

const MAX_EVENT_BYTES = 16 * 1024 ** 2

/**
 * `native`: the upstream has `/responses`; `translate`: it has not; `auto`: it is asked once, and a 404, 405 or 501
 * for the path itself decides for as long as this provider lives.
 */
export function withResponses(
  upstream: string,
  inner: Provider,
  mode: 'auto' | 'native' | 'translate',
  clock: Clock,
): Provider {
  if (mode === 'native' && inner.supports('responses')) return inner
  let has: boolean | null = mode === 'auto' && inner.supports('responses') ? null : false
  const start = (call: ProviderCall, sink: ProviderSink): ProviderHandle => {
    if (call.operation !== 'responses' || has === true) return inner.call(call, sink)
    if (has === false) return callTranslated(upstream, inner, call, sink, clock)
    const probe = new Probe(
      sink,
      () => {
        has = false
        return callTranslated(upstream, inner, call, sink, clock)
      },
      () => {
        has = true
      },
    )
    probe.current = inner.call(call, probe)
    return probe
  }
  const encode = inner.encode?.bind(inner)
  return {
    dialect: inner.dialect,
    supports: (operation) =>
      inner.supports(operation) || (operation === 'responses' && inner.supports('chat')),
    call: start,
    ...(encode !== undefined && {
      encode: (call: ProviderCall) => {
        if (call.operation !== 'responses') return encode(call)
        return [...(inner.supports('responses') ? encode(call) : []), ...encode(chatCall(call))]
      },
    }),
    ...(inner.batches !== undefined && { batches: inner.batches }),
    listModels: (signal) => inner.listModels(signal),
    close: () => inner.close(),
  }
}

/** The first native call of an `auto` upstream: falls over to translation when the path does not exist. */
class Probe implements ProviderSink, ProviderHandle {
  current: ProviderHandle | null = null
  readonly #sink: ProviderSink
  readonly #translate: () => ProviderHandle
  readonly #found: () => void

  constructor(sink: ProviderSink, translate: () => ProviderHandle, found: () => void) {
    this.#sink = sink
    this.#translate = translate
    this.#found = found
  }

  onHead(head: ProviderHead): void {
    this.#found()
    this.#sink.onHead(head)
  }

  onData(chunk: Buffer): void {
    this.#sink.onData(chunk)
  }

  onEnd(): void {
    this.#sink.onEnd()
  }

  onError(error: UpstreamError): void {
    const status = error.upstreamStatus
    const pathMissing =
      status === 405 || status === 501 || (status === 404 && !/model/i.test(error.detail ?? ''))
    if (pathMissing) this.current = this.#translate()
    else this.#sink.onError(error)
  }

  abort(): void {
    this.current?.abort()
  }

  pause(): void {
    this.current?.pause()
  }

  resume(): void {
    this.current?.resume()
  }
}

function callTranslated(
  upstream: string,
  inner: Provider,
  call: ProviderCall,
  sink: ProviderSink,
  clock: Clock,
): ProviderHandle {
  const info: ResponseInfo = {
    id: `resp_${call.requestId.slice(4)}`,
    createdAt: Math.floor(clock.nowMs() / 1000),
    model: call.model,
  }
  let chat: ProviderCall
  try {
    chat = chatCall(call)
  } catch (error) {
    queueMicrotask(() => sink.onError(asUpstreamError(upstream, error)))
    return { abort() {}, pause() {}, resume() {} }
  }
  const answer = call.stream
    ? new StreamedResponse(upstream, createResponsesStream(call.parsed, info), sink)
    : new WholeAnswer(
        upstream,
        (answered) => responsesFromChat(withoutError(upstream, answered), call.parsed, info),
        sink,
      )
  answer.handle = inner.call(chat, answer)
  return answer.handle
}

/** Throws RequestError for what chat completions cannot express. */
function chatCall(call: ProviderCall): ProviderCall {
  const parsed: JsonObject = { ...chatRequestFromResponses(call.parsed), model: call.model }
  const body = Buffer.from(JSON.stringify(parsed))
  return { ...call, operation: 'chat', parsed, body, includeUsage: true }
}

/** Throws what the upstream reports inside an answer that began as a success; its words go to the log. */
function withoutError(upstream: string, chat: JsonObject): JsonObject {
  const inside = readErrorInside(chat)
  if (inside === null) return chat
  const message = `Upstream "${upstream}" reported an error inside its answer. Its words are in the request log.`
  const detail = JSON.stringify(inside).slice(0, 4096)
  throw new UpstreamError('upstream_unavailable', message, { retryable: true, detail })
}

/**
 * Reads chat chunks, sends Responses events. The stream's last event is its end; there is no `[DONE]`. The upstream's
 * own `[DONE]` ends it at once, because some never close their side.
 */
class StreamedResponse implements ProviderSink {
  handle: ProviderHandle | null = null
  readonly #upstream: string
  readonly #stream: ResponsesStream
  readonly #sink: ProviderSink
  readonly #parser = new SseParser(MAX_EVENT_BYTES)
  /** `whole`: the last event has been sent; only the end of the connection is still to come. */
  #state: 'open' | 'whole' | 'over' = 'open'

  constructor(upstream: string, stream: ResponsesStream, sink: ProviderSink) {
    this.#upstream = upstream
    this.#stream = stream
    this.#sink = sink
  }

  onHead(head: ProviderHead): void {
    this.#sink.onHead(head)
  }

  onData(chunk: Buffer): void {
    if (this.#state !== 'open') return
    try {
      for (const { data } of this.#parser.push(chunk)) if (this.#state === 'open') this.#event(data)
    } catch (error) {
      this.handle?.abort()
      this.onError(asUpstreamError(this.#upstream, error))
    }
  }

  /** Without `[DONE]` the translation decides: no finish reason seen means that the answer was cut. */
  onEnd(): void {
    if (this.#state === 'open') this.#finish()
    if (this.#state !== 'whole') return
    this.#state = 'over'
    this.#sink.onEnd()
  }

  onError(error: UpstreamError): void {
    if (this.#state === 'over') return
    const isWhole = this.#state === 'whole'
    this.#state = 'over'
    if (isWhole) this.#sink.onEnd()
    else this.#sink.onError(error)
  }

  #finish(): void {
    const last = this.#stream.end()
    if (this.#stream.status === 'failed') {
      this.#state = 'over'
      this.handle?.abort()
      const message = `Upstream "${this.#upstream}" closed its stream before the end of the answer.`
      this.#sink.onError(new UpstreamError('upstream_cut', message, { retryable: true }))
      return
    }
    this.#state = 'whole'
    this.#send(last)
  }

  #event(data: string): void {
    if (data === '[DONE]') {
      this.#finish()
      return
    }
    const chunk: unknown = JSON.parse(data)
    if (!isJsonObject(chunk)) throw new SyntaxError('A chunk is not a JSON object.')
    this.#send(this.#stream.push(withoutError(this.#upstream, chunk)))
  }

  #send(events: readonly ResponsesEvent[]): void {
    for (const event of events) this.#sink.onData(encodeResponsesEvent(event))
  }
}
