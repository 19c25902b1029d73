/** /v1/responses: bytes through where the upstream has it, made from chat where it has not. */
import type OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, eventsOf, startContract } from './support/harness.ts'

let contract: Contract

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({
      upstreams: {
        up: { ...up, responses: 'native' },
        chatty: { ...up, responses: 'translate' },
        asked: { ...up, responses: 'auto' },
      },
    }),
  })
})
afterAll(() => contract?.close())

const tools: OpenAI.Responses.Tool[] = [
  { type: 'function', name: 'weather', parameters: { type: 'object', properties: {} }, strict: false },
]

async function streamed(model: string, more: object = {}): Promise<OpenAI.Responses.ResponseStreamEvent[]> {
  const stream = await contract
    .client()
    .responses.create({ model, input: 'Say hello', stream: true, ...more } as never)
  const events: OpenAI.Responses.ResponseStreamEvent[] = []
  for await (const event of stream as unknown as AsyncIterable<OpenAI.Responses.ResponseStreamEvent>)
    events.push(event)
  return events
}

describe.each([
  ['native', 'up', '/v1/responses'],
  ['translated', 'chatty', '/v1/chat/completions'],
])('%s', (_, upstream, path) => {
  test('a whole answer reaches the openai client and the log', async () => {
    const model = `${upstream}-whole`
    const answer = await contract
      .client()
      .responses.create({ model: `${upstream}/${model}?text=hello there`, input: 'Say hello' })

    const row = await contract.row(contract.lastMark())

    expect(answer).toMatchObject({ object: 'response', status: 'completed', output_text: 'hello there' })
    expect(contract.upstream.calls(model)[0]?.path).toBe(path)
    expect(row).toMatchObject({
      operation: 'responses',
      outcome: 'completed',
      status: 200,
      output_tokens: 2,
      input_tokens: answer.usage?.input_tokens,
    })
  })

  test('a stream has its named events in order, ends with response.completed and without [DONE]', async () => {
    const answer = await contract.post('/v1/responses', {
      model: `${upstream}/mock?text=a b c`,
      input: 'x',
      stream: true,
    })
    const events = eventsOf(answer.text).map((data) => JSON.parse(data))
    const row = await contract.row(answer.mark)

    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(events[0].type).toBe('response.created')
    expect(events.at(-1).type).toBe('response.completed')
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_event, at) => at))
    expect(answer.text).not.toContain('[DONE]')
    expect(
      events
        .filter((event) => event.type === 'response.output_text.delta')
        .map((event) => event.delta)
        .join(''),
    ).toBe('a b c')
    expect(row).toMatchObject({ outcome: 'completed', stream: true, output_tokens: 3 })
  })

  test('tool calls come as function_call items, streamed and whole alike', async () => {
    const request = { input: 'x', tools }
    const whole = await contract
      .client()
      .responses.create({ model: `${upstream}/mock?tool_calls=2`, ...request })
    const events = await streamed(`${upstream}/mock?tool_calls=2`, request)

    const last = events.at(-1) as OpenAI.Responses.ResponseCompletedEvent
    const shape = (items: OpenAI.Responses.ResponseOutputItem[]) =>
      items.map((item) => (item.type === 'function_call' ? [item.name, item.arguments] : item.type))
    expect(shape(last.response.output)).toEqual(shape(whole.output))
    expect(whole.output).toHaveLength(2)
  })

  test.each(['line_end=crlf', 'line_end=cr', 'split=byte', 'comments=true&bom=true&tight=true'])(
    'framing %s changes nothing',
    async (variant) => {
      const events = await streamed(`${upstream}/mock?text=ol%C3%A1 mundo&${variant}`)

      expect(events.at(-1)?.type).toBe('response.completed')
      expect(await contract.row(contract.lastMark())).toMatchObject({ outcome: 'completed' })
    },
  )

  test('a stream that is cut throws in the client and never claims to be completed', async () => {
    const answer = await contract.post('/v1/responses', {
      model: `${upstream}/mock-cut?text=a b c d&cut_after=4`,
      input: 'x',
      stream: true,
    })
    const error = await streamed(`${upstream}/mock-cut?text=a b c d&cut_after=4`).catch(
      (cause: unknown) => cause,
    )

    expect(answer.text).not.toContain('response.completed')
    expect(error).toMatchObject({ code: 'upstream_cut' })
    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'upstream_cut' })
  })

  test('an error status is the same error object as everywhere', async () => {
    const answer = await contract.post('/v1/responses', {
      model: `${upstream}/mock-bad?status=400`,
      input: 'x',
    })

    expect(answer.status).toBe(400)
    expect(answer.json.error).toMatchObject({ code: 'upstream_refused' })
  })

  test('an upstream’s error event ends the stream with ours', async () => {
    const answer = await contract.post('/v1/responses', {
      model: `${upstream}/mock-ev?text=a b c&error_event_after=3`,
      input: 'x',
      stream: true,
    })

    expect(answer.text).not.toContain('failed in mid-stream')
    expect(JSON.parse(eventsOf(answer.text).at(-1)!)).toHaveProperty('error.code')
    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'upstream_error' })
  })
})

