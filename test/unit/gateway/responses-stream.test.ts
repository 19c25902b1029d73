import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UpstreamError } from '../../../src/errors.ts'
import type { ResponsesEvent } from '../../../src/gateway/responses/events.ts'
import { responsesFromChat } from '../../../src/gateway/responses/response.ts'
import { createResponsesStream } from '../../../src/gateway/responses/stream.ts'
import type { JsonObject } from '../../../src/lib/json.ts'
import { SseParser } from '../../../src/lib/sse.ts'
import {
  answer,
  answers,
  chatChunks,
  chunk,
  eventsOf,
  info,
  wholeChat,
  wireBytes,
} from './responses-answers.ts'

const logprobRequest = { include: ['message.output_text.logprobs'] }

function typesOf(events: readonly ResponsesEvent[]): string[] {
  return events.map((event) => event.type.replace(/^response\./, ''))
}

function callPiece(call: JsonObject): JsonObject {
  return chunk({ tool_calls: [call] })
}

const stop = chunk({}, { finish_reason: 'stop' })

describe('a whole answer', () => {
  test('echoes the request, says that nothing is stored and carries usage', () => {
    const request = {
      instructions: 'Be brief.',
      temperature: 0.5,
      max_output_tokens: 50,
      tools: [{ type: 'function', name: 'f' }],
      tool_choice: 'auto',
      metadata: { a: 'b' },
      reasoning: { effort: 'low' },
      text: { verbosity: 'low' },
      store: true,
      truncation: 'auto',
    }

    const response = responsesFromChat(wholeChat(answer({ text: 'Hello' })), request, info)

    expect(response).toEqual({
      id: 'resp_1',
      object: 'response',
      created_at: 1_700_000_000,
      status: 'completed',
      background: false,
      error: null,
      incomplete_details: null,
      instructions: 'Be brief.',
      max_output_tokens: 50,
      max_tool_calls: null,
      model: 'shown-model',
      output: [
        {
          id: 'msg_1_0',
          type: 'message',
          status: 'completed',
          role: 'assistant',
          content: [{ type: 'output_text', annotations: [], logprobs: [], text: 'Hello' }],
        },
      ],
      parallel_tool_calls: true,
      previous_response_id: null,
      prompt_cache_key: null,
      reasoning: { effort: 'low', summary: null },
      safety_identifier: null,
      service_tier: null,
      store: false,
      temperature: 0.5,
      text: { format: { type: 'text' }, verbosity: 'low' },
      tool_choice: 'auto',
      tools: [{ type: 'function', name: 'f' }],
      top_logprobs: 0,
      top_p: null,
      truncation: 'disabled',
      usage: {
        input_tokens: 11,
        input_tokens_details: { cached_tokens: 5 },
        output_tokens: 7,
        output_tokens_details: { reasoning_tokens: 3 },
        total_tokens: 18,
      },
      user: null,
      metadata: { a: 'b' },
    })
  })

  test('reasoning, text, refusal and calls become items in that order', () => {
    const calls = [{ id: 'c1', name: 'f', arguments: '{}' }]
    const made = answer({ reasoning: 'Hm.', text: 'So', refusal: 'No.', calls, finishReason: 'tool_calls' })

    const response = responsesFromChat(wholeChat(made), {}, info)

    expect(response.output).toMatchObject([
      { type: 'reasoning', id: 'rs_1_0', summary: [], content: [{ type: 'reasoning_text', text: 'Hm.' }] },
      { type: 'message', id: 'msg_1_1', content: [{ text: 'So' }, { type: 'refusal', refusal: 'No.' }] },
      { type: 'function_call', id: 'fc_1_2', call_id: 'c1', name: 'f', arguments: '{}', status: 'completed' },
    ])
  })

  test.each([
    ['length', 'max_output_tokens'],
    ['content_filter', 'content_filter'],
  ])('finish_reason %s is incomplete because of %s, and its last item too', (finishReason, reason) => {
    const made = answer({ reasoning: 'Hm.', text: 'Half an', finishReason })

    const response = responsesFromChat(wholeChat(made), {}, info)

    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason },
      output: [{ status: 'completed' }, { status: 'incomplete' }],
    })
  })

  test('usage that the upstream did not count is null, not zero', () => {
    expect(responsesFromChat(wholeChat(answer({ usage: null })), {}, info).usage).toBeNull()
    expect(responsesFromChat(wholeChat(answer({ usage: { prompt_tokens: 3 } })), {}, info).usage).toBeNull()
  })

  test('log probabilities appear only when they were asked for', () => {
    const chat = wholeChat(answer({ text: 'a', logprobs: true }))
    const entry = {
      token: 'a',
      bytes: [],
      logprob: -0.5,
      top_logprobs: [{ token: 'a', bytes: [1], logprob: -0.5 }],
    }

    expect(responsesFromChat(chat, logprobRequest, info).output).toMatchObject([
      { content: [{ logprobs: [entry] }] },
    ])
    expect(responsesFromChat(chat, {}, info).output).toMatchObject([{ content: [{ logprobs: [] }] }])
  })

  test('a call without an id gets one that clients can answer', () => {
    const made = answer({ calls: [{ id: '', name: 'f', arguments: '{}' }], finishReason: 'tool_calls' })

    expect(responsesFromChat(wholeChat(made), {}, info).output).toMatchObject([{ call_id: 'call_1_0' }])
  })

  test.each<[string, JsonObject]>([
    ['no choices', {}],
    ['an empty list of choices', { choices: [] }],
    ['no message', { choices: [{ index: 0, finish_reason: 'stop' }] }],
    ['no finish reason', { choices: [{ index: 0, message: { content: 'Half an' }, finish_reason: null }] }],
    ['a finish reason nobody knows', wholeChat(answer({ text: 'x', finishReason: 'abort' }))],
    ['a call without a name', wholeChat(answer({ calls: [{ id: 'c', name: '', arguments: '' }] }))],
  ])('an answer with %s is malformed, not completed', (_name, chat) => {
    expect(() => responsesFromChat(chat, {}, info)).toThrow(UpstreamError)
  })
})

