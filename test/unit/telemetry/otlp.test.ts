/** What a collector receives over the wire, and what one that is down or hangs costs. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createPlaces } from '../../../src/telemetry/metrics/places.ts'
import { type OtlpOptions, startOtlp } from '../../../src/telemetry/otel/start.ts'
import { parseTraceparent } from '../../../src/telemetry/otel/traceparent.ts'
import { endedOf, seenOf } from './request-seen.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

type Received = { path: string; headers: Record<string, unknown>; text: string }

async function collector(answer: (response: ServerResponse) => void = (response) => void response.end('{}')) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    received.push({
      path: request.url ?? '',
      headers: request.headers,
      text: Buffer.concat(parts).toString(),
    })
    answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

function start(endpoint: string, more: Partial<OtlpOptions> = {}) {
  return startOtlp({
    endpoint,
    headers: { 'api-key': 'secret' },
    serviceName: 'gateway-1',
    sampler: 'parentbased_always_on',
    ratio: 1,
    version: '0',
    places: createPlaces(() => false),
    addressOf: () => ({ host: 'api.openai.com', port: 443 }),
    dialectOf: () => 'openai',
    onProblem: () => undefined,
    ...more,
  })
}

type Attribute = { key: string; value: Record<string, unknown> }
type Span = {
  name: string
  kind: number
  traceId: string
  spanId: string
  parentSpanId?: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Attribute[]
}

function spansOf(received: readonly Received[]): Span[] {
  return received
    .filter(({ path }) => path === '/v1/traces')
    .flatMap(({ text }) => JSON.parse(text).resourceSpans)
    .flatMap((resource) => resource.scopeSpans)
    .flatMap((scope) => scope.spans)
}

const said = ({ attributes }: Span) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.arrayValue ?? Object.values(value)[0]] as const),
  )

// The first here: the packages have one place for problems, and what other tests gave up is tried again meanwhile.
test('a collector that refuses is told of, with what it answered', async () => {
  const problems: string[] = []
  const { url } = await collector((response) => response.writeHead(401).end('no'))
  // Metrics are given up after as long as lies between two of them: long enough that the refusal is there first.
  const { observer, stop } = start(url, { everyMs: 2000, onProblem: (message) => problems.push(message) })

  observer.ended(seenOf(), endedOf())

  await vi.waitFor(() => expect(problems[0]).toMatch(/^[^{].*Unauthorized/), { timeout: 20_000 })
  await stop(1000)
})

describe('a request', () => {
  test('is a server span with a client span for each attempt, by the conventions for generative AI', async () => {
    const { url, received } = await collector()
    const otlp = start(url)
    const failed = {
      upstream: 'lab',
      model: 'm',
      startedMs: 1,
      durationMs: 3,
      status: 500,
      error: 'upstream_unavailable',
    }
    otlp.observer.ended(
      seenOf({ release: 'r13' }),
      endedOf({ attempts: [failed, ...endedOf().attempts], retrieval: { durationMs: 1, without: null } }),
    )
    await otlp.stop(5000)
    const spans = spansOf(received)
    const server = spans.find(({ kind }) => kind === 2)
    const clients = spans.filter(({ kind }) => kind === 3)

    expect(received[0]?.headers['api-key']).toBe('secret')
    expect(received.find(({ path }) => path === '/v1/traces')?.text).toContain('gateway-1')
    expect(server?.name).toBe('chat support-answer')
    expect(server && said(server)).toMatchObject({
      'aval.request_id': 'req_1',
      'aval.route': 'support-answer',
      'aval.release': 'r13',
      'gen_ai.operation.name': 'chat',
    })
    expect(spans.map(({ name }) => name)).toContain('retrieval')
    expect(clients.every(({ parentSpanId }) => parentSpanId === server?.spanId)).toBe(true)
    expect(clients.map(said)).toEqual([
      expect.objectContaining({ 'error.type': 'upstream_unavailable', 'gen_ai.request.model': 'm' }),
      expect.objectContaining({
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt-4o-mini',
        'gen_ai.usage.input_tokens': 120,
        'gen_ai.usage.output_tokens': 11,
        'gen_ai.response.finish_reasons': { values: [{ stringValue: 'stop' }] },
        'server.address': 'api.openai.com',
      }),
    ])
    const [first, second] = clients
    expect(BigInt(first?.endTimeUnixNano ?? 0) - BigInt(first?.startTimeUnixNano ?? 0)).toBe(3_000_000n)
    expect(second && 'error.type' in said(second)).toBe(false)
  })

  test('goes on with the trace of its caller, sampled or not', async () => {
    const { url, received } = await collector()
    const otlp = start(url)
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    otlp.observer.ended(seenOf({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` }), endedOf())
    otlp.observer.ended(seenOf({ traceparent: `00-${'a'.repeat(32)}-00f067aa0ba902b7-00` }), endedOf())
    otlp.observer.ended(seenOf({ traceparent: 'nonsense' }), endedOf())
    await otlp.stop(5000)
    const servers = spansOf(received).filter(({ kind }) => kind === 2)

    expect(servers).toHaveLength(2)
    expect(servers[0]).toMatchObject({ traceId, parentSpanId: '00f067aa0ba902b7' })
    expect(servers[1]?.parentSpanId ?? '').toBe('')
  })

  test('tells each attempt the trace and the span that are exported when it has ended', async () => {
    const { url, received } = await collector()
    const otlp = start(url)
    const callers = '4bf92f3577b34da6a3ce929d0e0e4736'
    const two = endedOf({ attempts: [...endedOf().attempts, ...endedOf().attempts] })
    const sent: (string | undefined)[] = []
    for (const seen of [
      seenOf(),
      seenOf({ id: 'req_2', traceparent: `00-${callers}-00f067aa0ba902b7-01` }),
    ]) {
      sent.push(...[0, 1].map((attempt) => otlp.observer.traceparent?.(seen, attempt)))
      otlp.observer.ended(seen, two)
    }
    await otlp.stop(5000)
    const clients = spansOf(received).filter(({ kind }) => kind === 3)

    expect(clients.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`)).toEqual(sent)
    expect(new Set(sent).size).toBe(4)
    expect(sent.every((header) => header !== undefined && parseTraceparent(header) !== null)).toBe(true)
    expect(clients.slice(2).map(({ traceId }) => traceId)).toEqual([callers, callers])
  })

  test.each([
    ['always_off', null, '00'],
    ['always_on', '00', '01'],
    ['parentbased_always_on', '00', '00'],
    ['parentbased_always_off', '01', '01'],
    ['parentbased_always_off', null, '00'],
  ] as const)('under %s and a caller’s flags %s tells upstreams %s', async (sampler, flags, wanted) => {
    const { url, received } = await collector()
    const otlp = start(url, { sampler })
    const traceparent = flags === null ? null : `00-${'a'.repeat(32)}-00f067aa0ba902b7-${flags}`
    const seen = seenOf({ traceparent })
    const sent = otlp.observer.traceparent?.(seen, 0)
    otlp.observer.ended(seen, endedOf())
    await otlp.stop(5000)

    expect(sent?.slice(-2)).toBe(wanted)
    expect(spansOf(received).length > 0).toBe(wanted === '01')
  })

  test('is counted in the conventions’ metrics, under bounded names', async () => {
    const { url, received } = await collector()
    const otlp = start(url)
    otlp.observer.ended(seenOf({ stream: true }), endedOf({ ttftMs: 100 }))
    otlp.observer.ended(seenOf({ route: null }), endedOf({ model: 'made-up' }))
    await otlp.stop(5000)
    const text = received
      .filter(({ path }) => path === '/v1/metrics')
      .map((one) => one.text)
      .join('')

    for (const name of [
      'gen_ai.client.operation.duration',
      'gen_ai.client.token.usage',
      'gen_ai.server.time_to_first_token',
      'gen_ai.server.time_per_output_token',
    ]) {
      expect(text).toContain(`"${name}"`)
    }
    expect(text).not.toContain('made-up')
  })
})

describe('a collector', () => {
  test.each([
    ['that hangs', () => {}],
    ['that answers 500', (response: ServerResponse) => void response.writeHead(500).end()],
  ])('%s keeps nobody from serving or stopping, and no more than a bound of spans', async (_how, answer) => {
    const { url, received } = await collector(answer)
    const otlp = start(url, { everyMs: 10 })
    for (let n = 0; n < 5000; n += 1) otlp.observer.ended(seenOf(), endedOf())
    await otlp.stop(200)

    expect(spansOf(received).length).toBeLessThanOrEqual(2048)
  })

  test('that is not there is no error of anybody’s', async () => {
    const otlp = start('http://127.0.0.1:9')
    otlp.observer.ended(seenOf(), endedOf())

    await expect(otlp.stop(200)).resolves.toBeUndefined()
  })
})
