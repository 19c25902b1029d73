/** Targets in order under one retry budget; nothing is tried again once the client has seen a byte. */

import { describe, expect, test } from 'vitest'
import { runAttempts } from '../../../src/gateway/run-attempts.ts'
import { NO_OBSERVER } from '../../../src/telemetry/requests.ts'
import {
  ANSWER,
  answers,
  exchangeOf,
  fails,
  playedProvider,
  STREAM_HEAD,
  streams,
  TIMEOUTS,
  targetOf,
  testDeps,
  upstreamOf,
  writtenClient,
} from './parts.ts'

const STREAM = { stream: true }
const EVENT = JSON.stringify({ choices: [{ index: 0, delta: { content: 'a' }, finish_reason: null }] })
const USAGE = JSON.stringify({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } })

describe('the order of targets', () => {
  test('the first that answers ends it', async () => {
    const deps = testDeps()
    const [a, b] = [playedProvider([answers()]), playedProvider([answers()])]
    const exchange = exchangeOf(deps, [targetOf(upstreamOf('a', a)), targetOf(upstreamOf('b', b))])

    const result = await runAttempts(deps, exchange)

    expect(result).toMatchObject({
      kind: 'answered',
      answer: { usage: { inputTokens: 3 }, finishReason: 'stop' },
    })
    expect([a.calls.length, b.calls.length]).toEqual([1, 0])
    expect(exchange.attempts).toMatchObject([
      { upstream: 'a', status: 200, error: null, upstreamRequestId: 'up-1' },
    ])
  })

  test('each target is tried once, at once, before any is tried again', async () => {
    const deps = testDeps()
    const a = playedProvider([
      fails({ detail: 'vendor words', upstreamStatus: 500, upstreamRequestId: 'up-9' }),
    ])
    const b = playedProvider([fails(), answers()])
    const exchange = exchangeOf(deps, [targetOf(upstreamOf('a', a)), targetOf(upstreamOf('b', b), 'n')])

    const result = await runAttempts(deps, exchange)

    expect(result.kind).toBe('answered')
    expect(exchange.attempts.map(({ upstream, model }) => `${upstream}/${model}`)).toEqual([
      'a/m',
      'b/n',
      'a/m',
      'b/n',
    ])
    expect(exchange.attempts[0]).toMatchObject({
      status: 500,
      error: 'upstream_unavailable',
      detail: 'vendor words',
      upstreamRequestId: 'up-9',
    })
    // Two waits: before each retry, none before the fallback. Full jitter with random 0.5.
    expect(deps.waits).toEqual([50, 100])
  })

  test('the last failure is the answer once every try is spent', async () => {
    const deps = testDeps()
    const a = playedProvider([fails()])

    const result = await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))], { retries: 2 }))

    expect(result).toMatchObject({
      kind: 'failed',
      committed: false,
      error: { code: 'upstream_unavailable' },
    })
    expect(a.calls).toHaveLength(3)
  })

  test.each(['upstream_auth', 'local_model_missing'] as const)(
    'a target that fails with %s gives way to the next and is not asked again',
    async (code) => {
      const deps = testDeps()
      const a = playedProvider([fails({}, code)])
      const b = playedProvider([fails(), answers()])
      const exchange = exchangeOf(deps, [targetOf(upstreamOf('a', a)), targetOf(upstreamOf('b', b))])

      const result = await runAttempts(deps, exchange)

      expect(result.kind).toBe('answered')
      expect([a.calls.length, b.calls.length]).toEqual([1, 2])
    },
  )

  test('an error that another try cannot cure ends it at once', async () => {
    const deps = testDeps()
    const a = playedProvider([fails({ retryable: false }, 'upstream_refused')])
    const b = playedProvider([answers()])
    const exchange = exchangeOf(deps, [targetOf(upstreamOf('a', a)), targetOf(upstreamOf('b', b))])

    expect(await runAttempts(deps, exchange)).toMatchObject({
      kind: 'failed',
      error: { code: 'upstream_refused' },
    })
    expect(b.calls).toHaveLength(0)
  })

  test('a whole answer that makes no sense counts as a failure', async () => {
    const deps = testDeps()
    const a = playedProvider(
      ['<html>', '[1]', '{"error":{"message":"x"}}', '{"half'].map((body) => answers(body)),
    )
    const b = playedProvider([answers()])
    const exchange = exchangeOf(deps, [targetOf(upstreamOf('a', a))], { retries: 3 })

    const result = await runAttempts(deps, exchange)

    expect(result).toMatchObject({ kind: 'failed', error: { code: 'upstream_malformed' } })
    expect(exchange.attempts.map(({ error }) => error)).toEqual([
      'upstream_malformed',
      'upstream_malformed',
      'upstream_unavailable',
      'upstream_malformed',
    ])
    expect(b.calls).toHaveLength(0)
  })
})

