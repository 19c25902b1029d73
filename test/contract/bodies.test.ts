/** Request bodies: what is refused and how, and that what is accepted reaches the upstream byte for byte. */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, hello, startContract } from './support/harness.ts'

const MAX_BODY = 256 * 1024

let contract: Contract

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({ upstreams: { up }, server: { max_body: '256KiB' } }),
  })
})
afterAll(() => contract?.close())

const PATH = '/v1/chat/completions'
const chat = (more: object = {}) => ({ model: 'up/mock', messages: hello, ...more })

let serial = 0
/** A model name only this request uses, so that the upstream's journal can be asked for it. */
function ownModel(): string {
  serial += 1
  return `body-${serial}`
}

async function refused(body: unknown, headers: Record<string, string> = {}, path = PATH) {
  const answer = await contract.post(path, body, { headers })
  const row = await contract.row(answer.mark)
  expect(row).toMatchObject({ outcome: 'rejected', status: answer.status, attempts: [] })
  expect(row.error_code).toBe(answer.json.error.code)
  expect(answer.json.error).toEqual({
    message: expect.stringMatching(/\w/),
    type: 'invalid_request_error',
    param: answer.json.error.param,
    code: expect.any(String),
  })
  return { status: answer.status, code: answer.json.error.code, param: answer.json.error.param }
}

describe('a body that is no request', () => {
  test.each([
    ['malformed JSON', '{"model":', 400, 'invalid_json', null],
    ['trailing words', `${JSON.stringify(chat())} x`, 400, 'invalid_json', null],
    ['an empty body', '', 400, 'invalid_json', null],
    ['only spaces', '   ', 400, 'invalid_json', null],
    ['a list', '[]', 400, 'invalid_type', null],
    ['a text', '"hello"', 400, 'invalid_type', null],
    ['null', 'null', 400, 'invalid_type', null],
    ['NaN', '{"model":NaN}', 400, 'invalid_json', null],
    ['a key twice', '{"model":"up/mock","model":"up/x","messages":[]}', 400, 'duplicate_key', 'model'],
    [
      'a key twice, once escaped',
      '{"model":"up/mock","mod\\u0065l":"up/x","messages":[]}',
      400,
      'duplicate_key',
      'model',
    ],
    ['a BOM', `\uFEFF${JSON.stringify(chat())}`, 400, 'invalid_json', null],
  ] as const)('%s is refused', async (_, body, status, code, param) => {
    expect(await refused(body)).toEqual({ status, code, param })
  })

  test('bytes that are not UTF-8 are refused', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"model":"up/mock","messages":[{"role":"user","content":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}]}'),
    ])

    expect(await refused(bytes)).toEqual({ status: 400, code: 'invalid_encoding', param: null })
  })

  test.each([
    ['lists', `{"model":"up/mock","messages":${'['.repeat(100_000)}`],
    ['closed lists', `{"model":"up/mock","messages":${'['.repeat(100)}${']'.repeat(100)}}`],
    ['objects', `{"model":"up/mock","messages":${'{"a":'.repeat(40_000)}`],
  ])('a depth bomb of %s is refused', async (_, body) => {
    expect(await refused(body)).toEqual({ status: 400, code: 'too_deep', param: null })
  })
})

