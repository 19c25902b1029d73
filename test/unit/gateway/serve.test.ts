/** One request from its bytes to its row: which outcome is written, and that the log always comes before the answer. */

import { describe, expect, test } from 'vitest'
import { GatewayError, LimitError } from '../../../src/errors.ts'
import type { Client } from '../../../src/gateway/client.ts'
import { serveRequest } from '../../../src/gateway/serve.ts'
import {
  ANSWER,
  answers,
  bodyBytes,
  envelopeOf,
  fails,
  type Play,
  playedProvider,
  STREAM_HEAD,
  snapshotOf,
  streams,
  type TestDeps,
  testDeps,
  upstreamOf,
  type WrittenClient,
  writtenClient,
} from './parts.ts'

const EVENT = JSON.stringify({ choices: [{ index: 0, delta: { content: 'a' }, finish_reason: null }] })

type Served = {
  deps: TestDeps
  client: WrittenClient
  row: TestDeps['audit']['closes'][number]
  json: () => unknown
}

async function serve(
  play: Play | ((client: WrittenClient) => Play),
  options: { body?: object; bytes?: Buffer; operation?: 'chat' | 'responses'; deps?: Partial<TestDeps> } = {},
): Promise<Served> {
  const client = writtenClient()
  const provider = playedProvider([
    (sink, call) =>
      (play.length === 1 ? (play as (c: WrittenClient) => Play)(client) : (play as Play))(sink, call),
  ])
  const deps = testDeps({ snapshot: () => snapshotOf([upstreamOf('up', provider)]), ...options.deps })
  const bytes = options.bytes ?? bodyBytes({ model: 'up/m', ...options.body })
  const envelope = envelopeOf(deps, { operation: options.operation ?? 'chat', clientRequestId: 'mine' })
  await serveRequest(deps, envelope, bytes, client)
  const row = deps.audit.closes[0]
  if (row === undefined || deps.audit.closes.length !== 1)
    throw new Error(`${deps.audit.closes.length} rows were closed.`)
  return { deps, client, row, json: () => JSON.parse(client.written) as unknown }
}

const stream = { stream: true }
const play =
  (one: Play): Play =>
  (sink, call) =>
    one(sink, call)

describe('every request ends in one row with one outcome', () => {
  test.each<[string, Play, object, { outcome: string; status: number; errorCode: string | null }]>([
    ['an answer', answers(), {}, { outcome: 'completed', status: 200, errorCode: null }],
    ['a stream', streams([EVENT, '[DONE]']), stream, { outcome: 'completed', status: 200, errorCode: null }],
    [
      'an upstream out of reach',
      fails(),
      {},
      { outcome: 'upstream_error', status: 502, errorCode: 'upstream_unavailable' },
    ],
    [
      'an upstream that limits',
      fails({ upstreamStatus: 429 }, 'upstream_rate_limited'),
      {},
      { outcome: 'upstream_error', status: 429, errorCode: 'upstream_rate_limited' },
    ],
    [
      'an upstream that refuses',
      fails({ retryable: false, upstreamStatus: 400 }, 'upstream_refused'),
      {},
      { outcome: 'upstream_error', status: 400, errorCode: 'upstream_refused' },
    ],
    [
      'a dialect that cannot say it',
      fails({ retryable: false }, 'unsupported_parameter'),
      {},
      { outcome: 'rejected', status: 400, errorCode: 'unsupported_parameter' },
    ],
    [
      'a timeout',
      fails({}, 'upstream_timeout'),
      {},
      { outcome: 'timeout', status: 504, errorCode: 'upstream_timeout' },
    ],
    [
      'garbage',
      answers('<html>'),
      {},
      { outcome: 'upstream_error', status: 502, errorCode: 'upstream_malformed' },
    ],
    [
      'a stream cut before its first byte',
      streams([]),
      stream,
      { outcome: 'upstream_error', status: 502, errorCode: 'upstream_cut' },
    ],
    [
      'a stream cut in the middle',
      streams([EVENT]),
      stream,
      { outcome: 'upstream_cut', status: 200, errorCode: 'upstream_cut' },
    ],
    [
      'a stream with an error in the middle',
      streams([EVENT, '{"error":{"message":"x"}}']),
      stream,
      { outcome: 'upstream_error', status: 200, errorCode: 'upstream_unavailable' },
    ],
    [
      'a stream that stalls',
      streams([EVENT], fails({}, 'upstream_timeout')),
      stream,
      { outcome: 'timeout', status: 200, errorCode: 'upstream_timeout' },
    ],
  ])('%s', async (_name, one, body, expected) => {
    const { row, client, deps } = await serve(play(one), { body })

    expect(row.record).toMatchObject({ ...expected, upstream: 'up', model: 'm' })
    expect(client).toMatchObject({ ended: true, started: { status: expected.status } })
    expect(deps.audit.order.at(0)).toBe('open')
    expect(deps.audit.order.at(-1)).toBe('close')
    expect(deps.bugs).toEqual([])
  })

  test('a Responses answer that failed is passed on whole, streamed or not', async () => {
    const response = { object: 'response', status: 'failed', error: { code: 'server_error', message: 'x' } }
    const last = JSON.stringify({ type: 'response.failed', response })

    const whole = await serve(play(answers(response)), { operation: 'responses' })
    const streamed = await serve(play(streams([last])), { operation: 'responses', body: stream })

    expect(whole.row.record).toMatchObject({ outcome: 'upstream_error', status: 200, finishReason: 'failed' })
    expect(whole.json()).toEqual(response)
    expect(streamed.row.record).toMatchObject({
      outcome: 'upstream_error',
      status: 200,
      finishReason: 'failed',
    })
    expect(streamed.client.written).toBe(`data: ${last}\n\n`)
  })
})