describe('waiting', () => {
  test('follows the upstream’s wish when it is short', async () => {
    const deps = testDeps()
    const a = playedProvider([fails({ headers: { 'retry-after-ms': '700', 'retry-after': '9' } }), answers()])

    await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))]))

    expect(deps.waits).toEqual([700])
  })

  test('leaves a longer wish to the caller', async () => {
    const deps = testDeps()
    const a = playedProvider([
      fails({ headers: { 'retry-after': '30' } }, 'upstream_rate_limited'),
      answers(),
    ])

    const result = await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))]))

    expect(result).toMatchObject({ kind: 'failed', error: { headers: { 'retry-after': '30' } } })
    expect(a.calls).toHaveLength(1)
  })

  test('ends with the deadline: the rest of it is what a later try may take', async () => {
    const deps = testDeps()
    const slow = playedProvider([
      (sink, call) => {
        deps.clock.advance(6000)
        fails()(sink, call)
      },
    ])

    const result = await runAttempts(
      deps,
      exchangeOf(deps, [targetOf(upstreamOf('a', slow))], { retries: 9 }),
    )

    expect(result.kind).toBe('failed')
    expect(slow.calls.map(({ timeouts }) => timeouts.totalMs)).toEqual([TIMEOUTS.totalMs, 3950])
  })
})

describe('the client leaves', () => {
  test('during a call: the call is aborted', async () => {
    const deps = testDeps()
    const client = writtenClient()
    const a = playedProvider([() => client.leave()])

    const result = await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))], { client }))

    expect(result).toEqual({ kind: 'aborted', usage: null })
    expect(a).toMatchObject({ aborted: 1 })
  })

  test('while we wait: nothing more is tried', async () => {
    const client = writtenClient()
    const deps = testDeps({
      sleep: async (_ms, signal) => {
        client.leave()
        expect(signal.aborted).toBe(true)
      },
    })
    const a = playedProvider([fails()])

    const result = await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))], { client }))

    expect(result.kind).toBe('aborted')
    expect(a.calls).toHaveLength(1)
  })

  test('before the first call: nothing is tried at all', async () => {
    const deps = testDeps()
    const client = writtenClient()
    client.leave()
    const a = playedProvider([answers()])

    const result = await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))], { client }))

    expect(result.kind).toBe('aborted')
    expect(a.calls).toHaveLength(0)
  })
})

