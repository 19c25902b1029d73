/** Anthropic and Gemini behind the same endpoint, over real sockets, with their own wire samples. */
import type OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, eventsOf, eventually, hello, startContract } from './support/harness.ts'
import { startVendor, type Vendor } from './support/vendor.ts'

const KEY = 'vendor-key-0123456789'

let contract: Contract
let vendors: { anthropic: Vendor; gemini: Vendor }

beforeAll(async () => {
  vendors = { anthropic: await startVendor('anthropic'), gemini: await startVendor('gemini') }
  contract = await startContract({
    settings: (up) => ({
      upstreams: {
        up,
        anthropic: { dialect: 'anthropic', base_url: vendors.anthropic.url, key: 'env:CONTRACT_VENDOR_KEY' },
        gemini: { dialect: 'gemini', base_url: vendors.gemini.url, key: 'env:CONTRACT_VENDOR_KEY' },
      },
      routes: {
        sturdy: { targets: ['anthropic/error-overloaded', 'gemini/text', 'up/mock'], retries: 0 },
      },
    }),
    env: { CONTRACT_VENDOR_KEY: KEY },
  })
})
afterAll(async () => {
  await contract?.close()
  await vendors?.anthropic.close()
  await vendors?.gemini.close()
})

const tools: OpenAI.ChatCompletionTool[] = ['get_weather', 'get_time'].map((name) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: {} } },
}))

const ask = (model: string, more: object = {}) =>
  contract.post('/v1/chat/completions', { model, messages: hello, max_tokens: 100, ...more })

async function whole(model: string): Promise<OpenAI.ChatCompletion> {
  return await contract.client().chat.completions.create({ model, messages: hello, max_tokens: 100, tools })
}

async function assembled(model: string): Promise<OpenAI.ChatCompletion> {
  return await contract
    .client()
    .chat.completions.stream({
      model,
      messages: hello,
      max_tokens: 100,
      tools,
      stream_options: { include_usage: true },
    })
    .finalChatCompletion()
}

describe.each(['anthropic', 'gemini'] as const)('%s', (vendor) => {
  test.each(['text', 'parallel-tools', 'thinking', 'cache-usage'])(
    'the sample "%s" reads the same streamed and whole, with the same usage in the log',
    async (name) => {
      const complete = await whole(`${vendor}/${name}`)
      const completeRow = await contract.row(contract.lastMark())
      const streamed = await assembled(`${vendor}/${name}`)
      const streamedRow = await contract.row(contract.lastMark())

      const shape = ({ choices, usage }: OpenAI.ChatCompletion) => ({
        content: choices[0]?.message.content ?? null,
        calls: choices[0]?.message.tool_calls?.map((call) =>
          call.type === 'function' ? call.function : call,
        ),
        reason: choices[0]?.finish_reason,
        usage,
      })
      expect(shape(streamed)).toEqual(shape(complete))
      expect(completeRow).toMatchObject({ outcome: 'completed', upstream: vendor, model: name })
      expect(completeRow.input_tokens).toBe(complete.usage?.prompt_tokens)
      for (const field of [
        'input_tokens',
        'output_tokens',
        'cached_input_tokens',
        'reasoning_tokens',
        'finish_reason',
      ] as const)
        expect(streamedRow[field], field).toBe(completeRow[field])
      expect(completeRow.attempts[0]?.upstream_request_id).toBe(`${vendor}-request-1`)
    },
  )

  test('a stream opens with the role, ends with one [DONE], and has no usage chunk unless asked', async () => {
    const answer = await ask(`${vendor}/text`, { stream: true })
    const events = eventsOf(answer.text)
    const row = await contract.row(answer.mark)

    expect(events.at(-1)).toBe('[DONE]')
    expect(events.filter((data) => data === '[DONE]')).toHaveLength(1)
    expect(JSON.parse(events[0]!).choices[0].delta.role).toBe('assistant')
    expect(events.slice(0, -1).every((data) => JSON.parse(data).choices.length > 0)).toBe(true)
    expect(row.output_tokens).not.toBeNull()
  })

  test('arriving byte by byte changes nothing', async () => {
    const complete = await whole(`${vendor}/text`)
    const streamed = await assembled(`${vendor}/text~1`)

    expect(streamed.choices[0]?.message.content).toBe(complete.choices[0]?.message.content)
  })

  test('cut anywhere it throws in the client and is never logged as completed', async () => {
    const marks: string[] = []
    for (const bytes of [1, 60, 200, 400, 700]) {
      const answer = await ask(`${vendor}/text^${bytes}`, { stream: true })
      marks.push(answer.mark)
      expect(answer.text, `${bytes}`).not.toContain('[DONE]')
      expect(answer.text, `${bytes}`).toContain('"error"')
    }

    for (const mark of marks) {
      expect(['upstream_cut', 'upstream_error']).toContain((await contract.row(mark)).outcome)
    }
    const error = await assembled(`${vendor}/text^400`).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(Error)
  })

  test('half a whole answer is a 502', async () => {
    const answer = await ask(`${vendor}/text^100`)

    expect(answer.status).toBe(502)
    expect(answer.json.error.code).toBe('upstream_malformed')
  })

  test('an error event in the middle ends the stream with ours, its words in the log', async () => {
    const answer = await ask(`${vendor}/error-event`, { stream: true })
    const row = await contract.row(answer.mark)

    expect(answer.text).not.toContain('[DONE]')
    expect(JSON.parse(eventsOf(answer.text).at(-1) ?? answer.text)).toHaveProperty('error.code')
    expect(row.outcome).toBe('upstream_error')
    expect(row.attempts.at(-1)?.detail).toBeTruthy()
  })

  test('a caller who leaves aborts the call', async () => {
    const leave = new AbortController()
    const mark = contract.mark()
    const response = await fetch(`${contract.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      signal: leave.signal,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${contract.gateway.appKey}`,
        'x-client-request-id': mark,
      },
      body: JSON.stringify({ model: `${vendor}/text!700`, messages: hello, max_tokens: 9, stream: true }),
    })
    await response.body!.getReader().read()

    leave.abort()
    const row = await contract.row(mark)
    const call = await eventually('The abort', () => {
      const stalled = vendors[vendor].calls.findLast((one) =>
        vendor === 'anthropic' ? one.json.model === 'text!700' : one.path.includes('text!700'),
      )
      return stalled?.finished === undefined ? null : stalled
    })

    expect(row.outcome).toBe('client_abort')
    expect(call.finished).toBe('aborted')
  })

  test('gets its own credential and nothing of the caller', async () => {
    await ask(`${vendor}/text`)

    const { headers } = vendors[vendor].calls.at(-1)!
    expect(headers[vendor === 'anthropic' ? 'x-api-key' : 'x-goog-api-key']).toBe(KEY)
    expect(headers.authorization).toBeUndefined()
    expect(JSON.stringify(headers)).not.toContain(contract.gateway.appKey)
  })

  test('serves /v1/responses, streamed and whole alike', async () => {
    const client = contract.client()
    const complete = await client.responses.create({ model: `${vendor}/text`, input: 'Say hello' })
    const stream = await client.responses.create({
      model: `${vendor}/text`,
      input: 'Say hello',
      stream: true,
    })
    let text = ''
    for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta

    expect(complete.output_text.length).toBeGreaterThan(0)
    expect(text).toBe(complete.output_text)
  })

  test('its models are on the list', async () => {
    const list = await contract.client().models.list()

    expect(list.data.some((model) => model.id.startsWith(`${vendor}/`))).toBe(true)
  })

  test('a field it cannot express is a 400 that names it, and nothing is sent', async () => {
    const before = vendors[vendor].calls.length
    const answer = await ask(`${vendor}/text`, { logit_bias: { 1: 5 } })

    expect(answer.status).toBe(400)
    expect(answer.json.error.param).toBe('logit_bias')
    expect(vendors[vendor].calls).toHaveLength(before)
    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'rejected', status: 400 })
  })
})

