/** What a caller sees when something is wrong: one error object, the right status, no vendor words. */
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { refusedUrl, startSilentUpstream } from '../support/upstream.ts'
import { type Contract, hello, ONE_TRY, startContract } from './support/harness.ts'

let contract: Contract
let silent: Awaited<ReturnType<typeof startSilentUpstream>>

beforeAll(async () => {
  silent = await startSilentUpstream()
  const nowhere = await refusedUrl()
  contract = await startContract({
    settings: (up) => ({
      upstreams: {
        up,
        nowhere: { dialect: 'openai', base_url: nowhere },
        silent: { dialect: 'openai', base_url: silent.url, timeouts: { first_byte: '150ms' } },
        slow: { ...up, timeouts: { first_byte: '200ms', total: '1s', idle: '200ms' } },
        wrongkey: { dialect: 'openai', base_url: up.base_url, key: 'env:CONTRACT_WRONG_KEY' },
      },
      routes: {
        nowhere: { targets: ['nowhere/mock'], ...ONE_TRY },
        silent: { targets: ['silent/mock'], ...ONE_TRY },
      },
      keys: [
        { name: 'audit-only', secret: 'env:CONTRACT_AUDITOR', roles: ['auditor'] },
        { name: 'narrow', secret: 'env:CONTRACT_NARROW', roles: ['app'], routes: ['nowhere'] },
        { name: 'expired', secret: 'env:CONTRACT_EXPIRED', roles: ['app'], expires: '2020-01-01T00:00:00Z' },
      ],
    }),
    env: {
      CONTRACT_WRONG_KEY: 'sk-wrong-0123456789',
      CONTRACT_AUDITOR: 'auditor-secret-0123456789-0123456789',
      CONTRACT_NARROW: 'narrow-secret-0123456789-0123456789-x',
      CONTRACT_EXPIRED: 'expired-secret-0123456789-0123456789',
    },
  })
})
afterAll(async () => {
  await contract?.close()
  await silent?.close()
})

const create = (model: string) => contract.client().chat.completions.create({ model, messages: hello })
const caught = (model: string) => create(model).catch((error: unknown) => error)

/** status of the upstream -> status and code for the caller, and whether the same upstream is asked again. */
const TABLE: readonly [number, number, string, boolean][] = [
  [301, 502, 'upstream_malformed', false],
  [400, 400, 'upstream_refused', false],
  [401, 502, 'upstream_auth', false],
  [402, 502, 'upstream_auth', false],
  [403, 502, 'upstream_auth', false],
  [404, 404, 'model_not_found', false],
  [405, 400, 'upstream_refused', false],
  [408, 504, 'upstream_timeout', true],
  [409, 502, 'upstream_unavailable', true],
  [413, 413, 'body_too_large', false],
  [415, 400, 'upstream_refused', false],
  [418, 400, 'upstream_refused', false],
  [422, 400, 'upstream_refused', false],
  [425, 502, 'upstream_unavailable', true],
  [429, 429, 'upstream_rate_limited', true],
  [431, 400, 'upstream_refused', false],
  [451, 400, 'upstream_refused', false],
  [499, 400, 'upstream_refused', false],
  [500, 502, 'upstream_unavailable', true],
  [501, 502, 'upstream_unavailable', true],
  [502, 502, 'upstream_unavailable', true],
  [503, 502, 'upstream_unavailable', true],
  [504, 504, 'upstream_timeout', true],
  [507, 502, 'upstream_unavailable', true],
  [520, 502, 'upstream_unavailable', true],
  [529, 502, 'upstream_unavailable', true],
]