describe('a stream', () => {
  test('passes event by event; its last event is left for whoever closes the log', async () => {
    const deps = testDeps()
    const client = writtenClient()
    const a = playedProvider([streams([EVENT, '[DONE]'])])
    const exchange = exchangeOf(deps, [targetOf(upstreamOf('a', a))], { client, body: STREAM })

    const result = await runAttempts(deps, exchange)

    expect(client.written).toBe(`data: ${EVENT}\n\n`)
    expect(client.started).toMatchObject({
      status: 200,
      headers: { 'content-type': expect.stringContaining('event-stream') },
    })
    expect(result.kind === 'answered' && result.answer.last.toString()).toBe('data: [DONE]\n\n')
    expect(exchange.ttftMs).toBe(0)
  })

  test('is asked for usage, which the client does not see unless it asked too', async () => {
    for (const [wish, seen] of [
      [{}, ''],
      [{ stream_options: { include_usage: true } }, `data: ${USAGE}\n\n`],
    ] as const) {
      const deps = testDeps()
      const client = writtenClient()
      const a = playedProvider([streams([EVENT, USAGE, '[DONE]'])])

      const exchange = exchangeOf(deps, [targetOf(upstreamOf('a', a))], {
        client,
        body: { ...STREAM, ...wish },
      })
      const result = await runAttempts(deps, exchange)

      expect(JSON.parse(a.calls[0]?.body.toString() ?? '')).toMatchObject({
        stream_options: { include_usage: true },
      })
      expect(client.written).toBe(`data: ${EVENT}\n\n${seen}`)
      expect(result).toMatchObject({ answer: { usage: { inputTokens: 1, outputTokens: 2 } } })
    }
  })

  test('is told the trace of each attempt, but where it is to know nothing of traces or there are none', async () => {
    const traceparent = ({ id }: { id: string }, attempt: number) => `${id} ${attempt}`
    const tracing = () => testDeps({ observer: { ...NO_OBSERVER, traceparent } })
    const calledWith = async (deps: ReturnType<typeof testDeps>, isTold: boolean) => {
      const a = playedProvider([fails(), answers()])
      const upstream = upstreamOf('a', a, { traceparent: isTold })
      const exchange = exchangeOf(deps, [targetOf(upstream)])
      await runAttempts(deps, exchange)
      return a.calls.map((call) => call.traceparent)
    }

    expect(await calledWith(tracing(), true)).toEqual(['req_1 0', 'req_1 1'])
    expect(await calledWith(tracing(), false)).toEqual([undefined, undefined])
    expect(await calledWith(testDeps(), true)).toEqual([undefined, undefined])
  })

  test('is not asked for usage where the upstream rejects the wish', async () => {
    const deps = testDeps()
    const a = playedProvider([streams([EVENT, '[DONE]'])])
    const upstream = upstreamOf('a', a, { streamUsage: false })

    await runAttempts(deps, exchangeOf(deps, [targetOf(upstream)], { body: STREAM }))

    expect(JSON.parse(a.calls[0]?.body.toString() ?? '')).not.toHaveProperty('stream_options')
  })

  test.each([
    ['is cut', streams([EVENT]), 'upstream_cut'],
    ['breaks', streams([EVENT], fails({}, 'upstream_cut')), 'upstream_cut'],
    ['reports an error', streams([EVENT, '{"error":{"message":"x"}}']), 'upstream_unavailable'],
    ['sends garbage', streams([EVENT, '<html>']), 'upstream_malformed'],
  ])('that %s after its first byte is not tried again', async (_name, play, code) => {
    const deps = testDeps()
    const client = writtenClient()
    const [a, b] = [playedProvider([play]), playedProvider([streams([EVENT, '[DONE]'])])]
    const targets = [targetOf(upstreamOf('a', a)), targetOf(upstreamOf('b', b))]

    const result = await runAttempts(deps, exchangeOf(deps, targets, { client, body: STREAM }))

    expect(result).toMatchObject({ kind: 'failed', committed: true, error: { code } })
    expect(client.written).toBe(`data: ${EVENT}\n\n`)
    expect(b.calls).toHaveLength(0)
  })

  test.each([
    ['is cut', streams([])],
    ['reports an error', streams(['{"error":{"message":"x"}}'])],
    ['is no stream', answers()],
  ])('that %s before its first byte goes to the next target', async (_name, play) => {
    const deps = testDeps()
    const client = writtenClient()
    const [a, b] = [playedProvider([play]), playedProvider([streams([EVENT, '[DONE]'])])]
    const targets = [targetOf(upstreamOf('a', a)), targetOf(upstreamOf('b', b))]

    const result = await runAttempts(deps, exchangeOf(deps, targets, { client, body: STREAM }))

    expect(result.kind).toBe('answered')
    expect(client.written).toBe(`data: ${EVENT}\n\n`)
  })

  test('stops while the client reads slowly and goes on when it has caught up', async () => {
    const deps = testDeps()
    const client = writtenClient({ slow: true })
    const a = playedProvider([
      streams([EVENT], (sink) => {
        client.drain()
        sink.onData(Buffer.from('data: [DONE]\n\n'))
        sink.onEnd()
      }),
    ])

    await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))], { client, body: STREAM }))

    expect(a).toMatchObject({ paused: 1, resumed: 1 })
  })

  test('tells what it had counted when the client leaves in the middle', async () => {
    const deps = testDeps()
    const client = writtenClient()
    const a = playedProvider([
      (sink) => {
        sink.onHead(STREAM_HEAD)
        sink.onData(Buffer.from(`data: ${USAGE}\n\n`))
        client.leave()
      },
    ])

    const result = await runAttempts(
      deps,
      exchangeOf(deps, [targetOf(upstreamOf('a', a))], { client, body: STREAM }),
    )

    expect(result).toMatchObject({ kind: 'aborted', usage: { inputTokens: 1 } })
    expect(a.aborted).toBe(1)
  })
})

