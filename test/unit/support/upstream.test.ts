/** The scripted upstream must itself be trusted: these tests hold what every other suite assumes about it. */
import OpenAI from 'openai'
import { request as undiciRequest } from 'undici'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { embeddingOf } from '../../support/openai-wire-data.ts'
import { refusedUrl, startSilentUpstream, startUpstream, type Upstream } from '../../support/upstream.ts'

let upstream: Upstream
let client: OpenAI

beforeAll(async () => {
  upstream = await startUpstream({ models: ['mock', 'other'] })
  client = new OpenAI({ baseURL: upstream.url, apiKey: 'k', maxRetries: 0 })
})
afterAll(() => upstream.close())
beforeEach(() => upstream.reset())

const hello = [{ role: 'user' as const, content: 'hello wörld 🌍' }]

async function raw(model: string, body: Record<string, unknown> = {}) {
  const response = await undiciRequest(`${upstream.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: hello, ...body }),
  })
  const parts: Buffer[] = []
  let failure: unknown
  try {
    for await (const part of response.body) parts.push(part as Buffer)
  } catch (cause) {
    failure = cause
  }
  const bytes = Buffer.concat(parts)
  return {
    status: response.statusCode,
    headers: response.headers,
    bytes,
    text: bytes.toString(),
    failure,
    parts,
  }
}

test('a chat answer echoes the question and counts its words', async () => {
  const answer = await client.chat.completions.create({
    model: 'mock',
    messages: hello,
    n: 2,
    logprobs: true,
  })

  expect(answer.choices.map((choice) => choice.message.content)).toEqual([
    'echo: hello wörld 🌍',
    '[1] echo: hello wörld 🌍',
  ])
  expect(answer.usage?.completion_tokens).toBe(8)
  expect(answer.choices[0]?.logprobs?.content?.length).toBe(4)
})

test('a stream interleaves choices, sends usage last when asked and ends with one [DONE]', async () => {
  const answer = await raw('mock', { stream: true, n: 2, stream_options: { include_usage: true } })

  const events = answer.text.trim().split('\n\n')
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice(6)))
  expect(events.at(-1)).toBe('data: [DONE]')
  expect(chunks.slice(0, 4).map((chunk) => chunk.choices[0].index)).toEqual([0, 1, 0, 1])
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 8 } })
  expect(chunks.at(0).usage).toBeNull()
})

test('parallel tool calls arrive in pieces and join to valid arguments', async () => {
  const tool = (name: string) => ({ type: 'function' as const, function: { name, parameters: {} } })

  const stream = client.chat.completions.stream({
    model: 'mock?tool_calls=2&tool_argument_bytes=20000',
    messages: hello,
    tools: [tool('first'), tool('second')],
  })
  const message = await stream.finalMessage()

  const calls = (message.tool_calls ?? []) as { function: { name: string; arguments: string } }[]
  expect(calls.map((call) => call.function.name)).toEqual(['first', 'second'])
  expect(calls.map((call) => JSON.parse(call.function.arguments).filler.length)).toEqual([20000, 20000])
})

test('refusal and reasoning arrive in their own fields', async () => {
  const answer = await client.chat.completions.create({
    model: 'mock?refusal=No.&reasoning=hmm',
    messages: hello,
  })

  expect(answer.choices[0]?.message).toMatchObject({
    content: null,
    refusal: 'No.',
    reasoning_content: 'hmm',
  })
})

test('completions, embeddings, responses, moderations and models answer as the openai client expects', async () => {
  const completion = await client.completions.create({ model: 'mock', prompt: 'once' })
  const embeddings = await client.embeddings.create({ model: 'mock', input: ['a', 'b'], dimensions: 4 })
  const response = await client.responses.create({ model: 'mock', input: 'hi' })
  const streamed = client.responses.stream({ model: 'mock', input: 'hi' })
  const moderation = await client.moderations.create({ input: 'bad' })
  const models = await client.models.list()

  expect(completion.choices[0]?.text).toBe('echo: once')
  expect(embeddings.data.map((item) => item.embedding)).toEqual([
    [...embeddingOf('a', 4)],
    [...embeddingOf('b', 4)],
  ])
  expect(response.output_text).toBe('echo: hi')
  expect((await streamed.finalResponse()).output_text).toBe('echo: hi')
  expect(moderation.results[0]?.flagged).toBe(true)
  expect(models.data.map((model) => model.id)).toEqual(['mock', 'other'])
})

test('rerank orders documents by the words they share with the query', async () => {
  const response = await undiciRequest(`${upstream.url}/rerank`, {
    method: 'POST',
    body: JSON.stringify({
      model: 'mock',
      query: 'red shoes',
      documents: ['blue', 'red shoes', 'red hat'],
      top_n: 2,
    }),
  })

  const body = (await response.body.json()) as { results: { index: number }[] }
  expect(body.results.map((result) => result.index)).toEqual([1, 2])
})

test('a model name scripts status, retry headers and body of its own request only', async () => {
  const [limited, html, fine] = await Promise.all([
    raw('mock?status=429&retry_after=2&retry_after_ms=1500&header.x-extra=1'),
    raw('mock?status=502&error_body=html'),
    raw('mock'),
  ])

  expect(limited.status).toBe(429)
  expect(limited.headers).toMatchObject({ 'retry-after': '2', 'retry-after-ms': '1500', 'x-extra': '1' })
  expect(JSON.parse(limited.text).error.type).toBe('rate_limit_error')
  expect([html.status, html.headers['content-type']]).toEqual([502, 'text/html'])
  expect(fine.status).toBe(200)
})

test('registered scripts are taken one per request and the last stays', async () => {
  upstream.on('flaky', { status: 500 }, { status: 503, errorBody: 'empty' }, {})

  const statuses = [await raw('flaky'), await raw('flaky'), await raw('flaky'), await raw('flaky')].map(
    (r) => r.status,
  )

  expect(statuses).toEqual([500, 503, 200, 200])
  expect(upstream.calls('flaky').length).toBe(4)
})

test.each(['destroy', 'reset', 'half-close'])(
  'a stream cut by %s after two events is seen as broken',
  async (cutBy) => {
    const answer = await raw(`mock?cut_after=2&cut_by=${cutBy}`, { stream: true })
    const entry = await upstream.when((one) => one.finished !== undefined)

    expect(answer.failure).toBeDefined()
    expect(answer.text.match(/data: /g)?.length).toBe(2)
    expect(answer.text).not.toContain('[DONE]')
    expect(entry.finished).toBe('cut')
  },
)

test('a body cut at byte 10 keeps its full content-length and its first 10 bytes', async () => {
  const answer = await raw('mock?cut_after_bytes=10')

  expect(answer.failure).toBeDefined()
  expect(answer.bytes.length).toBe(10)
  expect(Number(answer.headers['content-length'])).toBeGreaterThan(10)
})

test('an event error, a missing [DONE] and bytes after [DONE] can be had', async () => {
  const failed = await raw('mock?error_event_after=2', { stream: true })
  const endless = await raw('mock?done=false', { stream: true })
  const tail = await raw('mock?after_done=garbage', { stream: true })

  expect(failed.failure).toBeUndefined()
  expect(failed.text).toMatch(/data: \{"error".*\}\n\n$/)
  expect(endless.text).not.toContain('[DONE]')
  expect(tail.text.endsWith('data: [DONE]\n\ngarbage')).toBe(true)
})

test.each(['byte', 'utf8', 'one', 'event'])('a stream split by %s holds the same bytes', async (split) => {
  const whole = await raw('mock', { stream: true })
  const answer = await raw(`mock?split=${split}`, { stream: true })

  const content = (text: string) => text.replace(/up\d+/g, '').replace(/mock[^"]*/g, '')
  expect(content(answer.text)).toBe(content(whole.text))
})

test('CRLF, CR, BOM, comments and data without a space are on the wire as asked', async () => {
  const odd = await raw('mock?line_end=crlf&bom=true&comments=true&tight=true', { stream: true })
  const cr = await raw('mock?line_end=cr', { stream: true })

  expect(odd.bytes.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]))
  expect(odd.text).toContain(':keep-alive'.replace(':', ': '))
  expect(odd.text).toContain('\r\ndata:{')
  expect(cr.text.includes('\n')).toBe(false)
})

test('a large event, gzip, null ids and no usage are as asked', async () => {
  const big = await raw('mock?big_event_bytes=1048576', { stream: true })
  const zipped = await raw('mock?gzip=true')
  const bare = await raw('mock?id=null&usage=false')

  expect(big.bytes.length).toBeGreaterThan(1_048_576)
  expect(zipped.headers['content-encoding']).toBe('gzip')
  expect(zipped.bytes.subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]))
  expect(JSON.parse(bare.text).id).toBeNull()
  expect(JSON.parse(bare.text).usage).toBeUndefined()
})

test('the journal says that a caller left a hanging request, and after how long', async () => {
  const leave = new AbortController()
  const call = client.chat.completions.create(
    { model: 'mock?hang=true', messages: hello },
    { signal: leave.signal },
  )
  await upstream.when((entry) => entry.receivedAt !== undefined)

  leave.abort()
  await expect(call).rejects.toThrow()
  const entry = await upstream.when((one) => one.finished !== undefined)

  expect(entry.finished).toBe('aborted')
  expect(entry.abortedAfterMs).toBeGreaterThan(0)
})

test('the journal keeps the exact bytes and the headers of a request', async () => {
  const body = '{"model":"mock", "messages":[], "big": 12345678901234567890}'
  const response = await undiciRequest(`${upstream.url}/chat/completions`, {
    method: 'POST',
    headers: { 'x-mine': '1' },
    body,
  })
  await response.body.dump()

  expect(upstream.journal[0]?.body.toString()).toBe(body)
  expect(upstream.journal[0]?.headers['x-mine']).toBe('1')
})

test('raw bytes in place of HTTP are a protocol error to a client', async () => {
  await expect(raw(`mock?raw=${encodeURIComponent('NOT HTTP\r\n\r\n')}`)).rejects.toThrow(
    /does not match the HTTP/,
  )
})

test('a demanded key turns other callers away', async () => {
  const guarded = await startUpstream({ key: 'right' })
  const call = (apiKey: string) =>
    new OpenAI({ baseURL: guarded.url, apiKey, maxRetries: 0 }).chat.completions.create({
      model: 'mock',
      messages: hello,
    })

  await expect(call('wrong')).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
  await expect(call('right')).resolves.toBeDefined()
  await guarded.close()
})

test('a refused URL refuses and a silent upstream accepts without a word', async () => {
  const silent = await startSilentUpstream()

  await expect(undiciRequest(await refusedUrl())).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await expect(
    undiciRequest(silent.url, { headersTimeout: 1_000, signal: AbortSignal.timeout(200) }),
  ).rejects.toThrow()
  expect(silent.connections()).toBe(1)
  await silent.close()
})