describe('an upstream that answers with an error status', () => {
  test.each(TABLE)('%i becomes %i %s', async (upstreamStatus, status, code, retryable) => {
    const model = `mock-${upstreamStatus}?status=${upstreamStatus}&error_body=openai`
    const answer = await contract.post('/v1/chat/completions', { model: `up/${model}`, messages: hello })

    const row = await contract.row(answer.mark)

    expect(answer.status).toBe(status)
    expect(answer.json).toEqual({
      error: { message: expect.any(String), type: expect.any(String), param: null, code },
    })
    expect(answer.text).not.toContain(`The upstream answered ${upstreamStatus}.`)
    expect(answer.headers.get('x-should-retry')).toBe('false')
    expect(row).toMatchObject({ status, error_code: code })
    expect(row.outcome).toBe(code === 'upstream_timeout' ? 'timeout' : 'upstream_error')
    expect(row.attempts.map((attempt) => attempt.status)).toEqual(
      Array.from({ length: retryable ? 3 : 1 }, () => upstreamStatus),
    )
    expect(row.attempts.at(-1)?.detail).toContain(`The upstream answered ${upstreamStatus}.`)
    expect(contract.upstream.calls(model)).toHaveLength(retryable ? 3 : 1)
  })

  test.each([
    [400, OpenAI.BadRequestError],
    [401, OpenAI.InternalServerError],
    [404, OpenAI.NotFoundError],
    [422, OpenAI.BadRequestError],
    [429, OpenAI.RateLimitError],
    [503, OpenAI.InternalServerError],
  ])('%i reaches the openai client as its own error class', async (status, expected) => {
    const error = await caught(`up/mock-sdk-${status}?status=${status}`)

    expect(error).toBeInstanceOf(expected)
    expect(error).toMatchObject({ requestID: expect.stringMatching(/^req_/) })
  })

  test('a stream that is refused before its first byte is a plain JSON error, not an event', async () => {
    const answer = await contract.post('/v1/chat/completions', {
      model: 'up/mock-s?status=400',
      messages: hello,
      stream: true,
    })

    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(answer.json.error.code).toBe('upstream_refused')
  })

  test.each(['html', 'empty', 'half-json', 'text', 'huge'])(
    'a %s error page is JSON for the caller and bounded in the log',
    async (body) => {
      const answer = await contract.post('/v1/chat/completions', {
        model: `up/mock-${body}?status=404&error_body=${body}`,
        messages: hello,
      })

      const row = await contract.row(answer.mark)

      expect(answer.status).toBe(404)
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
      expect(answer.json.error.code).toBe('model_not_found')
      expect(answer.text).not.toMatch(/<html|upstream failure|xxxx/)
      const detail = row.attempts[0]?.detail ?? ''
      expect(detail.length).toBeLessThanOrEqual(4096)
      expect(detail.includes('Bad Gateway') || body !== 'html').toBe(true)
    },
  )

  test('a code and a param that look like identifiers are passed on, free text never is', async () => {
    const body = JSON.stringify({
      error: {
        message: 'secret words of the vendor',
        code: 'string_above_max_length',
        param: 'messages[0].content',
      },
    })
    contract.upstream.on('identifiers', { status: 400, body, contentType: 'application/json' })

    const answer = await contract.post('/v1/chat/completions', { model: 'up/identifiers', messages: hello })

    expect(answer.json.error.param).toBe('messages[0].content')
    expect(answer.json.error.message).toContain('string_above_max_length')
    expect(answer.text).not.toContain('secret words')
  })

  test('a prompt that is too long keeps the code that clients test for', async () => {
    const body = JSON.stringify({ error: { message: 'too long', code: 'context_length_exceeded' } })
    contract.upstream.on('too-long', { status: 400, body, contentType: 'application/json' })

    expect(await caught('up/too-long')).toMatchObject({ status: 400, code: 'context_length_exceeded' })
  })

  test('our credentials being refused is our failure, never the caller’s 401', async () => {
    const error = await caught('wrongkey/mock')

    expect(error).toMatchObject({ status: 502, code: 'upstream_auth' })
  })
})