describe('the breaker', () => {
  const trip = (deps: ReturnType<typeof testDeps>, name: string) => {
    for (let at = 0; at < 5; at += 1) deps.breaker.failed(name)
  }

  test('keeps requests from an upstream that failed repeatedly, and says when to come back', async () => {
    const deps = testDeps()
    const a = playedProvider([answers()])
    trip(deps, 'a/m')
    deps.clock.advance(1000)

    const result = await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))]))

    expect(a.calls).toHaveLength(0)
    expect(result).toMatchObject({
      kind: 'failed',
      error: { code: 'upstream_unavailable', headers: { 'retry-after': '4', 'retry-after-ms': '4000' } },
    })
  })

  test('sends them to the next target meanwhile', async () => {
    const deps = testDeps()
    const [a, b] = [playedProvider([answers()]), playedProvider([answers()])]
    trip(deps, 'a/m')

    const targets = [targetOf(upstreamOf('a', a)), targetOf(upstreamOf('b', b))]
    const result = await runAttempts(deps, exchangeOf(deps, targets))

    expect(result.kind).toBe('answered')
    expect([a.calls.length, b.calls.length]).toEqual([0, 1])
  })

  test('is not hammered by one request with many retries', async () => {
    const deps = testDeps()
    const a = playedProvider([fails()])

    const result = await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))], { retries: 10 }))

    expect(result).toMatchObject({ kind: 'failed', error: { message: 'It failed.' } })
    expect(a.calls).toHaveLength(5)
  })

  test('lets one probe through although many requests arrive at once, as first target or as fallback', async () => {
    const deps = testDeps()
    const [bad, a] = [playedProvider([fails()]), playedProvider([() => undefined])]
    trip(deps, 'a/m')
    deps.clock.advance(5000)
    const direct = () => exchangeOf(deps, [targetOf(upstreamOf('a', a))], { retries: 0 })
    const fallback = () =>
      exchangeOf(deps, [targetOf(upstreamOf('bad', bad)), targetOf(upstreamOf('a', a))], { retries: 0 })

    void runAttempts(deps, fallback())
    void runAttempts(deps, fallback())
    void runAttempts(deps, direct())
    await new Promise((resolve) => setImmediate(resolve))

    expect(a.calls).toHaveLength(1)
  })

  test.each([
    ['the client leaves while a retry waits', 'gone'],
    ['the wait before a retry is too long', 'long'],
  ])('closes again although %s', async (_name, why) => {
    const client = writtenClient()
    const deps = testDeps({ sleep: async () => void (why === 'gone' && client.leave()) })
    const headers = why === 'long' ? { 'retry-after': '60' } : {}
    const a = playedProvider([fails({ headers }), answers()])
    trip(deps, 'a/m')
    deps.clock.advance(5000)

    await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))], { client }))
    deps.clock.advance(5000)
    const later = await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))]))

    expect(later.kind).toBe('answered')
  })

  test('gives a probe back that was begun and never sent, because the client left while it waited', async () => {
    const client = writtenClient()
    const clockOf = { waits: 0 }
    const deps = testDeps({
      sleep: async () => {
        clockOf.waits += 1
        if (clockOf.waits === 2) client.leave()
      },
    })
    const slow = playedProvider([
      fails(),
      (sink, call) => {
        deps.clock.advance(6000)
        fails()(sink, call)
      },
    ])
    const sick = playedProvider([fails(), answers()])
    for (let at = 0; at < 4; at += 1) deps.breaker.failed('sick/m')
    const targets = [targetOf(upstreamOf('slow', slow)), targetOf(upstreamOf('sick', sick))]

    const left = await runAttempts(deps, exchangeOf(deps, targets, { client }))
    const later = await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('sick', sick))]))

    expect(left.kind).toBe('aborted')
    expect(later.kind).toBe('answered')
  })

  test('a storm: with every call failing at most 1.2 calls per request and ten more are sent', async () => {
    const deps = testDeps()
    const a = playedProvider([fails()])
    const upstream = upstreamOf('a', a)
    let admitted = 0

    for (let request = 0; request < 400; request += 1) {
      deps.clock.advance(5000)
      const exchange = exchangeOf(deps, [targetOf(upstream)])
      await runAttempts(deps, exchange)
      if (exchange.attempts.length > 0) admitted += 1
    }

    expect(admitted).toBe(400)
    expect(a.calls.length).toBeLessThanOrEqual(400 * 1.2 + 10)
  })

  test('a request the upstream refused says nothing about its health', async () => {
    const deps = testDeps()
    const a = playedProvider([fails({ retryable: false }, 'upstream_refused')])

    for (let request = 0; request < 20; request += 1) {
      await runAttempts(deps, exchangeOf(deps, [targetOf(upstreamOf('a', a))]))
    }

    expect(a.calls).toHaveLength(20)
    expect(deps.breaker.waitMs('a/m')).toBe(0)
  })
})