describe('what the row holds', () => {
  test('is exactly what was sent: the bytes, their count and the usage', async () => {
    const { row, client, deps } = await serve(play(answers()))

    expect(row.body).toBe(client.written)
    expect(row.record).toMatchObject({
      usage: { inputTokens: 3, outputTokens: 5 },
      finishReason: 'stop',
      responseBytes: client.written.length,
      requestBytes: deps.audit.requests[0]?.length,
      attempts: [{ upstream: 'up', status: 200 }],
    })
    expect(deps.audit.opens).toMatchObject([
      { id: 'req_1', keyId: 'vk_1', requestedModel: 'up/m', route: null },
    ])
  })

  test('of a stream is every event and the last one', async () => {
    const { row, client } = await serve(play(streams([EVENT, '[DONE]'])), { body: stream })

    expect(row.body).toBe(`data: ${EVENT}\n\ndata: [DONE]\n\n`)
    expect(client.written).toBe(row.body)
  })
})

describe('a stream that broke after its first byte', () => {
  test('ends with an error event and never with [DONE]', async () => {
    const { client, row } = await serve(play(streams([EVENT])), { body: stream })
    const [first, last] = client.written.split('\n\n')

    expect(first).toBe(`data: ${EVENT}`)
    expect(JSON.parse(last?.slice(6) ?? '')).toMatchObject({
      error: { type: 'upstream_error', code: 'upstream_cut' },
    })
    expect(client.written).not.toContain('[DONE]')
    expect(row.body).toBe(client.written)
  })
})

describe('the answer of a failure', () => {
  test('tells clients that our tries are spent', async () => {
    const { client, json } = await serve(play(fails({ detail: 'vendor words' })))

    expect(client.started?.headers).toMatchObject({
      'x-should-retry': 'false',
      'x-request-id': 'req_1',
      'x-client-request-id': 'mine',
      'content-length': String(client.written.length),
    })
    expect(json()).toEqual({
      error: { message: 'It failed.', type: 'upstream_error', param: null, code: 'upstream_unavailable' },
    })
  })

  test('leaves the decision to the client when there is a time to come back', async () => {
    const { client } = await serve(play(fails({ headers: { 'retry-after': '30' } }, 'upstream_rate_limited')))

    expect(client.started?.headers).toMatchObject({ 'retry-after': '30' })
    expect(client.started?.headers).not.toHaveProperty('x-should-retry')
  })
})

describe('a client that leaves', () => {
  test.each([
    [
      'before the answer',
      {},
      (client: WrittenClient): Play =>
        () =>
          client.leave(),
    ],
    [
      'in the middle of a stream',
      stream,
      (client: WrittenClient): Play =>
        (sink) => {
          sink.onHead(STREAM_HEAD)
          sink.onData(Buffer.from(`data: ${EVENT}\n\n`))
          client.leave()
        },
    ],
    [
      'right before its end',
      {},
      (client: WrittenClient): Play =>
        (sink, call) => {
          answers()(sink, call)
          client.leave()
        },
    ],
  ])('%s is a client_abort', async (_name, body, one) => {
    const { row } = await serve(one, { body })

    expect(row.record).toMatchObject({
      outcome: 'client_abort',
      status: 499,
      errorCode: 'client_closed_request',
    })
  })
})

