/** The real `openai` client judges the shapes: its parser and its accumulators read the bytes of our translation. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import OpenAI from 'openai'
import { accumulateResponse } from 'openai/lib/responses/ResponseAccumulator'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { toOpenAIError } from '../../../src/errors.ts'
import { chatRequestFromResponses } from '../../../src/gateway/responses/request.ts'
import { responsesFromChat } from '../../../src/gateway/responses/response.ts'
import { createResponsesStream } from '../../../src/gateway/responses/stream.ts'
import type { JsonObject } from '../../../src/lib/json.ts'
import { type Answer, answer, answers, chatChunks, info, wholeChat, wireBytes } from './responses-answers.ts'

let server: Server
let client: OpenAI
/** What the scripted upstream answers, after how many chunks its stream is cut, and what it was asked. */
let scripted: Answer
let cutAfter: number
let asked: JsonObject[]

beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const request = JSON.parse(Buffer.concat(chunks).toString()) as JsonObject
      const { status, type, body } = reply(request)
      outgoing.writeHead(status, { 'content-type': type }).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  client = new OpenAI({ apiKey: 'k', baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 })
})

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve))
})

beforeEach(() => {
  scripted = answer({ text: 'Hello there.' })
  cutAfter = Number.POSITIVE_INFINITY
  asked = []
})

function reply(request: JsonObject): { status: number; type: string; body: Buffer | string } {
  const json = 'application/json'
  try {
    const chat = chatRequestFromResponses(request)
    asked.push(chat)
    if (chat.stream !== true) {
      return {
        status: 200,
        type: json,
        body: JSON.stringify(responsesFromChat(wholeChat(scripted), request, info)),
      }
    }
    const stream = createResponsesStream(request, info)
    const chunks = chatChunks(scripted, 4).slice(0, cutAfter)
    const events = [...chunks.flatMap((chunk) => stream.push(chunk)), ...stream.end()]
    return { status: 200, type: 'text/event-stream', body: wireBytes(events) }
  } catch (error) {
    const { status, body } = toOpenAIError(error, 'req_1')
    return { status, type: json, body: JSON.stringify(body) }
  }
}

const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}
const weather = { type: 'function', name: 'weather', parameters: schema, strict: true } as const
const twoCalls = [
  { id: 'call_a', name: 'weather', arguments: '{"city":"Lisbon"}' },
  { id: 'call_b', name: 'weather', arguments: '{"city":"Porto"}' },
]

describe('responses.create', () => {
  test('a text answer is found in output_text, with usage', async () => {
    const response = await client.responses.create({ model: 'm', input: 'Hi', instructions: 'Be brief.' })

    expect(response.output_text).toBe('Hello there.')
    expect(response.usage).toMatchObject({ input_tokens: 11, output_tokens: 7, total_tokens: 18 })
    expect(asked[0]?.messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ])
  })

  test('the output of one turn, sent back with the results of its calls, is the next turn', async () => {
    scripted = answer({
      reasoning: 'Two cities.',
      text: 'Looking.',
      calls: twoCalls,
      finishReason: 'tool_calls',
    })
    const first = await client.responses.create({ model: 'm', input: 'Weather?', tools: [weather] })
    const results = first.output
      .filter((item) => item.type === 'function_call')
      .map(({ call_id }) => ({ type: 'function_call_output' as const, call_id, output: 'sun' }))

    await client.responses.create({
      model: 'm',
      tools: [weather],
      input: [
        { role: 'user', content: 'Weather?' },
        ...(first.output as OpenAI.Responses.ResponseInput),
        ...results,
      ],
    })

    expect(asked[1]?.messages).toMatchObject([
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: 'Looking.', tool_calls: [{ id: 'call_a' }, { id: 'call_b' }] },
      { role: 'tool', tool_call_id: 'call_a', content: 'sun' },
      { role: 'tool', tool_call_id: 'call_b', content: 'sun' },
    ])
  })

  test('a hosted tool is a BadRequestError that names the tool', async () => {
    const error = await client.responses
      .create({ model: 'm', input: 'Hi', tools: [{ type: 'web_search' }] })
      .catch((thrown: unknown) => thrown)

    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'tools[0].type' })
  })
})

