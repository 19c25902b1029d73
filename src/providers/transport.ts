/**
 * One outbound HTTP call over an undici pool: timers, size bounds, decompression and error mapping. Callbacks, not
 * streams or promises: this is the hot path. It never retries and never follows redirects.
 */

import { createRequire } from 'node:module'
import type { Dispatcher } from 'undici'
import { UpstreamError } from '../errors.ts'
import { redact, type Secret } from '../lib/secret.ts'
import { createDecoder, type Decoder } from './decode.ts'
import type { ProviderHandle, ProviderHead, ProviderSink, Timeouts } from './provider.ts'
import { errorFromNetwork, errorFromStatus, timeoutError } from './upstream-errors.ts'

/** Undici's own file: its index also loads fetch, caches and mocks, 80 modules that no call to an upstream uses (ADR 39). */
const Pool: typeof import('undici').Pool = createRequire(import.meta.url)('undici/lib/dispatcher/pool.js')

/** A larger answer is refused: one request must not be able to fill memory. */
export const MAX_RESPONSE_BYTES = 64 * 1024 ** 2
/** Kept of an error body, for the log. */
const MAX_ERROR_BODY_BYTES = 64 * 1024

const FORWARDED =
  /^(retry-after|retry-after-ms|x-ratelimit-.+|openai-processing-ms|openai-version|openai-model)$/

/** Node refuses to send anything else, and the answer must not fail because of it. */
const PRINTABLE = /^[\x20-\x7e]*$/

export type OutboundRequest = {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body: Buffer | null
  timeouts: Timeouts
  /** MAX_RESPONSE_BYTES unless said: for files, which are read piece by piece. */
  maxBytes?: number
}

export type Transport = {
  readonly upstream: string
  start(request: OutboundRequest, sink: ProviderSink): ProviderHandle
  close(): Promise<void>
}

/** `baseUrl` without a trailing slash; its path is put before every request's path. `key` is kept out of error details. */
export function createTransport(
  upstream: string,
  baseUrl: string,
  options: { maxConnections: number; connectTimeoutMs: number; key: Secret | null },
): Transport {
  const { origin, pathname } = new URL(baseUrl)
  const prefix = pathname.replace(/\/+$/, '')
  const pool = new Pool(origin, {
    connections: options.maxConnections,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: options.connectTimeoutMs, noDelay: true },
    keepAliveTimeout: 30_000,
    maxHeaderSize: 32 * 1024,
  })
  // Waiting calls are bounded too: beyond this the upstream is overloaded and another target should serve.
  const maxInFlight = options.maxConnections * 2
  let inFlight = 0
  const done = () => {
    inFlight -= 1
  }
  return {
    upstream,
    start(request, sink) {
      if (inFlight >= maxInFlight) {
        const message = `Upstream "${upstream}" already has ${inFlight} calls under way; its max_connections is ${options.maxConnections}.`
        queueMicrotask(() =>
          sink.onError(new UpstreamError('upstream_unavailable', message, { retryable: true })),
        )
        return { abort() {}, pause() {}, resume() {} }
      }
      inFlight += 1
      const call = new OutboundCall(upstream, request, sink, done, options.key)
      pool.dispatch(
        { method: request.method, path: prefix + request.path, headers: request.headers, body: request.body },
        call,
      )
      return call
    },
    // Waits for calls under way: a reload retires an upstream without cutting its streams.
    close: () => pool.close(),
  }
}

/** The life of one call. States only move forward: waiting -> (reading | failing) -> over. */
class OutboundCall implements Dispatcher.DispatchHandler, ProviderHandle {
  readonly #upstream: string
  readonly #timeouts: Timeouts
  readonly #maxBytes: number
  readonly #sink: ProviderSink
  readonly #done: () => void
  readonly #key: Secret | null
  #controller: Dispatcher.DispatchController | null = null
  #state: 'waiting' | 'reading' | 'failing' | 'over' = 'waiting'
  /** One timer for all three limits: it looks at the clock when it fires, so that a chunk costs no timer call. */
  #timer: NodeJS.Timeout
  readonly #startedMs = performance.now()
  #activeMs = this.#startedMs
  #bytes = 0
  #decoder: Decoder | null = null
  #status = 0
  #errorHeaders: Readonly<Record<string, string>> = {}
  #errorBody: Buffer[] = []
  #upstreamRequestId: string | null = null
  #paused = false
  /** True once it no longer counts as under way. */
  #left = false

