/** Callers who leave: the upstream is aborted, the row says client_abort, at every moment and on every endpoint. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, hello, startContract } from './support/harness.ts'

let contract: Contract

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({
      upstreams: { up, other: up, chatty: { ...up, responses: 'translate' } },
      routes: {
        pair: { targets: ['up/pair-first?status=500&retry_after_ms=1500', 'other/pair-second?hang=true'] },
      },
    }),
  })
})
afterAll(() => contract?.close())

let serial = 0
const ownModel = (script: string) => {
  serial += 1
  return `leave-${serial}?${script}`
}

const finished = (model: string) =>
  contract.upstream.when((entry) => entry.model === model && entry.finished !== undefined)

/** Sends, leaves once the upstream has the request, and resolves with what the upstream and the log say. */
async function leaveBeforeTheFirstByte(path: string, body: (model: string) => object, upstream = 'up') {
  const model = ownModel('hang=true')
  const leave = new AbortController()
  const mark = contract.mark()
  const call = contract
    .post(path, body(`${upstream}/${model}`), {
      signal: leave.signal,
      headers: { 'x-client-request-id': mark },
    })
    .catch((cause: unknown) => cause)
  await contract.upstream.when((entry) => entry.model === model)
  leave.abort()
  await call
  return { entry: await finished(model), row: await contract.row(mark), model }
}

describe('before the first byte', () => {
  test.each([
    ['/v1/chat/completions', { messages: hello }],
    ['/v1/chat/completions', { messages: hello, stream: true }],
    ['/v1/completions', { prompt: 'x' }],
    ['/v1/completions', { prompt: 'x', stream: true }],
    ['/v1/embeddings', { input: 'x' }],
    ['/v1/responses', { input: 'x' }],
    ['/v1/responses', { input: 'x', stream: true }],
    ['/v1/moderations', { input: 'x' }],
    ['/v1/rerank', { query: 'x', documents: ['y'] }],
  ])('%s %j aborts the upstream and is logged', async (path, more) => {
    const { entry, row, model } = await leaveBeforeTheFirstByte(path, (name) => ({ model: name, ...more }))

    expect(entry.finished).toBe('aborted')
    expect(row).toMatchObject({ outcome: 'client_abort', status: 499, error_code: 'client_closed_request' })
    expect(row.attempts).toHaveLength(1)
    expect(contract.upstream.calls(model)).toHaveLength(1)
  })

  test.each([false, true])('a translated call (stream: %s) is aborted as well', async (stream) => {
    const { entry, row } = await leaveBeforeTheFirstByte(
      '/v1/responses',
      (name) => ({ model: name, input: 'x', stream }),
      'chatty',
    )

    expect(entry.finished).toBe('aborted')
    expect(row).toMatchObject({ outcome: 'client_abort', status: 499 })
  })
})