describe('a streamed answer', () => {
  test('a text comes as the documented sequence of events', () => {
    const events = eventsOf(chatChunks(answer({ text: 'Hello' }), 3))

    expect(typesOf(events)).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ])
    expect(events[0]).toMatchObject({
      response: { id: 'resp_1', status: 'in_progress', output: [], usage: null },
    })
    expect(events[2]).toMatchObject({
      output_index: 0,
      item: { id: 'msg_1_0', status: 'in_progress', content: [] },
    })
    expect(events[4]).toEqual({
      type: 'response.output_text.delta',
      sequence_number: 4,
      item_id: 'msg_1_0',
      output_index: 0,
      content_index: 0,
      delta: 'Hel',
      logprobs: [],
    })
    expect(events[9]).toMatchObject({ response: { usage: { total_tokens: 18 } } })
  })

  test('reasoning closes before the text begins, and a refusal is a second part of the message', () => {
    const events = eventsOf(chatChunks(answer({ reasoning: 'Hm.', text: 'So', refusal: 'No.' }), 9))

    expect(typesOf(events)).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'reasoning_text.delta',
      'reasoning_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'content_part.added',
      'refusal.delta',
      'refusal.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ])
    expect(events[14]).toMatchObject({ item_id: 'msg_1_1', output_index: 1, content_index: 1, delta: 'No.' })
  })

  test('chunks of parallel calls may come in turns', () => {
    const calls = [
      { id: 'c1', name: 'f', arguments: '{"a":1}' },
      { id: 'c2', name: 'g', arguments: '{"b":2}' },
    ]

    const events = eventsOf(chatChunks(answer({ calls, finishReason: 'tool_calls' }), 4))

    const deltas = events.filter((event) => event.type === 'response.function_call_arguments.delta')
    expect(deltas.map((event) => event.output_index)).toEqual([0, 1, 0, 1])
    expect(events.filter((event) => event.type === 'response.function_call_arguments.done')).toMatchObject([
      { item_id: 'fc_1_0', output_index: 0, name: 'f', arguments: '{"a":1}' },
      { item_id: 'fc_1_1', output_index: 1, name: 'g', arguments: '{"b":2}' },
    ])
  })

  test('arguments that come before the name of their call are held, not lost', () => {
    const events = eventsOf([
      callPiece({ index: 0, id: 'c1', function: { arguments: '{"a"' } }),
      callPiece({ index: 0, function: { name: 'f', arguments: ':1' } }),
      callPiece({ index: 0, function: { arguments: '}' } }),
      stop,
    ])

    expect(events.at(-1)).toMatchObject({
      response: { output: [{ call_id: 'c1', name: 'f', arguments: '{"a":1}' }] },
    })
  })

  test('calls without an index are told apart by their ids', () => {
    const events = eventsOf([
      callPiece({ id: 'c1', function: { name: 'f', arguments: '{' } }),
      callPiece({ function: { arguments: '}' } }),
      callPiece({ id: 'c2', function: { name: 'g', arguments: { b: 2 } } }),
      stop,
    ])

    expect(events.at(-1)).toMatchObject({
      response: {
        output: [
          { call_id: 'c1', arguments: '{}' },
          { call_id: 'c2', arguments: '{"b":2}' },
        ],
      },
    })
  })

  test('a call id that comes twice is replaced, because clients keep calls apart by it', () => {
    const calls = [
      { id: 'same', name: 'f', arguments: '{}' },
      { id: 'same', name: 'g', arguments: '{}' },
    ]
    const made = answer({ calls, finishReason: 'tool_calls' })
    const output = [{ call_id: 'same' }, { call_id: 'call_1_1' }]

    expect(responsesFromChat(wholeChat(made), {}, info)).toMatchObject({ output })
    expect(eventsOf(chatChunks(made, 2)).at(-1)).toMatchObject({ response: { output } })
  })

  test('text after a call becomes a message of its own, in the place where it came', () => {
    const events = eventsOf([
      chunk({ content: 'One.' }),
      callPiece({ index: 0, id: 'c1', function: { name: 'f', arguments: '{}' } }),
      chunk({ content: 'Two.' }),
      stop,
    ])

    expect(events.at(-1)).toMatchObject({
      type: 'response.completed',
      response: {
        output: [
          { type: 'message', content: [{ text: 'One.' }] },
          { type: 'function_call' },
          { type: 'message', content: [{ text: 'Two.' }] },
        ],
      },
    })
  })

  test('log probabilities of a token without text join the next text', () => {
    const entry = { token: 'a', bytes: [97], logprob: -1, top_logprobs: [] }
    const logprobs = { content: [entry] }

    const events = eventsOf(
      [chunk({ content: '' }, { logprobs }), chunk({ content: 'b' }, { logprobs }), stop],
      logprobRequest,
    )

    expect(events.find((event) => event.type === 'response.output_text.delta')).toMatchObject({
      logprobs: [entry, entry],
    })
  })

  test('a second choice, which nobody asked for, is left out', () => {
    const events = eventsOf([chunk({ content: 'a' }), chunk({ content: 'b' }, { index: 1 }), stop])

    expect(events.at(-1)).toMatchObject({ response: { output: [{ content: [{ text: 'a' }] }] } })
  })

  test('a stream cut by its limit ends as incomplete', () => {
    const events = eventsOf(chatChunks(answer({ text: 'Half an', finishReason: 'length' }), 4))

    expect(events.at(-1)).toMatchObject({
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    })
  })

  test('every event is named on the wire the way it is typed, and there is no [DONE]', () => {
    const events = eventsOf(chatChunks(answer({ text: 'a\nb\r\n\u2028' }), 1))

    const parsed = new SseParser(1_000_000).push(wireBytes(events))

    expect(parsed.map(({ event, data }) => [event, JSON.parse(data)])).toEqual(
      events.map((event) => [event.type, event]),
    )
  })
})

