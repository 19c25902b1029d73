/** HTTP around the call: ids, headers both ways, addresses, methods, CORS, connections. */
import { connect } from 'node:net'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, hello, ONE_TRY, startContract, UPSTREAM_KEY } from './support/harness.ts'

const ORIGIN = 'https://app.example'

let contract: Contract

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({
      server: { cors_origins: [ORIGIN] },
      upstreams: {
        up,
        azure: {
          dialect: 'openai',
          base_url: up.base_url,
          key: 'env:CONTRACT_UPSTREAM_KEY',
          key_header: 'api-key',
          query: { 'api-version': '2024-10-21' },
          headers: { 'x-team': 'search' },
        },
      },
      routes: { limited: { targets: ['up/limited-upstream'], ...ONE_TRY } },
    }),
  })
})
afterAll(() => contract?.close())

const PATH = '/v1/chat/completions'
const chat = (more: object = {}) => ({ model: 'up/mock', messages: hello, ...more })
const REQUEST_ID = /^req_[0-9A-Za-z-]+$/

describe('request ids', () => {
  test('ours is on every answer and is the id of the row; the upstream’s is in the attempt', async () => {
    const answer = await contract.post(PATH, chat({ model: 'up/mock?header.x-request-id=theirs-1' }))

    const id = answer.headers.get('x-request-id') ?? ''
    const row = await contract.row(id)

    expect(id).toMatch(REQUEST_ID)
    expect(row.id).toBe(id)
    expect(row.attempts[0]?.upstream_request_id).toBe('theirs-1')
  })

  test.each(['x-client-request-id', 'x-request-id'])(
    'the caller’s %s is echoed and logged, never used as ours',
    async (name) => {
      const mine = `my-trace.1:${name}`
      const answer = await contract.post(PATH, chat(), {
        headers: name === 'x-request-id' ? { 'x-client-request-id': '', [name]: mine } : { [name]: mine },
      })

      contract.unmark('')
      expect(answer.headers.get('x-client-request-id')).toBe(name === 'x-request-id' ? null : mine)
      expect(answer.headers.get('x-request-id')).toMatch(REQUEST_ID)
    },
  )

  test('the caller’s x-request-id alone is echoed as x-client-request-id', async () => {
    const answer = await fetch(`${contract.gateway.url}${PATH}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${contract.gateway.appKey}`,
        'x-request-id': 'trace-77',
      },
      body: JSON.stringify(chat()),
    })

    expect(answer.headers.get('x-client-request-id')).toBe('trace-77')
    expect((await contract.row(answer.headers.get('x-request-id') ?? '')).client_request_id).toBe('trace-77')
  })

  test('an id that is no plain token is not echoed', async () => {
    const answer = await contract.post(PATH, chat(), { headers: { 'x-client-request-id': 'a b<script>' } })

    contract.unmark('a b<script>')
    expect(answer.headers.get('x-client-request-id')).toBeNull()
  })

  test.each([
    ['a refused body', PATH, 'POST', '{'],
    ['a missing model', PATH, 'POST', '{"model":"nope","messages":[{"role":"user"}]}'],
    ['a path that does not exist', '/v1/nothing', 'POST', '{}'],
    ['a wrong method', PATH, 'PUT', '{}'],
  ])('%s has one, too, and the caller’s is echoed', async (_, path, method, body) => {
    const answer = await contract.post(path, body, { method })
    if (path === '/v1/nothing' || method === 'PUT') contract.unmark(answer.mark)

    expect(answer.headers.get('x-request-id')).toMatch(REQUEST_ID)
    expect(answer.headers.get('x-client-request-id')).toBe(answer.mark)
  })

  test('a refused key’s answer has both ids, too', async () => {
    const answer = await contract.post(PATH, chat(), { key: 'nobody' })

    contract.unmark(answer.mark)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('x-request-id')).toMatch(REQUEST_ID)
    expect(answer.headers.get('x-client-request-id')).toBe(answer.mark)
  })
})