describe('an upstream that cannot be reached', () => {
  test('refused connections are a 502', async () => {
    expect(await caught('nowhere')).toMatchObject({ status: 502, code: 'upstream_unavailable' })
    const row = await contract.row(contract.lastMark())
    expect(row).toMatchObject({ outcome: 'upstream_error', route: 'nowhere', upstream: 'nowhere' })
    expect(row.attempts[0]).toMatchObject({ status: null, error: 'upstream_unavailable' })
    expect(row.attempts[0]?.detail).toContain('ECONNREFUSED')
  })

  test('silence is a 504 after the first-byte timeout', async () => {
    expect(await caught('silent')).toMatchObject({ status: 504, code: 'upstream_timeout' })
    expect(await contract.row(contract.lastMark())).toMatchObject({ outcome: 'timeout', status: 504 })
  })

  test('the total timeout holds over all attempts together', async () => {
    const error = await caught('slow/mock-total?first_byte_ms=100&delay_ms=100000')

    expect(error).toMatchObject({ status: 504, code: 'upstream_timeout' })
    const row = await contract.row(contract.lastMark())
    expect(row.outcome).toBe('timeout')
    expect(row.attempts.length).toBeLessThanOrEqual(3)
  })
})

describe('an upstream that answers 200 and is wrong', () => {
  test.each([
    ['an error object', { body: '{"error":{"message":"secret words","code":"overloaded"}}' }],
    ['an error as a text', { body: '{"error":"secret words"}' }],
    ['an error of another shape', { body: '{"object":"error","message":"secret words"}' }],
    ['half JSON', { body: '{"id":"x","choices":[{"index":0,"mess' }],
    ['an empty body', { body: '' }],
    ['HTML', { body: '<html>secret words</html>', contentType: 'text/html' }],
    ['a list', { body: '["secret words"]' }],
    ['null', { body: 'null' }],
    ['no HTTP at all', { raw: 'secret words\r\n\r\n' }],
    ['a broken content-length', { raw: 'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"id":1}' }],
    ['a cut body', { text: 'a long enough answer', cutAfterBytes: 20 }],
    ['an unknown encoding', { body: 'secret words', headers: { 'content-encoding': 'lzma' } }],
    ['a false gzip', { body: 'secret words', headers: { 'content-encoding': 'gzip' } }],
    ['nothing but a closed connection', { raw: '' }],
  ])('%s is a 502 and never half an answer', async (name, script) => {
    const model = `wrong-${name.replaceAll(/\W/g, '-')}`
    contract.upstream.on(model, { contentType: 'application/json', ...script })

    const answer = await contract.post('/v1/chat/completions', { model: `up/${model}`, messages: hello })
    const row = await contract.row(answer.mark)

    expect(answer.status).toBe(502)
    expect(answer.json.error.type).toBe('upstream_error')
    expect(answer.text).not.toContain('secret words')
    expect(row).toMatchObject({ outcome: 'upstream_error', status: 502 })
    expect(row.attempts.length).toBe(3)
  })

  test('a stream that was asked for and comes as JSON is a 502, its words in the log', async () => {
    contract.upstream.on('not-a-stream', {
      body: '{"detail":"secret words"}',
      contentType: 'application/json',
    })

    const answer = await contract.post('/v1/chat/completions', {
      model: 'up/not-a-stream',
      messages: hello,
      stream: true,
    })
    const row = await contract.row(answer.mark)

    expect(answer.status).toBe(502)
    expect(answer.json.error.code).toBe('upstream_malformed')
    expect(answer.text).not.toContain('secret words')
    expect(row.attempts.at(-1)?.detail).toContain('secret words')
  })

  test('an answer of an absurd size is refused', async () => {
    contract.upstream.on('absurd', {
      body: Buffer.concat([Buffer.from('{"x":"'), Buffer.alloc(65 * 1024 * 1024, 0x78), Buffer.from('"}')]),
      contentType: 'application/json',
    })

    expect(await caught('up/absurd')).toMatchObject({ status: 502, code: 'upstream_too_large' })
  })
})