describe('an answer that says of itself that it failed', () => {
  const failed = {
    id: 'resp_1',
    object: 'response',
    status: 'failed',
    error: { code: 'server_error', message: 'The model failed.' },
    output: [],
  }

  test('is passed on whole, and the log says what it was', async () => {
    contract.upstream.on('failed-whole', { body: JSON.stringify(failed), contentType: 'application/json' })

    const answer = await contract.client().responses.create({ model: 'up/failed-whole', input: 'x' })

    expect(answer).toMatchObject({ status: 'failed', error: { code: 'server_error' } })
    expect(await contract.row(contract.lastMark())).toMatchObject({ outcome: 'upstream_error', status: 200 })
  })

  test('is passed on as the last event of a stream', async () => {
    const event = { type: 'response.failed', sequence_number: 0, response: failed }
    contract.upstream.on('failed-stream', {
      body: `event: response.failed\ndata: ${JSON.stringify(event)}\n\n`,
      contentType: 'text/event-stream',
    })

    const events = await streamed('up/failed-stream')

    expect(events.map((one) => one.type)).toEqual(['response.failed'])
    expect(await contract.row(contract.lastMark())).toMatchObject({ outcome: 'upstream_error' })
  })
})

test('made from a chat stream, it ends with [DONE] although the upstream keeps the connection open', async () => {
  const chat = { model: 'up/mock?text=open end', stream: true, messages: [{ role: 'user', content: 'x' }] }
  const options = { stream_options: { include_usage: true } }
  const whole = eventsOf((await contract.post('/v1/chat/completions', { ...chat, ...options })).text)
  const model = `mock?text=open end&stall_after=${whole.length}&comments=false`

  const events = await streamed(`chatty/${model}`)
  const row = await contract.row(contract.lastMark())

  expect(events.at(-1)).toMatchObject({ type: 'response.completed' })
  expect(row).toMatchObject({ outcome: 'completed', status: 200, error_code: null })
})

test('an upstream that is asked whether it has /responses is asked once and used natively', async () => {
  await contract.client().responses.create({ model: 'asked/native-one', input: 'x' })
  await contract.client().responses.create({ model: 'asked/native-two', input: 'x' })

  expect(contract.upstream.calls('native-one').map((entry) => entry.path)).toEqual(['/v1/responses'])
  expect(contract.upstream.calls('native-two').map((entry) => entry.path)).toEqual(['/v1/responses'])
})

test('what chat cannot express is a 400 that names the field', async () => {
  const answer = await contract.post('/v1/responses', {
    model: 'chatty/mock',
    input: 'x',
    previous_response_id: 'resp_before',
  })

  expect(answer.status).toBe(400)
  expect(answer.json.error.param).toBe('previous_response_id')
  expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'rejected' })
})