describe('what goes to the upstream', () => {
  test('is our own head: no header of the caller crosses, its key least of all', async () => {
    const model = 'headers-out'
    await contract.post(PATH, chat({ model: `up/${model}` }), {
      headers: {
        'openai-organization': 'org-caller',
        'openai-project': 'proj-caller',
        cookie: 'session=1',
        'x-forwarded-for': '10.1.2.3',
        forwarded: 'for=10.1.2.3',
        te: 'trailers',
        'x-stainless-lang': 'js',
        'accept-language': 'pt',
        'idempotency-key': 'abc',
        'user-agent': 'caller/1',
      },
    })

    const [seen] = contract.upstream.calls(model)
    expect(seen?.headers.authorization).toBe(`Bearer ${UPSTREAM_KEY}`)
    expect(Object.keys(seen?.headers ?? {}).toSorted()).toEqual([
      'accept-encoding',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
    ])
    expect(JSON.stringify(seen?.headers)).not.toContain(contract.gateway.appKey)
  })

  test('can be Azure’s: key in api-key, api-version in the address, own headers', async () => {
    const model = 'azure-call'
    await contract.post(PATH, chat({ model: `azure/${model}` }))

    const [seen] = contract.upstream.calls(model)
    expect(seen?.headers).toMatchObject({ 'api-key': UPSTREAM_KEY, 'x-team': 'search' })
    expect(seen?.headers.authorization).toBeUndefined()
    expect(seen?.path).toBe('/v1/chat/completions?api-version=2024-10-21')
  })
})

describe('what comes back from the upstream', () => {
  test('is what a caller can use: rate limits and timing; nothing else', async () => {
    contract.upstream.on('headers-in', {
      headers: {
        'x-ratelimit-remaining-tokens': '149984',
        'x-ratelimit-reset-tokens': '6ms',
        'openai-version': '2020-10-01',
        'set-cookie': 'a=b',
        'openai-organization': 'our-organisation',
        'keep-alive': 'timeout=5',
        'proxy-authenticate': 'Basic',
        'x-ratelimit-odd': 'caf\u00e9',
        upgrade: 'h2c',
        server: 'vendor',
        'x-internal-host': 'gpu-17',
        via: '1.1 vendor',
      },
    })

    const { headers } = await contract.post(PATH, chat({ model: 'up/headers-in' }))

    expect(Object.fromEntries(headers)).toMatchObject({
      'x-ratelimit-remaining-tokens': '149984',
      'x-ratelimit-reset-tokens': '6ms',
      'x-ratelimit-limit-requests': '10000',
      'openai-processing-ms': '7',
      'openai-version': '2020-10-01',
      'x-aval-model': 'up/headers-in',
    })
    for (const name of [
      'set-cookie',
      'openai-organization',
      'proxy-authenticate',
      'x-ratelimit-odd',
      'upgrade',
      'server',
      'x-internal-host',
      'via',
    ]) {
      expect(headers.get(name), name).toBeNull()
    }
  })

  test('Retry-After and retry-after-ms are forwarded with a 429, and the client may come back then', async () => {
    contract.upstream.on('limited-upstream', { status: 429, retryAfter: 17, retryAfterMs: 16_500 })

    const answer = await contract.post(PATH, chat({ model: 'limited' }))

    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('17')
    expect(answer.headers.get('retry-after-ms')).toBe('16500')
    expect(answer.headers.get('x-should-retry')).not.toBe('true')
  })

  test('a model id that no header can hold is percent-encoded there, and the answer is whole', async () => {
    const model = 'up/modèle-☃ line\nbreak'

    const answer = await contract.post(PATH, chat({ model }))
    const stream = await contract.post(PATH, chat({ model, stream: true }))

    expect([answer.status, stream.status]).toEqual([200, 200])
    expect(answer.headers.get('x-aval-model')).toBe('up/mod%C3%A8le-%E2%98%83%20line%0Abreak')
    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'completed', requested_model: model })
  })

  test('a stream carries them as well', async () => {
    const { headers } = await contract.post(
      PATH,
      chat({ model: 'up/mock?header.x-ratelimit-remaining-tokens=5', stream: true }),
    )

    expect(headers.get('x-ratelimit-remaining-tokens')).toBe('5')
    expect(headers.get('x-request-id')).toMatch(REQUEST_ID)
  })
})