/** The same key but for its last letter, whichever that is. */
function withOtherEnd(key: string): string {
  return `${key.slice(0, -1)}${key.endsWith('x') ? 'y' : 'x'}`
}

describe('a caller without the right', () => {
  const asked = (headers: Record<string, string>) =>
    fetch(`${contract.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'up/mock', messages: hello }),
    })

  test('gets one identical 401, whatever is wrong with the key', async () => {
    const answers = await Promise.all([
      asked({}),
      asked({ authorization: 'Bearer vk_01HZZZZZZZZZZZZZZZZZZZZZZZ_unknown' }),
      asked({ authorization: 'Bearer sk-something-else' }),
      asked({ authorization: 'Basic dXNlcjpwYXNz' }),
      asked({ authorization: `Bearer ${withOtherEnd(contract.gateway.appKey)}` }),
      asked({ authorization: 'Bearer expired-secret-0123456789-0123456789' }),
      asked({ authorization: `Bearer ${contract.gateway.appKey}`, 'x-aval-project': 'another' }),
    ])

    const bodies = await Promise.all(answers.map((answer) => answer.text()))
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([401]))
    expect(new Set(bodies).size).toBe(1)
    expect(JSON.parse(bodies[0]!).error).toMatchObject({ code: 'invalid_api_key', param: null })
    expect(answers.every((answer) => answer.headers.get('www-authenticate') === 'Bearer')).toBe(true)
    expect(answers.every((answer) => answer.headers.get('x-request-id')?.startsWith('req_'))).toBe(true)
  })

  test('is an AuthenticationError in the openai client, also behind a big body', async () => {
    const stranger = contract.client({
      apiKey: 'vk_unknown',
      defaultHeaders: { 'x-client-request-id': 'stranger' },
    })

    const error = await stranger.chat.completions
      .create({ model: 'up/mock', messages: [{ role: 'user', content: 'x'.repeat(20 * 1024 * 1024) }] })
      .catch((cause: unknown) => cause)

    contract.unmark('stranger')
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError)
  })

  test('gets a 403 that names the role, and a row, when the key may not call models', async () => {
    const answer = await contract.post(
      '/v1/chat/completions',
      { model: 'up/mock', messages: hello },
      { key: 'auditor-secret-0123456789-0123456789' },
    )

    expect(answer.status).toBe(403)
    expect(answer.json.error).toMatchObject({ code: 'permission_denied', type: 'permission_error' })
    expect(answer.json.error.message).toContain('app')
    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'rejected', status: 403 })
  })

  test('finds what the key may not call as missing as what does not exist', async () => {
    const key = 'narrow-secret-0123456789-0123456789-x'
    const hidden = await contract.post('/v1/chat/completions', { model: 'silent', messages: hello }, { key })
    const absent = await contract.post('/v1/chat/completions', { model: 'absent', messages: hello }, { key })

    expect(hidden.status).toBe(404)
    expect(hidden.text.replaceAll('silent', 'X')).toBe(absent.text.replaceAll('absent', 'X'))
  })
})

describe('a model that does not exist', () => {
  test('is a NotFoundError with model_not_found, and the nearest name is suggested', async () => {
    const error = await caught('nowhre')

    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model', type: 'invalid_request_error' })
    expect((error as Error).message).toContain('Did you mean "nowhere"?')
    expect(await contract.row(contract.lastMark())).toMatchObject({
      outcome: 'rejected',
      status: 404,
      error_code: 'model_not_found',
      requested_model: 'nowhre',
      attempts: [],
    })
  })

  test.each(['up/', '/mock', '__proto__', 'constructor', 'up', 'toString/x', '../up/mock', 'x'.repeat(5000)])(
    '%.20s is not found either',
    async (model) => {
      expect(await caught(model)).toMatchObject({ status: 404, code: 'model_not_found' })
    },
  )
})