test.each([
  ['anthropic/error-overloaded', 502, 'upstream_unavailable'],
  ['anthropic/error-invalid-request', 400, 'upstream_refused'],
  ['gemini/error-unavailable', 502, 'upstream_unavailable'],
  ['gemini/error-invalid-argument', 400, 'upstream_refused'],
])('%s becomes %i %s, its words only in the log', async (model, status, code) => {
  const answer = await ask(model)
  const row = await contract.row(answer.mark)

  expect(answer.status).toBe(status)
  expect(answer.json.error.code).toBe(code)
  const detail = row.attempts.at(-1)?.detail ?? ''
  const words = (JSON.parse(detail) as { error: { message: string } }).error.message
  expect(words.length).toBeGreaterThan(0)
  expect(answer.text).not.toContain(words)
})

test('a stream whose upstream never closes its side ends with its last event, and the connection is let go', async () => {
  const answer = await ask('anthropic/text!100000', { stream: true })
  const row = await contract.row(answer.mark)
  const call = await eventually('The end of the connection', () => {
    const open = vendors.anthropic.calls.findLast((one) => one.json?.model === 'text!100000')
    return open?.finished === undefined ? null : open
  })

  expect(eventsOf(answer.text).at(-1)).toBe('[DONE]')
  expect(row).toMatchObject({
    outcome: 'completed',
    status: 200,
    error_code: null,
    attempts: [{ error: null }],
  })
  expect(row.output_tokens).not.toBeNull()
  expect(call.finished).toBe('aborted')
})

test('a route falls over from one dialect to the next', async () => {
  const answer = await ask('sturdy', { stream: true })

  const row = await contract.row(answer.mark)

  expect(eventsOf(answer.text).at(-1)).toBe('[DONE]')
  expect(row.attempts.map(({ upstream, error }) => [upstream, error])).toEqual([
    ['anthropic', 'upstream_unavailable'],
    ['gemini', null],
  ])
})

test('embeddings come from Gemini in OpenAI’s shape', async () => {
  const answer = await contract
    .client()
    .embeddings.create({ model: 'gemini/embed', input: ['a', 'b'], encoding_format: 'float' })

  expect(answer.data.map((item) => item.index)).toEqual([0, 1])
  expect(answer.data[0]?.embedding.length).toBeGreaterThan(0)
})
