/** One call under way: holds its timeouts and backpressure, and turns what a worker says into wire bytes. */

import { UpstreamError } from '../../errors.ts'
import type { JsonObject } from '../../lib/json.ts'
import { encodeSse } from '../../lib/sse.ts'
import type { ProviderCall, ProviderSink } from '../provider.ts'

/** Keeps the sink's order (`onHead`, `onData`…, then one of `onEnd` and `onError`) whatever happens when. */
export class LocalCall {
  readonly #call: ProviderCall
  readonly #sink: ProviderSink
  readonly #total: NodeJS.Timeout
  #step: NodeJS.Timeout
  #held: (() => void)[] = []
  #paused = false
  #headSent = false
  #over = false
  /** Gives up the work behind this call; set once the work has begun. */
  giveUp: () => void = () => undefined

  constructor(call: ProviderCall, sink: ProviderSink) {
    this.#call = call
    this.#sink = sink
    const { totalMs, firstByteMs } = call.timeouts
    this.#total = setTimeout(() => this.#timedOut(`within ${totalMs} ms`), totalMs)
    this.#step = setTimeout(() => this.#timedOut(`its first byte within ${firstByteMs} ms`), firstByteMs)
  }

  get isOver(): boolean {
    return this.#over
  }

  abort(): void {
    if (this.#close()) this.giveUp()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    while (!this.#paused) {
      const next = this.#held.shift()
      if (next === undefined) return
      next()
    }
  }

  /** A whole answer. */
  body(body: JsonObject): void {
    this.#head('application/json')
    this.#send(Buffer.from(JSON.stringify(body)))
    this.#end()
  }

  /** One event of a streamed answer. */
  chunk(chunk: JsonObject): void {
    this.#head('text/event-stream; charset=utf-8')
    this.#send(encodeSse(JSON.stringify(chunk)))
  }

  endStream(): void {
    this.#send(encodeSse('[DONE]'))
    this.#end()
  }

  fail(error: UpstreamError): void {
    if (!this.#close()) return
    this.giveUp()
    this.#sink.onError(error)
  }

  #head(contentType: string): void {
    if (this.#over || this.#headSent) return
    this.#headSent = true
    this.#sink.onHead({ status: 200, contentType, headers: {}, upstreamRequestId: null })
  }

  #send(bytes: Buffer): void {
    if (this.#over) return
    clearTimeout(this.#step)
    const { idleMs } = this.#call.timeouts
    this.#step = setTimeout(() => this.#timedOut(`anything for ${idleMs} ms`), idleMs)
    this.#deliver(() => this.#sink.onData(bytes))
  }

  #end(): void {
    clearTimeout(this.#step)
    this.#deliver(() => {
      if (this.#close()) this.#sink.onEnd()
    })
  }

  /** What is held while paused is bounded by the answer's own bound of tokens. */
  #deliver(report: () => void): void {
    if (this.#paused || this.#held.length > 0) this.#held.push(report)
    else report()
  }

  #timedOut(what: string): void {
    const message = `"${this.#call.model}" did not answer ${what}: raise the timeout or use a smaller model.`
    this.fail(new UpstreamError('upstream_timeout', message, { retryable: true }))
  }

  /** True the first time: the call is over and nothing more is reported. */
  #close(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#held = []
    clearTimeout(this.#total)
    clearTimeout(this.#step)
    return true
  }
}