describe('a field that is wrong', () => {
  test.each([
    ['model missing', { messages: hello }, 'missing_required_parameter', 'model'],
    ['model a number', chat({ model: 5 }), 'invalid_type', 'model'],
    ['model null', chat({ model: null }), 'invalid_type', 'model'],
    ['model empty', chat({ model: '' }), 'invalid_value', 'model'],
    ['messages missing', { model: 'up/mock' }, 'missing_required_parameter', 'messages'],
    ['messages a text', chat({ messages: 'hi' }), 'invalid_type', 'messages'],
    ['messages empty', chat({ messages: [] }), 'invalid_value', 'messages'],
    ['a message that is a text', chat({ messages: ['hi'] }), 'invalid_type', 'messages[0]'],
    ['a message without role', chat({ messages: [{ content: 'hi' }] }), 'invalid_type', 'messages[0].role'],
    ['stream a text', chat({ stream: 'true' }), 'invalid_type', 'stream'],
    ['temperature a text', chat({ temperature: 'hot' }), 'invalid_type', 'temperature'],
    ['max_tokens a fraction', chat({ max_tokens: 1.5 }), 'invalid_type', 'max_tokens'],
    ['n a text', chat({ n: '2' }), 'invalid_type', 'n'],
    ['stop a number', chat({ stop: 3 }), 'invalid_type', 'stop'],
    ['tools an object', chat({ tools: {} }), 'invalid_type', 'tools'],
    ['stream_options a list', chat({ stream_options: [] }), 'invalid_type', 'stream_options'],
    ['user a number', chat({ user: 7 }), 'invalid_type', 'user'],
    ['seed a text', chat({ seed: 'x' }), 'invalid_type', 'seed'],
  ])('%s is a 400 that names it', async (_, body, code, param) => {
    expect(await refused(body)).toEqual({ status: 400, code, param })
  })

  test.each([
    ['/v1/embeddings', { model: 'up/mock' }, 'input'],
    ['/v1/completions', { model: 'up/mock' }, 'prompt'],
    ['/v1/moderations', { model: 'up/mock' }, 'input'],
    ['/v1/rerank', { model: 'up/mock', query: 'x' }, 'documents'],
  ])('%s names what it lacks', async (path, body, param) => {
    expect(await refused(body, {}, path)).toEqual({ status: 400, code: 'missing_required_parameter', param })
  })

  test('null stands for "not given", as on OpenAI’s own wire', async () => {
    const answer = await contract.post(PATH, chat({ temperature: null, tools: null, user: null, stop: null }))

    expect(answer.status).toBe(200)
  })

  test.each(['text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded'])(
    'content type %s is a 415',
    async (type) => {
      expect(await refused(chat(), { 'content-type': type })).toEqual({
        status: 415,
        code: 'unsupported_media_type',
        param: null,
      })
    },
  )

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'application/vnd.x+json',
  ])('content type %s is fine', async (type) => {
    const answer = await contract.post(PATH, chat(), { headers: { 'content-type': type } })

    expect(answer.status).toBe(200)
  })
})

describe('compressed bodies', () => {
  const plain = JSON.stringify(chat({ note: 'compressed ☃' }))
  const same = (text: string) => Buffer.from(text)
  test.each<[string, (text: string) => Buffer]>([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['identity', same],
    ['GZIP', gzipSync],
  ])('%s is taken, and the upstream gets it plain', async (encoding, compress) => {
    const model = ownModel()
    const own = plain.replace('up/mock', `up/${model}`)
    const sent = compress(own)

    const answer = await contract.post(PATH, sent, { headers: { 'content-encoding': encoding } })

    expect(answer.status).toBe(200)
    const [seen] = contract.upstream.calls(model)
    expect(seen?.json?.note).toBe('compressed ☃')
    expect(seen?.headers['content-encoding']).toBeUndefined()
    expect((await contract.row(answer.mark)).request_body).toBe(own)
  })

  test.each([
    ['gzip', gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20))],
    ['br', brotliCompressSync(Buffer.alloc(16 * 1024 * 1024, 0x20))],
    ['zstd', zstdCompressSync(Buffer.alloc(16 * 1024 * 1024, 0x20))],
    ['deflate', deflateSync(Buffer.alloc(16 * 1024 * 1024, 0x20))],
  ])('a %s bomb is a 413', async (encoding, bomb) => {
    expect(bomb.length).toBeLessThan(MAX_BODY)
    expect(await refused(bomb, { 'content-encoding': encoding })).toMatchObject({
      status: 413,
      code: 'body_too_large',
    })
  })

  test('bytes that are not what they claim are a 400, an unknown encoding a 415', async () => {
    expect(await refused(plain, { 'content-encoding': 'gzip' })).toMatchObject({
      status: 400,
      code: 'invalid_encoding',
    })
    expect(await refused(plain, { 'content-encoding': 'lzma' })).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    })
    expect(await refused(gzipSync(plain).subarray(0, 40), { 'content-encoding': 'gzip' })).toMatchObject({
      status: 400,
      code: 'invalid_encoding',
    })
  })
})

