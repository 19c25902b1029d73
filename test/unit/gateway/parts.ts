/**
 * The ports of the data plane made of plain values: a provider that plays a script, a client that writes down what it
 * gets, a log in memory, a clock that is moved by hand. Never a mock of a room's own code: only its edges.
 */

import { DEFAULT_GUARANTEE } from '../../../src/audit/guarantee.ts'
import type { AuditLog, CloseRecord, OpenRecord } from '../../../src/audit/record.ts'
import { UpstreamError } from '../../../src/errors.ts'
import type { LimitHeaders } from '../../../src/gateway/admission.ts'
import { createBreaker } from '../../../src/gateway/breaker.ts'
import type { Client } from '../../../src/gateway/client.ts'
import type { GatewayDeps } from '../../../src/gateway/deps.ts'
import { Exchange } from '../../../src/gateway/exchange.ts'
import { createLoads } from '../../../src/gateway/load/loads.ts'
import type { Plan, PlannedTarget } from '../../../src/gateway/plan.ts'
import { parseBody, type RequestEnvelope } from '../../../src/gateway/request.ts'
import type { Snapshot, Upstream } from '../../../src/gateway/snapshot.ts'
import type { VirtualKey } from '../../../src/keys/key.ts'
import type { Clock } from '../../../src/lib/clock.ts'
import type {
  Operation,
  Provider,
  ProviderCall,
  ProviderHead,
  ProviderSink,
} from '../../../src/providers/provider.ts'
import { RegistryBook } from '../../../src/registry/releases/book.ts'
import { EMPTY_REGISTRY } from '../../../src/registry/releases/registry-data.ts'
import { NO_OBSERVER } from '../../../src/telemetry/requests.ts'

export const TIMEOUTS = { connectMs: 1000, firstByteMs: 1000, idleMs: 1000, totalMs: 10_000 }

export type HandClock = Clock & { advance(ms: number): void }

/** Stands still until moved; wall and monotonic time differ, so that a mix-up shows. */
export function handClock(): HandClock {
  let ms = 0
  return {
    nowMs: () => 1_750_000_000_000 + ms,
    monotonicMs: () => 5000 + ms,
    advance(by) {
      ms += by
    },
  }
}

export function testKey(more: Partial<VirtualKey> = {}): VirtualKey {
  return {
    id: 'vk_1',
    name: 'shop',
    owner: null,
    projectId: 'prj_default',
    roles: ['app'],
    allowedRoutes: null,
    rpm: null,
    concurrency: null,
    expiresAtMs: null,
    ...more,
  }
}

/** What one call does, called with the sink on the next turn of the loop; undefined leaves the call open. */
export type Play = (sink: ProviderSink, call: ProviderCall) => void

type PlayedProvider = Provider & {
  calls: ProviderCall[]
  aborted: number
  paused: number
  resumed: number
}

/** Plays one entry per call, the last one for ever. After an abort nothing is reported, as the port demands. */
export function playedProvider(
  plays: readonly Play[],
  supports: (operation: Operation) => boolean = () => true,
) {
  const provider: PlayedProvider = {
    dialect: 'openai',
    calls: [],
    aborted: 0,
    paused: 0,
    resumed: 0,
    supports,
    call(call, sink) {
      const play = plays[Math.min(provider.calls.length, plays.length - 1)]
      provider.calls.push(call)
      let open = true
      const guarded: ProviderSink = {
        onHead: (head) => open && sink.onHead(head),
        onData: (chunk) => open && sink.onData(chunk),
        onEnd: () => open && sink.onEnd(),
        onError: (error) => open && sink.onError(error),
      }
      queueMicrotask(() => play?.(guarded, call))
      return {
        abort() {
          if (open) provider.aborted += 1
          open = false
        },
        pause() {
          provider.paused += 1
        },
        resume() {
          provider.resumed += 1
        },
      }
    },
    listModels: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  }
  return provider
}

export const HEAD: ProviderHead = {
  status: 200,
  contentType: 'application/json',
  headers: { 'x-ratelimit-limit-requests': '7' },
  upstreamRequestId: 'up-1',
}
export const STREAM_HEAD: ProviderHead = { ...HEAD, contentType: 'text/event-stream' }

export const ANSWER = {
  id: 'c',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 5 },
}

export function answers(body: unknown = ANSWER): Play {
  return (sink) => {
    sink.onHead(HEAD)
    sink.onData(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))
    sink.onEnd()
  }
}

export function fails(
  why: Partial<ConstructorParameters<typeof UpstreamError>[2]> = {},
  code: ConstructorParameters<typeof UpstreamError>[0] = 'upstream_unavailable',
): Play {
  return (sink) => sink.onError(new UpstreamError(code, 'It failed.', { retryable: true, ...why }))
}

/** Sends each event in a piece of its own, then ends the stream (or whatever `last` does). */
export function streams(events: readonly string[], last: Play = (sink) => sink.onEnd()): Play {
  return (sink, call) => {
    sink.onHead(STREAM_HEAD)
    for (const event of events) sink.onData(Buffer.from(`data: ${event}\n\n`))
    last(sink, call)
  }
}

export type WrittenClient = Client & {
  started: { status: number; headers: Readonly<Record<string, string>> } | null
  written: string
  ended: boolean
  leave(): void
  drain(): void
}