describe('addresses', () => {
  test.each([
    ['/v1/chat/completions', ''],
    ['/chat/completions', ''],
    ['/v1/chat/completions/', ''],
    ['/v1/chat/completions', '?api-version=2024-10-21'],
    ['/chat/completions/', '?api-version=1&x=y'],
  ])('%s%s is the same endpoint, and the query goes no further', async (path, query) => {
    const model = `address${Buffer.from(path + query).toString('hex')}`

    const answer = await contract.post(path + query, chat({ model: `up/${model}` }))

    expect(answer.status).toBe(200)
    expect(contract.upstream.calls(model)[0]?.path).toBe('/v1/chat/completions')
  })

  test.each(['/v1', '/v1/', '', '/'])(
    'the openai client works with the base URL ending in "%s"',
    async (ending) => {
      const client = contract.client({ baseURL: `${contract.gateway.url}${ending}` })

      const answer = await client.chat.completions.create({ model: 'up/mock?text=there', messages: hello })

      expect(answer.choices[0]?.message.content).toBe('there')
    },
  )

  test.each(['authorization', 'x-api-key', 'api-key'])(
    'the key may come in %s, on calls and on /v1/models',
    async (name) => {
      const { gateway } = contract
      const headers = {
        'content-type': 'application/json',
        [name]: name === 'authorization' ? `Bearer ${gateway.appKey}` : gateway.appKey,
      }

      const call = await fetch(gateway.url + PATH, { method: 'POST', headers, body: JSON.stringify(chat()) })
      const list = await fetch(`${gateway.url}/v1/models`, { headers })

      expect([call.status, list.status]).toEqual([200, 200])
    },
  )
})

describe('methods', () => {
  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])(
    '%s on a model call is a 405 that names POST',
    async (method) => {
      const answer = await fetch(contract.gateway.url + PATH, { method })

      expect(answer.status).toBe(method === 'OPTIONS' ? 204 : 405)
      if (method === 'OPTIONS') return
      expect(answer.headers.get('allow')).toBe('POST')
      expect(await answer.json()).toMatchObject({ error: { code: 'method_not_allowed', param: null } })
    },
  )

  test('HEAD on a model call is a 405 without a body, on /v1/models a 200', async () => {
    const headers = { authorization: `Bearer ${contract.gateway.appKey}` }

    const call = await fetch(contract.gateway.url + PATH, { method: 'HEAD' })
    const list = await fetch(`${contract.gateway.url}/v1/models`, { method: 'HEAD', headers })

    expect(call.status).toBe(405)
    expect(await call.text()).toBe('')
    expect(list.status).toBe(200)
  })

  test('an unknown path is a 404 with an error object', async () => {
    const answer = await fetch(`${contract.gateway.url}/v1/fine-tunes`, { method: 'POST' })

    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ error: { code: 'not_found', type: 'invalid_request_error' } })
  })

  test('POST to /v1/models is a 405', async () => {
    const headers = { authorization: `Bearer ${contract.gateway.appKey}` }
    const answer = await fetch(`${contract.gateway.url}/v1/models`, { method: 'POST', headers })

    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET')
  })
})

describe('pages of other origins', () => {
  const preflight = (origin: string) =>
    fetch(contract.gateway.url + PATH, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })

  test('may call when the config names them, and may read the request id', async () => {
    const asked = await preflight(ORIGIN)
    const whole = await contract.post(PATH, chat(), { headers: { origin: ORIGIN } })
    const stream = await contract.post(PATH, chat({ stream: true }), { headers: { origin: ORIGIN } })
    const wrong = await contract.post(PATH, '{', { headers: { origin: ORIGIN } })

    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-origin')).toBe(ORIGIN)
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST')
    expect(asked.headers.get('access-control-allow-headers')).toContain('authorization')
    for (const answer of [whole, stream, wrong]) {
      expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN)
      expect(answer.headers.get('access-control-expose-headers')).toContain('x-request-id')
      expect(answer.headers.get('vary')).toContain('origin')
    }
  })

  test('get no permission otherwise', async () => {
    const asked = await preflight('https://evil.example')
    const answer = await contract.post(PATH, chat(), { headers: { origin: 'https://evil.example' } })

    expect(asked.headers.get('access-control-allow-origin')).toBeNull()
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })
})