describe('in the middle', () => {
  test.each([
    ['/v1/chat/completions', 'up', { messages: hello }],
    ['/v1/completions', 'up', { prompt: 'x' }],
    ['/v1/responses', 'up', { input: 'x' }],
    ['/v1/responses', 'chatty', { input: 'x' }],
  ])(
    'of a stream of %s through %s: what was sent is kept, the rest never asked for',
    async (path, upstream, more) => {
      const model = ownModel('text=one two three four five six seven&stall_after=4')
      const leave = new AbortController()
      const mark = contract.mark()
      const response = await fetch(`${contract.gateway.url}${path}`, {
        method: 'POST',
        signal: leave.signal,
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${contract.gateway.appKey}`,
          'x-client-request-id': mark,
        },
        body: JSON.stringify({ model: `${upstream}/${model}`, stream: true, ...more }),
      })
      const reader = response.body!.getReader()
      let seen = Buffer.from((await reader.read()).value ?? [])

      while (!seen.includes('two') && !seen.includes('in_progress')) {
        seen = Buffer.concat([seen, (await reader.read()).value ?? Buffer.alloc(0)])
      }
      leave.abort()
      const entry = await finished(model)
      const row = await contract.row(mark)

      expect(entry.finished).toBe('aborted')
      expect(row).toMatchObject({ outcome: 'client_abort', status: 499, finish_reason: null })
      expect(row.response_body).toContain(seen.toString())
    },
  )

  test('of a whole answer', async () => {
    const model = ownModel('first_byte_ms=600000')
    const leave = new AbortController()
    const mark = contract.mark()
    const call = contract
      .post(
        '/v1/chat/completions',
        { model: `up/${model}`, messages: hello },
        {
          signal: leave.signal,
          headers: { 'x-client-request-id': mark },
        },
      )
      .catch(() => undefined)
    await contract.upstream.when((entry) => entry.model === model)

    leave.abort()
    await call

    expect((await finished(model)).finished).toBe('aborted')
    expect(await contract.row(mark)).toMatchObject({ outcome: 'client_abort' })
  })

  test('of a wait between two tries: no further try is made', async () => {
    const model = ownModel('status=503&retry_after_ms=1900')
    const leave = new AbortController()
    const mark = contract.mark()
    const call = contract
      .post(
        '/v1/chat/completions',
        { model: `up/${model}`, messages: hello },
        {
          signal: leave.signal,
          headers: { 'x-client-request-id': mark },
        },
      )
      .catch(() => undefined)
    await finished(model)

    leave.abort()
    await call
    const row = await contract.row(mark)

    expect(row).toMatchObject({ outcome: 'client_abort', status: 499 })
    expect(row.attempts.map((attempt) => attempt.status)).toEqual([503])
    expect(contract.upstream.calls(model)).toHaveLength(1)
  })

  test('of the second target: both attempts are in the row', async () => {
    const leave = new AbortController()
    const mark = contract.mark()
    const call = contract
      .post(
        '/v1/chat/completions',
        { model: 'pair', messages: hello },
        {
          signal: leave.signal,
          headers: { 'x-client-request-id': mark },
        },
      )
      .catch(() => undefined)
    await contract.upstream.when((entry) => entry.model?.startsWith('pair-second') === true)

    leave.abort()
    await call
    const row = await contract.row(mark)

    expect(row).toMatchObject({ outcome: 'client_abort', route: 'pair', upstream: 'other' })
    expect(row.attempts.map((attempt) => attempt.upstream)).toEqual(['up', 'other'])
  })

  test('of its own request: nothing goes upstream', async () => {
    const mark = contract.mark()
    const socket = connect(contract.gateway.port, '127.0.0.1')
    socket.write(
      [
        'POST /v1/chat/completions HTTP/1.1',
        'host: x',
        'content-type: application/json',
        `authorization: Bearer ${contract.gateway.appKey}`,
        `x-client-request-id: ${mark}`,
        'content-length: 1000',
        '',
        '{"model":"up/never-sent",',
      ].join('\r\n'),
      () => setTimeout(() => socket.resetAndDestroy(), 50),
    )

    const row = await contract.row(mark)

    expect(row).toMatchObject({ outcome: 'client_abort', status: 499, attempts: [] })
    expect(contract.upstream.calls('never-sent')).toHaveLength(0)
  })
})

test('after the end nothing changes: the row stays completed', async () => {
  const model = ownModel('text=over')
  const answer = await contract.post('/v1/chat/completions', {
    model: `up/${model}`,
    messages: hello,
    stream: true,
  })

  expect(answer.text).toContain('[DONE]')
  expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'completed' })
  expect((await finished(model)).finished).toBe('complete')
})

test('many who leave at once leave one row each and no call running', async () => {
  const model = ownModel('text=a b c&stall_after=2')
  const marks = Array.from({ length: 60 }, () => contract.mark())
  const leave = new AbortController()
  const calls = marks.map((mark, at) =>
    contract
      .post(
        '/v1/chat/completions',
        { model: `up/${model}`, messages: hello, stream: at % 2 === 0 },
        {
          signal: leave.signal,
          headers: { 'x-client-request-id': mark },
        },
      )
      .catch(() => undefined),
  )
  await contract.upstream.when(() => contract.upstream.calls(model).length === 60)

  leave.abort()
  await Promise.all(calls)
  for (const mark of marks) {
    const row = await contract.row(mark)
    expect(['client_abort', 'completed']).toContain(row.outcome)
  }

  await contract.upstream.when(() =>
    contract.upstream.calls(model).every((entry) => entry.finished !== undefined),
  )
})