describe('a request that is refused', () => {
  test.each([
    ['its body', Buffer.from('{'), 400, 'invalid_json'],
    ['its model', bodyBytes({ model: 'nowhere' }), 404, 'model_not_found'],
  ])('for %s is one record, and no upstream hears of it', async (_name, bytes, status, errorCode) => {
    const { deps, row, client } = await serve(play(answers()), { bytes })

    expect(deps.audit.order).toEqual(['whole'])
    expect(row.record).toMatchObject({ outcome: 'rejected', status, errorCode, attempts: [], upstream: null })
    expect(row.body).toBe(client.written)
    expect(client.started).toMatchObject({ status, headers: { 'x-request-id': 'req_1' } })
  })

  test('for its limit carries the wait, and gives nothing back it did not take', async () => {
    const admission = {
      acquire() {
        throw new LimitError('rate_limit_exceeded', 'Slow.', 1500)
      },
    }

    const { client, row } = await serve(play(answers()), { deps: { admission } })

    expect(client.started).toMatchObject({
      status: 429,
      headers: { 'retry-after': '2', 'retry-after-ms': '1500' },
    })
    expect(row.record).toMatchObject({ outcome: 'rejected', errorCode: 'rate_limit_exceeded' })
  })

  test('keeps the beginning of a large body, and says that it is a part', async () => {
    const { deps, row } = await serve(play(answers()), { bytes: Buffer.alloc(100_000, 'x') })

    expect(deps.audit.requests[0]).toHaveLength(65_536)
    expect(row.record).toMatchObject({ truncated: true, requestBytes: 100_000 })
  })

  test('by a mistake of ours is a 500 without its words', async () => {
    const { client, deps, row } = await serve(play(answers()), {
      deps: {
        snapshot: () => {
          throw new TypeError('inner words')
        },
      },
    })

    expect(client.started?.status).toBe(500)
    expect(client.written).toContain('req_1')
    expect(client.written).not.toContain('inner words')
    expect(row.record.errorCode).toBe('internal_error')
    expect(deps.bugs).toHaveLength(1)
  })
})

describe('places of the limit', () => {
  test.each<[string, Play, Buffer | undefined]>([
    ['an answer', answers(), undefined],
    ['a failure', fails(), undefined],
    ['a refusal', answers(), Buffer.from('{')],
  ])('are given back once after %s', async (_name, one, bytes) => {
    let taken = 0
    const admission = {
      acquire: () => {
        taken += 1
        const release = () => {
          taken -= 1
        }
        return { headers: { 'x-ratelimit-limit-requests': '5' }, release }
      },
    }

    const { client } = await serve(play(one), {
      deps: { admission },
      ...(bytes === undefined ? {} : { bytes }),
    })

    expect(taken).toBe(0)
    // Ours, not the upstream's 7.
    expect(client.started?.headers).toMatchObject({ 'x-ratelimit-limit-requests': '5' })
  })
})

describe('a log that cannot be written', () => {
  const full = () => Promise.reject(new GatewayError('audit_unavailable', 'The disk is full.'))

  test('at OPEN: no byte goes upstream', async () => {
    const provider = playedProvider([answers()])
    const deps = testDeps({ snapshot: () => snapshotOf([upstreamOf('up', provider)]) })
    deps.audit.open = full

    const served = serveRequest(deps, envelopeOf(deps), bodyBytes({ model: 'up/m' }), writtenClient())

    await expect(served).rejects.toMatchObject({ code: 'audit_unavailable' })
    expect(provider.calls).toHaveLength(0)
  })

  test('at CLOSE: the answer is not released', async () => {
    const client = writtenClient()
    const provider = playedProvider([streams([EVENT, '[DONE]'])])
    const deps = testDeps({ snapshot: () => snapshotOf([upstreamOf('up', provider)]) })
    deps.audit.close = full

    const served = serveRequest(deps, envelopeOf(deps), bodyBytes({ model: 'up/m', stream: true }), client)

    await expect(served).rejects.toMatchObject({ code: 'audit_unavailable' })
    expect(client.written).toBe(`data: ${EVENT}\n\n`)
    expect(client.ended).toBe(false)
  })

  test('until then: the last bytes wait for CLOSE', async () => {
    const client = writtenClient()
    const provider = playedProvider([answers()])
    const deps = testDeps({ snapshot: () => snapshotOf([upstreamOf('up', provider)]) })
    const { promise, resolve } = Promise.withResolvers<void>()
    deps.audit.close = () => promise

    const served = serveRequest(deps, envelopeOf(deps), bodyBytes({ model: 'up/m' }), client)
    await new Promise((soon) => setImmediate(soon))
    const before: Pick<WrittenClient, 'started' | 'ended'> & Partial<Client> = {
      started: client.started,
      ended: client.ended,
    }
    resolve()
    await served

    expect(before).toEqual({ started: null, ended: false })
    expect(JSON.parse(client.written)).toEqual(ANSWER)
  })
})

test('a mistake of ours after OPEN closes the row as gateway_crash and answers 500', async () => {
  const deps = testDeps()
  const provider = playedProvider([answers()])
  provider.call = () => {
    throw new TypeError('inner words')
  }
  deps.snapshot = () => snapshotOf([upstreamOf('up', provider)])
  const client = writtenClient()

  await serveRequest(deps, envelopeOf(deps), bodyBytes({ model: 'up/m' }), client)

  expect(deps.audit.closes).toMatchObject([
    { record: { outcome: 'gateway_crash', status: 500, errorCode: 'internal_error' } },
  ])
  expect(client.started?.status).toBe(500)
  expect(client.written).not.toContain('inner words')
  expect(deps.bugs).toHaveLength(1)
})