describe('a stream that breaks', () => {
  const error = { message: 'Cut.', type: 'upstream_error', param: null, code: 'upstream_cut' }

  test('without a finish reason it is failed, then an error event, and never completed', () => {
    const stream = createResponsesStream({}, info)
    stream.push(chunk({ content: 'Half an' }))

    const events = stream.end()

    expect(typesOf(events)).toEqual(['failed', 'error'])
    expect(events[0]).toMatchObject({
      response: {
        status: 'failed',
        error: { code: 'server_error' },
        output: [{ status: 'incomplete', content: [{ text: 'Half an' }] }],
      },
    })
    expect(events[1]).toMatchObject({ code: 'upstream_cut', error: { code: 'upstream_cut' } })
    expect(stream.status).toBe('failed')
  })

  test('a failure before the first chunk still opens the response', () => {
    const stream = createResponsesStream({}, info)

    expect(typesOf(stream.fail({ error }))).toEqual(['created', 'in_progress', 'failed', 'error'])
  })

  test('a limit is told apart from a server error', () => {
    const [failed] = createResponsesStream({}, info)
      .fail({ error: { ...error, type: 'rate_limit_error' } })
      .slice(-2)

    expect(failed).toMatchObject({ response: { error: { code: 'rate_limit_exceeded', message: 'Cut.' } } })
  })

  test('an error inside the stream fails it without showing what the vendor said', () => {
    const stream = createResponsesStream({}, info)
    stream.push(chunk({ content: 'Half' }))

    const events = stream.push({ error: { message: 'secret detail' } })

    expect(typesOf(events)).toEqual(['failed', 'error'])
    expect(JSON.stringify(events)).not.toContain('secret detail')
  })

  test.each<[string, JsonObject[]]>([
    [
      'a call that never gets a name',
      [callPiece({ index: 0, id: 'c', function: { arguments: '{}' } }), stop],
    ],
    ['a finish reason nobody knows', [chunk({ content: 'x' }), chunk({}, { finish_reason: 'abort' })]],
    ['no chunk at all', []],
  ])('%s is failed', (_name, chunks) => {
    expect(typesOf(eventsOf(chunks)).slice(-2)).toEqual(['failed', 'error'])
  })

  test('more calls than any model makes are a failure, streamed or not', () => {
    const calls = Array.from({ length: 1_025 }, (_call, at) => ({ id: `c${at}`, name: 'f', arguments: '' }))
    const made = answer({ calls, finishReason: 'tool_calls' })

    expect(eventsOf(chatChunks(made, 1)).at(-1)).toMatchObject({ type: 'error', code: 'upstream_malformed' })
    expect(() => responsesFromChat(wholeChat(made), {}, info)).toThrow('more than 1024 calls')
  })

  test('after its end a stream says nothing more', () => {
    const stream = createResponsesStream({}, info)
    stream.push(stop)
    stream.end()

    expect([...stream.push(chunk({ content: 'late' })), ...stream.end(), ...stream.fail({ error })]).toEqual(
      [],
    )
    expect(stream.status).toBe('completed')
  })

  test('chunks of any other shape do not throw', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.constantFrom('choices', 'usage', 'error'), fc.jsonValue())),
        (chunks) => {
          const events = eventsOf(chunks as JsonObject[])
          expect(['response.completed', 'response.incomplete', 'error']).toContain(events.at(-1)?.type)
        },
      ),
    )
  })
})