describe('an answer larger than what is parsed on this thread', () => {
  const large = (more: object = {}) => JSON.stringify({ data: 'x'.repeat(300_000), ...ANSWER, ...more })
  const ask = (body: string) => {
    const deps = testDeps()
    const upstream = upstreamOf('a', playedProvider([answers(body)]))
    return runAttempts(deps, exchangeOf(deps, [targetOf(upstream)], { retries: 0 }))
  }

  test('keeps its usage, with its details', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 2 } }

    expect(await ask(large({ usage }))).toMatchObject({
      kind: 'answered',
      answer: { usage: { inputTokens: 3, outputTokens: 5, cachedInputTokens: 2 } },
    })
  })

  test.each([
    ['cut before its last brace', large().slice(0, -1)],
    ['cut inside a text', large().slice(0, 290_000)],
    ['cut after a brace inside', large().slice(0, large().lastIndexOf('}]') + 1)],
    ['followed by more', `${large()}{}`],
    ['no object', `[${large()}]`],
  ])('is refused when it is %s', async (_name, body) => {
    expect(await ask(body)).toMatchObject({ kind: 'failed', error: { code: 'upstream_malformed' } })
  })

  test('is refused when it is an error', async () => {
    expect(await ask(large({ error: { message: 'x' } }))).toMatchObject({
      kind: 'failed',
      error: { code: 'upstream_unavailable' },
    })
  })
})