describe('a body that is too large', () => {
  test('is a 413 when its size is announced, and the answer arrives although the caller is still sending', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => contract.post(PATH, Buffer.alloc(20 * 1024 * 1024, 0x20))),
    )

    for (const answer of answers) {
      expect(answer.status).toBe(413)
      expect(answer.json.error.code).toBe('body_too_large')
    }
    expect(await contract.row(answers[0]!.mark)).toMatchObject({ outcome: 'rejected', status: 413 })
  })

  test('is a 413 before a byte of the announced body has been sent', async () => {
    const mark = contract.mark()
    const head = [
      `POST ${PATH} HTTP/1.1`,
      'host: x',
      'content-type: application/json',
      `authorization: Bearer ${contract.gateway.appKey}`,
      `x-client-request-id: ${mark}`,
      'content-length: 1000000000',
      '',
      '',
    ]

    const answer = await exchange([head.join('\r\n')], '}}')

    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('"code":"body_too_large"')
  })

  test('is a 413 when it comes in chunks and tells no size', async () => {
    const mark = contract.mark()
    const head = [
      `POST ${PATH} HTTP/1.1`,
      'host: x',
      'content-type: application/json',
      `authorization: Bearer ${contract.gateway.appKey}`,
      `x-client-request-id: ${mark}`,
      'transfer-encoding: chunked',
      '',
      '',
    ]
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`

    const answer = await exchange([head.join('\r\n'), ...Array.from({ length: 200 }, () => chunk)], '}}')

    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(await contract.row(mark)).toMatchObject({ outcome: 'rejected', status: 413 })
  })

  test('passes when it is just small enough', async () => {
    const empty = JSON.stringify(chat({ pad: '' }))
    const body = JSON.stringify(chat({ pad: 'x'.repeat(MAX_BODY - empty.length) }))

    expect(Buffer.byteLength(body)).toBe(MAX_BODY)
    expect((await contract.post(PATH, body)).status).toBe(200)
    expect((await contract.post(PATH, `${body} `)).status).toBe(413)
  })
})

/** Writes the pieces to a bare socket and resolves with what came back once it contains `until`. */
function exchange(pieces: readonly string[], until: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(contract.gateway.port, '127.0.0.1')
    let received = ''
    socket.on('connect', () => {
      for (const piece of pieces) socket.write(piece)
    })
    socket.on('data', (part) => {
      received += part.toString()
      if (!received.includes(until)) return
      resolve(received)
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`The connection closed after: ${received}`)))
  })
}

describe('what is accepted', () => {
  test('reaches the upstream byte for byte: spacing, key order, big integers, 1e21, escapes', async () => {
    const model = ownModel()
    const body = `{ "zeta":1e21, "model" : "up/${model}" ,"big":123456789012345678901234567890,
      "tiny":0.1000, "neg":-0, "esc":"\\u00e9\\/\\ud83d\\ude00", "messages":[{"role":"user","content":"☃"}],
      "nested":{"b":1,"a":[1.0,2.50,{"dup":1,"dup":2}]}, "vendor_extension":true }`

    const answer = await contract.post(PATH, body)

    const [seen] = contract.upstream.calls(model)
    expect(answer.status).toBe(200)
    expect(seen?.body.toString()).toBe(body.replace(`"up/${model}"`, `"${model}"`))
    expect((await contract.row(answer.mark)).request_body).toBe(body)
  })

  test('gains only stream_options in a stream, right behind the opening brace', async () => {
    const model = ownModel()
    const body = `{"messages":[{"role":"user","content":"x"}],  "model":"up/${model}","stream":true,"x":1e21}`

    await contract.post(PATH, body)

    const [seen] = contract.upstream.calls(model)
    expect(seen?.body.toString()).toBe(
      body
        .replace('{"messages"', '{"stream_options":{"include_usage":true},"messages"')
        .replace(`"up/${model}"`, `"${model}"`),
    )
  })

  test('keeps __proto__ and constructor as plain members and pollutes nothing', async () => {
    const model = ownModel()
    const body = `{"model":"up/${model}","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"messages":[{"role":"user","content":"x","__proto__":{"polluted":true}}]}`

    const answer = await contract.post(PATH, body)
    const after = await contract.post(PATH, chat())

    expect(answer.status).toBe(200)
    const [seen] = contract.upstream.calls(model)
    expect(seen?.body.toString()).toBe(body.replace(`up/${model}`, model))
    expect(after.text).not.toContain('polluted')
    // A polluted prototype would let a body without a model through.
    expect(
      (await contract.post(PATH, '{"__proto__":{"model":"up/mock","messages":[]}}')).json.error,
    ).toMatchObject({
      code: 'missing_required_parameter',
      param: 'model',
    })
  })

  test('a model that is written with escapes is found and replaced', async () => {
    const model = ownModel()

    const answer = await contract.post(
      PATH,
      `{"mod\\u0065l":"up\\/${model}","messages":[{"role":"user","content":"x"}]}`,
    )

    expect(answer.status).toBe(200)
    expect(contract.upstream.calls(model)).toHaveLength(1)
  })

  test('any JSON members survive, whatever they hold', async () => {
    const known = new Set(['model', 'messages'])
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 3 })),
        async (extra) => {
          const model = ownModel()
          const members = Object.entries(extra)
            .filter(([key]) => !known.has(key) && !RESERVED.has(key))
            .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
          const body = `{${[...members, `"model":"up/${model}"`, `"messages":[{"role":"user","content":"x"}]`].join(',')}}`

          const answer = await contract.post(PATH, body)

          expect(answer.status).toBe(200)
          const [seen] = contract.upstream.calls(model)
          expect(seen?.body.toString()).toBe(body.replace(`"up/${model}"`, `"${model}"`))
        },
      ),
      { numRuns: 40 },
    )
  })

  test('answers come back byte for byte, with members and numbers nobody knows', async () => {
    const model = ownModel()
    const body = ` {"id":null,"vendor":{"z":1e21,"a":123456789012345678901234567890},"choices":[{"index":0,"message":{"role":"assistant","content":"ok","x_extra":0.10},"finish_reason":"stop"}], "usage":{"prompt_tokens":3,"completion_tokens":1,"cost":0.00001}} \n`
    contract.upstream.on(model, { body, contentType: 'application/json' })

    const answer = await contract.post(PATH, chat({ model: `up/${model}` }))

    expect(answer.text).toBe(body)
    const row = await contract.row(answer.mark)
    expect(row).toMatchObject({ input_tokens: 3, output_tokens: 1, finish_reason: 'stop' })
    expect(row.response_body).toBe(body)
  })

  test('garbage never takes the gateway down: it answers every time and still works', async () => {
    for (let round = 0; round < 30; round += 1) {
      const answer = await contract.post(PATH, randomBytes(1 + round * 37))
      expect(answer.status).toBe(400)
    }

    expect((await contract.post(PATH, chat())).status).toBe(200)
  })
})

/** Members whose type is checked; random values there are refused, rightly. */
const RESERVED = new Set([
  'stream',
  'stream_options',
  'tools',
  'temperature',
  'top_p',
  'n',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'user',
  'seed',
  'metadata',
  'dimensions',
  'encoding_format',
  'documents',
  'top_n',
  'parallel_tool_calls',
  'logprobs',
  'input',
  'prompt',
])