describe('for any answer and any way to cut it into chunks', () => {
  const sizes = fc.integer({ min: 1, max: 7 })
  const requests = fc.constantFrom<JsonObject>({}, logprobRequest)

  test('the stream ends with the response that the whole answer gives', () => {
    fc.assert(
      fc.property(answers, sizes, requests, (made, size, request) => {
        const last = eventsOf(chatChunks(made, size), request).at(-1)

        expect(last?.response).toEqual(responsesFromChat(wholeChat(made), request, info))
      }),
      { numRuns: 300 },
    )
  })

  test('events are numbered without gaps, items open in order, and deltas add up to what is done', () => {
    fc.assert(
      fc.property(answers, sizes, (made, size) => {
        const events = eventsOf(chatChunks(made, size))

        expect(events.map((event) => event.sequence_number)).toEqual(events.map((_event, at) => at))
        const added = events.filter((event) => event.type === 'response.output_item.added')
        expect(added.map((event) => event.output_index)).toEqual(added.map((_event, at) => at))
        const open = new Map<string, string>()
        for (const event of events) {
          const key = `${event.output_index}/${event.content_index ?? ''}`
          if (typeof event.delta === 'string') open.set(key, (open.get(key) ?? '') + event.delta)
          const done = event.type.endsWith('.done')
            ? (event.text ?? event.refusal ?? event.arguments)
            : undefined
          if (done !== undefined) expect(open.get(key) ?? '').toBe(done)
        }
      }),
    )
  })

  test('usage is never invented', () => {
    const last = eventsOf(chatChunks(answer({ text: 'a', usage: null }), 1)).at(-1)

    expect(last).toMatchObject({ response: { usage: null } })
  })
})