/** Writes to a bare socket and resolves with everything that came once `until` matches, or the connection closed. */
function exchange(write: (send: (bytes: string) => void) => void, until: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(contract.gateway.port, '127.0.0.1', () => write((bytes) => socket.write(bytes)))
    let received = ''
    socket.on('data', (part) => {
      received += part.toString()
      if (!until.test(received)) return
      resolve(received)
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(received))
  })
}

function head(body: string, more: readonly string[] = [], mark = contract.mark()): string {
  return [
    `POST ${PATH} HTTP/1.1`,
    'host: x',
    'content-type: application/json',
    `authorization: Bearer ${contract.gateway.appKey}`,
    `x-client-request-id: ${mark}`,
    `content-length: ${Buffer.byteLength(body)}`,
    ...more,
    '',
    '',
  ].join('\r\n')
}

describe('connections', () => {
  test('Expect: 100-continue gets its 100 and then the answer', async () => {
    const body = JSON.stringify(chat())

    const received = await exchange((send) => send(head(body, ['expect: 100-continue']) + body), /chatcmpl/)

    expect(received).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
  })

  test('one connection carries many calls, also after a refused one and after a stream', async () => {
    const agent = new Agent({ connections: 1, pipelining: 1 })
    let connects = 0
    agent.on('connect', () => {
      connects += 1
    })
    const bodies = [chat(), chat({ messages: [] }), chat({ stream: true }), chat({ model: 'nope' }), chat()]

    const statuses: number[] = []
    for (const body of bodies) {
      const answer = await request(contract.gateway.url + PATH, {
        method: 'POST',
        dispatcher: agent,
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${contract.gateway.appKey}`,
          'x-client-request-id': contract.mark(),
        },
        body: JSON.stringify(body),
      })
      await answer.body.dump()
      statuses.push(answer.statusCode)
    }
    await agent.close()

    expect(statuses).toEqual([200, 400, 200, 404, 200])
    expect(connects).toBe(1)
  })

  test('two calls written at once on one connection are answered in order', async () => {
    const [first, second] = [
      chat({ model: 'up/mock?text=first' }),
      chat({ model: 'up/mock?text=second' }),
    ].map((body) => JSON.stringify(body)) as [string, string]

    const received = await exchange((send) => send(head(first) + first + head(second) + second), /"second"/)

    expect(received.indexOf('"first"')).toBeGreaterThan(0)
    expect(received.indexOf('"first"')).toBeLessThan(received.indexOf('"second"'))
  })

  test('a head that is too large is a 431 with an error object', async () => {
    const received = await exchange(
      (send) => send(`POST ${PATH} HTTP/1.1\r\nhost: x\r\nx-big: ${'x'.repeat(40_000)}\r\n\r\n`),
      /\}\}/,
    )

    expect(received).toMatch(/^HTTP\/1\.1 431 /)
    expect(received).toContain('"code":"headers_too_large"')
  })

  test('bytes that are no HTTP are a 400 with an error object', async () => {
    const received = await exchange((send) => send('EHLO gateway\r\n\r\n'), /\}\}/)

    expect(received).toMatch(/^HTTP\/1\.1 400 /)
    expect(received).toContain('"code":"invalid_request"')
  })

  test('two lengths, or a length beside chunks, are refused: nothing can be smuggled', async () => {
    const body = JSON.stringify(chat())
    const double = contract.mark()
    const both = contract.mark()

    const first = await exchange((send) => send(head(body, ['content-length: 5'], double) + body), /\}\}/)
    const second = await exchange(
      (send) => send(head(body, ['transfer-encoding: chunked'], both) + body),
      /\}\}/,
    )

    contract.unmark(double)
    contract.unmark(both)
    expect(first).toMatch(/^HTTP\/1\.1 400 /)
    expect(second).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('hop-by-hop headers of the caller do not change what it gets', async () => {
    const body = JSON.stringify(chat())

    const received = await exchange(
      (send) =>
        send(
          head(body, ['connection: keep-alive, x-request-id', 'te: trailers', 'proxy-connection: x']) + body,
        ),
      /chatcmpl/,
    )

    expect(received).toMatch(/^HTTP\/1\.1 200 OK/)
    expect(received).toMatch(/x-request-id: req_/)
    expect(received).not.toMatch(/proxy-connection/i)
  })
})