export function writtenClient(options: { slow?: boolean } = {}): WrittenClient {
  let gone = false
  let onGone: (() => void) | null = null
  let onDrain: (() => void) | null = null
  const client: WrittenClient = {
    started: null,
    written: '',
    ended: false,
    get gone() {
      return gone
    },
    start(status, headers) {
      if (client.started !== null) throw new Error('The head was sent twice.')
      client.started = { status, headers }
    },
    write(bytes) {
      if (client.started === null || client.ended) throw new Error('Bytes outside of an answer.')
      client.written += bytes.toString()
      return options.slow !== true
    },
    end(bytes) {
      if (client.ended) throw new Error('The answer was ended twice.')
      client.written += bytes?.toString() ?? ''
      client.ended = true
    },
    onDrain(listener) {
      onDrain = listener
    },
    onGone(listener) {
      onGone = listener
      if (gone) listener()
    },
    leave() {
      gone = true
      onGone?.()
    },
    drain: () => onDrain?.(),
  }
  return client
}

type MemoryLog = AuditLog & {
  /** `open`, `part`, `close`, `whole` in their order. */
  order: string[]
  opens: OpenRecord[]
  parts: Buffer[]
  closes: { record: CloseRecord; body: string }[]
  requests: Buffer[]
}

function memoryLog(): MemoryLog {
  const log: MemoryLog = {
    order: [],
    opens: [],
    parts: [],
    closes: [],
    requests: [],
    async open(record, body) {
      log.order.push('open')
      log.opens.push(record)
      log.requests.push(body)
    },
    part(_id, bytes) {
      log.order.push('part')
      log.parts.push(bytes)
    },
    async close(record, body) {
      log.order.push('close')
      log.closes.push({ record, body: body.toString() })
    },
    async whole(open, close, requestBody, body) {
      log.order.push('whole')
      log.opens.push(open)
      log.requests.push(requestBody)
      log.closes.push({ record: close, body: body.toString() })
    },
  }
  return log
}

export function upstreamOf(name: string, provider: Provider, more: Partial<Upstream> = {}): Upstream {
  return {
    name,
    provider,
    baseUrl: null,
    identity: name,
    timeouts: TIMEOUTS,
    streamUsage: true,
    traceparent: true,
    redact: (text) => text,
    ...more,
  }
}

export function targetOf(upstream: Upstream, model = 'm', more: Partial<PlannedTarget> = {}): PlannedTarget {
  return { name: `${upstream.name}/${model}`, upstream, model, timeouts: upstream.timeouts, ...more }
}

export function snapshotOf(upstreams: readonly Upstream[], routes: Snapshot['routes'] = new Map()): Snapshot {
  return {
    upstreams: new Map(upstreams.map((upstream) => [upstream.name, upstream])),
    routes,
    registry: new RegistryBook(EMPTY_REGISTRY),
    guarantee: DEFAULT_GUARANTEE,
    knownModels: () => [...routes.keys()],
  }
}

export type TestDeps = GatewayDeps & { clock: HandClock; audit: MemoryLog; waits: number[]; bugs: unknown[] }

/** Sleeping moves the clock and is written down; `random` is 0.5 unless given. */
export function testDeps(more: Partial<GatewayDeps> = {}): TestDeps {
  const clock = handClock()
  const waits: number[] = []
  const bugs: unknown[] = []
  return {
    snapshot: () => snapshotOf([]),
    audit: memoryLog(),
    admission: { acquire: () => ({ headers: {}, release() {} }) },
    breaker: createBreaker(clock),
    loads: createLoads(clock),
    clock,
    random: () => 0.5,
    retrieve: () => Promise.reject(new Error('No release of this test has an index.')),
    sleep: async (ms) => {
      waits.push(ms)
      clock.advance(ms)
    },
    offerToShadow: () => {},
    observer: NO_OBSERVER,
    reportBug: (error) => void bugs.push(error),
    waits,
    bugs,
    ...more,
  } as TestDeps
}

export function envelopeOf(deps: GatewayDeps, more: Partial<RequestEnvelope> = {}): RequestEnvelope {
  return {
    id: 'req_1',
    method: 'POST',
    path: '/v1/chat/completions',
    operation: 'chat',
    key: testKey(),
    receivedAtMs: deps.clock.nowMs(),
    startedMs: deps.clock.monotonicMs(),
    clientRequestId: null,
    ...more,
  }
}

export const bodyBytes = (more: object = {}) =>
  Buffer.from(JSON.stringify({ model: 'route', messages: [{ role: 'user', content: 'hi' }], ...more }))

/** An exchange over the given targets, as `serveRequest` makes it. */
export function exchangeOf(
  deps: GatewayDeps,
  targets: readonly PlannedTarget[],
  options: {
    body?: object
    retries?: number
    client?: Client
    limits?: LimitHeaders
    envelope?: Partial<RequestEnvelope>
  } = {},
): Exchange {
  const envelope = envelopeOf(deps, options.envelope)
  const body = parseBody(envelope.operation, bodyBytes(options.body))
  const plan: Plan = {
    route: 'route',
    release: null,
    targets,
    retries: options.retries ?? 2,
    guarantee: DEFAULT_GUARANTEE,
  }
  return new Exchange(
    deps,
    envelope,
    { body, sent: body },
    plan,
    options.limits ?? {},
    options.client ?? writtenClient(),
  )
}