  constructor(
    upstream: string,
    { timeouts, maxBytes = MAX_RESPONSE_BYTES }: Pick<OutboundRequest, 'timeouts' | 'maxBytes'>,
    sink: ProviderSink,
    done: () => void,
    key: Secret | null,
  ) {
    this.#upstream = upstream
    this.#timeouts = timeouts
    this.#maxBytes = maxBytes
    this.#sink = sink
    this.#done = done
    this.#key = key
    this.#timer = setTimeout(
      () => this.#look(),
      Math.min(timeouts.firstByteMs, timeouts.idleMs, timeouts.totalMs),
    )
  }

  abort(): void {
    if (this.#state === 'over') return
    this.#finish()
    this.#controller?.abort(new Error('The caller left.'))
  }

  pause(): void {
    this.#paused = true
    this.#controller?.pause()
  }

  resume(): void {
    this.#paused = false
    // The idle clock must not run while our own reader was the slow one.
    this.#activeMs = performance.now()
    this.#controller?.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (!this.#over()) return
    this.#leave()
    controller.abort(new Error('The caller left.'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#state !== 'waiting' || status < 200) return
    this.#status = status
    this.#activeMs = performance.now()
    this.#upstreamRequestId = first(
      headers['x-request-id'] ?? headers['request-id'] ?? headers['apim-request-id'],
    )
    const forwarded = forwardable(headers)
    const encoding = first(headers['content-encoding'])
    if (encoding !== null && encoding !== 'identity') this.#startDecoder(encoding)
    if (this.#over()) return
    if (status >= 300) {
      this.#state = 'failing'
      this.#errorHeaders = forwarded
      return
    }
    this.#state = 'reading'
    const head: ProviderHead = {
      status,
      contentType: first(headers['content-type']) ?? '',
      headers: forwarded,
      upstreamRequestId: this.#upstreamRequestId,
    }
    this.#sink.onHead(head)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === 'over') return
    this.#activeMs = performance.now()
    if (this.#decoder !== null) this.#decoder.write(chunk)
    else this.#take(chunk)
  }

  onResponseEnd(): void {
    if (this.#state === 'over') return
    if (this.#decoder !== null) this.#decoder.end()
    else this.#complete()
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (!this.#over()) this.#fail(errorFromNetwork(this.#upstream, error, this.#state !== 'waiting'))
    this.#leave()
  }

  #startDecoder(encoding: string): void {
    this.#decoder = createDecoder(encoding, {
      onData: (chunk) => this.#take(chunk),
      onEnd: () => this.#complete(),
      onError: (message) => this.#malformed(message),
    })
    if (this.#decoder === null) this.#malformed(`content-encoding "${encoding}" is not supported`)
  }

  #take(chunk: Buffer): void {
    if (this.#over()) return
    this.#bytes += chunk.length
    if (this.#state === 'failing') {
      if (this.#bytes <= MAX_ERROR_BODY_BYTES) this.#errorBody.push(chunk)
      else this.#complete()
      return
    }
    if (this.#bytes > this.#maxBytes) {
      const message = `Upstream "${this.#upstream}" sent more than ${this.#maxBytes} bytes.`
      this.#fail(new UpstreamError('upstream_too_large', message, { retryable: false }))
      return
    }
    this.#sink.onData(chunk)
  }

  #complete(): void {
    if (this.#over()) return
    const failing = this.#state === 'failing'
    const controller = this.#controller
    this.#finish()
    if (!failing) {
      this.#sink.onEnd()
      return
    }
    controller?.abort(new Error('The error body is long enough.'))
    // Some servers repeat the credential they refuse.
    const detail = redact(Buffer.concat(this.#errorBody).toString('utf8'), this.#key)
    const said = { headers: this.#errorHeaders, detail, upstreamRequestId: this.#upstreamRequestId }
    this.#sink.onError(errorFromStatus(this.#upstream, this.#status, said))
  }

  #malformed(why: string): void {
    const message = `Upstream "${this.#upstream}" sent an answer that cannot be read: ${why}.`
    this.#fail(
      new UpstreamError('upstream_malformed', message, { retryable: true, upstreamStatus: this.#status }),
    )
  }

  /** Ends the call when one of its limits has run out, else sleeps until the next one can. */
  #look(): void {
    if (this.#over()) return
    const nowMs = performance.now()
    const { firstByteMs, idleMs, totalMs } = this.#timeouts
    const waiting = this.#state === 'waiting'
    // While our own reader is the slow one, the upstream's silence is not its fault.
    const quietMs = this.#paused ? 0 : nowMs - (waiting ? this.#startedMs : this.#activeMs)
    const quietLimitMs = waiting ? firstByteMs : idleMs
    const leftMs = Math.min(totalMs - (nowMs - this.#startedMs), quietLimitMs - quietMs)
    // Timers may fire up to a millisecond early.
    if (leftMs >= 1) {
      // Never longer than `idle`: the first byte may come meanwhile, and silence after it must be seen in time.
      this.#timer = setTimeout(() => this.#look(), Math.min(leftMs, idleMs))
      return
    }
    const which = quietMs + 1 >= quietLimitMs ? (waiting ? 'first_byte' : 'idle') : 'total'
    this.#fail(timeoutError(this.#upstream, which, which === 'total' ? totalMs : quietLimitMs))
  }

  #fail(error: UpstreamError): void {
    if (this.#over()) return
    const controller = this.#controller
    this.#finish()
    controller?.abort(error)
    this.#sink.onError(error)
  }

  /** A method, so that the compiler does not narrow the state across callbacks. */
  #over(): boolean {
    return this.#state === 'over'
  }

  #finish(): void {
    this.#state = 'over'
    clearTimeout(this.#timer)
    this.#decoder?.close()
    // While it still stands in the pool's queue its body is held there: it counts until the pool lets go of it.
    if (this.#controller !== null) this.#leave()
  }

  #leave(): void {
    if (this.#left) return
    this.#left = true
    this.#done()
  }
}

function forwardable(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of Object.keys(headers)) {
    if (!FORWARDED.test(name)) continue
    const value = first(headers[name])
    if (value !== null && PRINTABLE.test(value)) kept[name] = value
  }
  return kept
}

function first(value: string | string[] | undefined): string | null {
  if (value === undefined) return null
  return typeof value === 'string' ? value : (value[0] ?? null)
}