describe('responses.parse', () => {
  test('structured output is parsed by the client', async () => {
    scripted = answer({ text: '{"city":"Faro"}' })

    const format = { type: 'json_schema', name: 'place', schema, strict: true } as const
    const response = await client.responses.parse({ model: 'm', input: 'Hi', text: { format } })

    expect(response.output_parsed).toEqual({ city: 'Faro' })
    expect(asked[0]?.response_format).toEqual({
      type: 'json_schema',
      json_schema: { name: 'place', schema, strict: true },
    })
  })

  test('arguments of strict tools are parsed by the client', async () => {
    scripted = answer({ calls: twoCalls, finishReason: 'tool_calls' })

    const response = await client.responses.parse({ model: 'm', input: 'Hi', tools: [weather] })

    expect(response.output).toMatchObject([
      { parsed_arguments: { city: 'Lisbon' } },
      { parsed_arguments: { city: 'Porto' } },
    ])
  })
})

describe('responses.create with stream', () => {
  test('the deltas are the text, and the last event is response.completed with usage', async () => {
    const stream = await client.responses.create({ model: 'm', input: 'Hi', stream: true })
    const events: OpenAI.Responses.ResponseStreamEvent[] = []
    for await (const event of stream) events.push(event)

    const deltas = events.flatMap((event) =>
      event.type === 'response.output_text.delta' ? [event.delta] : [],
    )
    expect(deltas.join('')).toBe('Hello there.')
    expect(events.at(-1)).toMatchObject({
      type: 'response.completed',
      response: { usage: { total_tokens: 18 } },
    })
    expect(asked[0]?.stream_options).toEqual({ include_usage: true })
  })

  test('a cut stream throws after response.failed, so that half an answer never looks whole', async () => {
    cutAfter = 2
    const stream = await client.responses.create({ model: 'm', input: 'Hi', stream: true })
    const types: string[] = []

    const error = await (async () => {
      for await (const event of stream) types.push(event.type)
    })().catch((thrown: unknown) => thrown)

    expect(types.at(-1)).toBe('response.failed')
    expect(error).toBeInstanceOf(OpenAI.APIError)
    expect(error).toMatchObject({ code: 'upstream_cut', type: 'upstream_error' })
  })
})

describe('responses.stream', () => {
  test('its helper follows text and parallel calls and gives the final response', async () => {
    scripted = answer({ reasoning: 'Hm.', text: 'Looking.', calls: twoCalls, finishReason: 'tool_calls' })
    const snapshots: string[] = []

    const stream = client.responses.stream({ model: 'm', input: 'Hi', tools: [weather] })
    stream.on('response.output_text.delta', (event) => snapshots.push(event.snapshot))
    const final = await stream.finalResponse()

    expect(snapshots).toEqual(['Look', 'Looking.'])
    expect(final.output_text).toBe('Looking.')
    expect(final.output).toMatchObject([
      { type: 'reasoning' },
      { type: 'message' },
      { type: 'function_call', call_id: 'call_a', parsed_arguments: { city: 'Lisbon' } },
      { type: 'function_call', call_id: 'call_b', parsed_arguments: { city: 'Porto' } },
    ])
  })

  test('a cut stream rejects', async () => {
    cutAfter = 2

    const final = client.responses.stream({ model: 'm', input: 'Hi' }).finalResponse()

    await expect(final).rejects.toMatchObject({ code: 'upstream_cut' })
  })

  test('whatever the answer, the client accumulates from the events what the whole answer says', async () => {
    await fc.assert(
      fc.asyncProperty(answers, async (made) => {
        scripted = made
        const include = made.logprobs ? (['message.output_text.logprobs'] as const) : []
        const parameters = { model: 'm', input: 'Hi', include: [...include] }

        const whole = await client.responses.create(parameters)
        const done: unknown[] = []
        let accumulated: OpenAI.Responses.Response | undefined
        for await (const event of await client.responses.create({ ...parameters, stream: true })) {
          if (event.type === 'response.output_item.done') done.push(event.item)
          // From the small events alone: the last one brings the whole output with it.
          else if (!/completed$|incomplete$/.test(event.type))
            accumulated = accumulateResponse(event, accumulated)
        }
        const streamed = await client.responses.stream(parameters).finalResponse()

        expect(done).toEqual(whole.output)
        expect(accumulated?.output_text).toBe(whole.output_text)
        // The helper only adds members of its own (`parsed`, `parsed_arguments`).
        expect(streamed.output).toMatchObject(whole.output)
        expect(streamed.output_text).toBe(whole.output_text)
        expect(streamed.status).toBe(whole.status)
      }),
      { numRuns: 40 },
    )
  })
})
