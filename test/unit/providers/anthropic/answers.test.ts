/** Anthropic answers, complete and streamed, as an OpenAI client sees them. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UpstreamError } from '../../../../src/errors.ts'
import type { JsonObject } from '../../../../src/lib/json.ts'
import { encodeSse } from '../../../../src/lib/sse.ts'
import { anthropicTranslation } from '../../../../src/providers/anthropic/translation.ts'
import {
  asCompletion,
  assembleWithOpenAI,
  cutStreams,
  fixtures,
  info,
  reassemble,
  translateStream,
} from '../translated-answers.ts'

const { bytes, json } = fixtures('anthropic')
const answer = (body: JsonObject) => anthropicTranslation.response('chat', body, info)
const stream = (sse: Buffer, pieceBytes?: number) =>
  translateStream(anthropicTranslation, sse, pieceBytes === undefined ? {} : { pieceBytes })
const thrown = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

const begin: JsonObject = { type: 'message_start', message: {} }
const textBlock: JsonObject = {
  type: 'content_block_start',
  index: 0,
  content_block: { type: 'text', text: '' },
}

const PAIRS = ['text', 'parallel-tools', 'thinking', 'refusal', 'cache-usage', 'json-answer', 'max-tokens']

describe.each(PAIRS)('the sample "%s"', (name) => {
  test('answers with every field a strict client parses', () => {
    const completion = asCompletion(answer(json(`${name}.json`)))

    expect(completion).toMatchObject({ id: info.id, created: info.created, model: info.model })
  })

  test('says the same streamed as whole', () => {
    expect(reassemble(stream(bytes(`${name}.sse`)))).toEqual(answer(json(`${name}.json`)))
  })

  test('streams the same chunks wherever its bytes are split', () => {
    const sse = bytes(`${name}.sse`)
    const whole = stream(sse)

    for (const pieceBytes of [1, 2, 3, 7, 64]) expect(stream(sse, pieceBytes)).toEqual(whole)
  })

  test('is assembled by the openai package', async () => {
    const assembled = await assembleWithOpenAI(stream(bytes(`${name}.sse`)))

    const [choice] = asCompletion(answer(json(`${name}.json`))).choices
    expect(assembled.choices[0]?.finish_reason).toBe(choice?.finish_reason)
    expect(assembled.choices[0]?.message.content || null).toBe(choice?.message.content || null)
    expect(assembled.choices[0]?.message.tool_calls ?? []).toMatchObject(choice?.message.tool_calls ?? [])
  })

  test('is an upstream_cut when the connection ends after any event but the last', () => {
    for (const cut of cutStreams(bytes(`${name}.sse`))) {
      expect(thrown(() => stream(cut))).toMatchObject({ name: 'UpstreamError', code: 'upstream_cut' })
    }
  })
})

describe('what the client sees', () => {
  test('parallel tool calls keep their order, ids and names, and an empty input is "{}"', () => {
    const [choice] = asCompletion(answer(json('parallel-tools.json'))).choices

    expect(choice?.finish_reason).toBe('tool_calls')
    expect(choice?.message.tool_calls).toEqual([
      {
        id: 'toolu_01A09q90qw90lq917835lq9',
        type: 'function',
        function: { name: 'get_weather', arguments: '{"city":"Porto","unit":"celsius"}' },
      },
      {
        id: 'toolu_01B19q90qw90lq917835lq0',
        type: 'function',
        function: { name: 'get_time', arguments: '{"zone":"Europe/Lisbon"}' },
      },
      {
        id: 'toolu_01C29q90qw90lq917835lq1',
        type: 'function',
        function: { name: 'list_alerts', arguments: '{}' },
      },
    ])
  })

  test('thinking is reasoning_content, and signed thoughts can be sent back', () => {
    const completion = answer(json('thinking.json'))

    expect(completion).toMatchObject({
      choices: [
        {
          message: {
            content: '27 × 453 = 12,231',
            reasoning_content: '27 × 453: 27 × 400 = 10,800; 27 × 53 = 1,431.',
            thinking_blocks: [
              { type: 'thinking' },
              { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix' },
            ],
          },
        },
      ],
    })
  })

  test('a refusal is content_filter with the explanation', () => {
    expect(answer(json('refusal.json'))).toMatchObject({
      choices: [
        {
          finish_reason: 'content_filter',
          message: { content: null, refusal: 'The request could enable cyber harm.' },
        },
      ],
    })
  })

  test('an answer through the reserved tool is plain JSON text', () => {
    expect(answer(json('json-answer.json'))).toMatchObject({
      choices: [{ finish_reason: 'stop', message: { content: '{"city":"Porto","rainy":true}' } }],
    })
  })

  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['pause_turn', 'length'],
    ['refusal', 'content_filter'],
    ['tool_use', 'stop'],
    ['something_new', 'stop'],
    ['constructor', 'stop'],
  ])('stop_reason %s without tool calls is finish_reason %s', (stopReason, finishReason) => {
    const completion = answer({ content: [{ type: 'text', text: 'x' }], stop_reason: stopReason })

    expect(completion).toMatchObject({ choices: [{ finish_reason: finishReason }] })
  })

  test('blocks of server tools and of the future are left out', () => {
    const content = [
      { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
      { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
      { type: 'text', text: 'done' },
      { type: 'hologram' },
    ]

    expect(answer({ content, stop_reason: 'end_turn' })).toMatchObject({
      choices: [{ message: { content: 'done' } }],
    })
  })
})

describe('usage', () => {
  test('the prompt includes what the cache read and wrote (golden invoice)', () => {
    expect(answer(json('cache-usage.json')).usage).toEqual({
      prompt_tokens: 100_209,
      completion_tokens: 393,
      total_tokens: 100_602,
      prompt_tokens_details: { cached_tokens: 100_000, cache_write_tokens: 188 },
    })
  })

  test('reasoning tokens are a part of the completion (golden invoice)', () => {
    expect(answer(json('thinking.json')).usage).toEqual({
      prompt_tokens: 40,
      completion_tokens: 310,
      total_tokens: 350,
      completion_tokens_details: { reasoning_tokens: 270 },
    })
  })

  test('unknown usage is absent, never zero', () => {
    expect(answer({ content: [], stop_reason: 'end_turn' })).not.toHaveProperty('usage')
  })

  test('a client that did not ask for usage gets no usage chunk and no usage field', () => {
    const chunks = translateStream(anthropicTranslation, bytes('text.sse'), {
      answer: { ...info, includeUsage: false },
    })

    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true)
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }] })
  })

  test('a client that asked gets null on every chunk and the numbers on the last', () => {
    const chunks = stream(bytes('text.sse'))

    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 21 } })
  })

  test('counts of message_start survive a message_delta that nulls them', () => {
    const sse = events([
      {
        type: 'message_start',
        message: { usage: { input_tokens: 7, cache_read_input_tokens: 3, output_tokens: 1 } },
      },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn' },
        usage: { input_tokens: null, output_tokens: 5 },
      },
      { type: 'message_stop' },
    ])

    expect(stream(sse).at(-1)?.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 5 })
  })
})

describe('failures', () => {
  test.each([
    ['overloaded_error', 'upstream_unavailable', true],
    ['api_error', 'upstream_unavailable', true],
    ['rate_limit_error', 'upstream_rate_limited', true],
    ['timeout_error', 'upstream_timeout', true],
    ['invalid_request_error', 'upstream_refused', false],
    ['authentication_error', 'upstream_auth', false],
    ['a_new_error', 'upstream_unavailable', true],
  ])('an error of type %s inside a 200 is %s', (type, code, retryable) => {
    const body = { type: 'error', error: { type, message: 'secret words' } }

    const whole = thrown(() => answer(body))
    const streamed = thrown(() => stream(events([body])))

    for (const error of [whole, streamed]) {
      expect(error).toBeInstanceOf(UpstreamError)
      expect(error).toMatchObject({ code, retryable, detail: `${type}: secret words` })
      expect((error as Error).message).not.toContain('secret words')
    }
  })

  test.each([
    ['error-overloaded.json', 'upstream_unavailable', 529],
    ['error-invalid-request.json', 'upstream_refused', 400],
  ])('the body %s is %s', (name, code, upstreamStatus) => {
    expect(thrown(() => answer(json(name)))).toMatchObject({ code, upstreamStatus })
  })

  test('what an upstream says about its error is bounded', () => {
    const body = { type: 'error', error: { type: 'api_error', message: 'x'.repeat(100_000) } }

    expect((thrown(() => answer(body)) as UpstreamError).detail?.length).toBeLessThan(2100)
  })

  test('an error event in the middle of a stream ends it with that error', () => {
    const error = thrown(() => stream(bytes('error-event.sse')))

    expect(error).toMatchObject({ code: 'upstream_unavailable', detail: 'overloaded_error: Overloaded' })
  })

  test.each([
    ['no JSON', Buffer.from('event: message_start\ndata: <html>\n\n')],
    ['no object', Buffer.from('data: 1\n\n')],
    ['a delta before message_start', events([{ type: 'content_block_delta', index: 0, delta: {} }])],
    [
      'a delta of a block that never started',
      events([begin, { type: 'content_block_delta', index: 3, delta: {} }]),
    ],
    ['a block without an index', events([begin, { type: 'content_block_start', content_block: {} }])],
    ['a second message', events([begin, begin])],
    ['a block that starts twice', events([begin, textBlock, textBlock])],
  ])('%s in a stream is upstream_malformed', (_name, sse) => {
    expect(thrown(() => stream(sse))).toMatchObject({ code: 'upstream_malformed' })
  })

  test.each([
    ['an empty object', {}],
    ['no stop_reason', { content: [] }],
    ['no content', { stop_reason: 'end_turn' }],
  ])('%s as a whole answer is upstream_malformed', (_name, body) => {
    expect(thrown(() => answer(body))).toMatchObject({ code: 'upstream_malformed' })
  })

  test('events of the future are skipped', () => {
    const sse = events([begin, { type: 'message_mood', mood: 'good' }, { type: 'message_stop' }])

    expect(stream(sse)).toHaveLength(2)
  })

  test('a stream cut before its first event may be tried again, a later one says so too', () => {
    expect(thrown(() => stream(Buffer.from('')))).toMatchObject({ code: 'upstream_cut', retryable: true })
    expect(thrown(() => stream(events([begin])))).toMatchObject({ code: 'upstream_cut', retryable: false })
  })
})

test('tool arguments of 256 KB arrive whole', () => {
  const input = { text: 'é'.repeat(128 * 1024) }
  const written = JSON.stringify(input)
  const deltas: JsonObject[] = []
  for (let at = 0; at < written.length; at += 1000) {
    const delta = { type: 'input_json_delta', partial_json: written.slice(at, at + 1000) }
    deltas.push({ type: 'content_block_delta', index: 0, delta })
  }
  const start = { type: 'tool_use', id: 't', name: 'save', input: {} }
  const sse = events([
    begin,
    { type: 'content_block_start', index: 0, content_block: start },
    ...deltas,
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' } },
    { type: 'message_stop' },
  ])

  const body = { content: [{ ...start, input }], stop_reason: 'tool_use' }
  expect(reassemble(stream(sse, 4096))).toEqual(answer(body))
})

test('generated answers say the same streamed as whole, wherever the bytes are split', () => {
  fc.assert(
    fc.property(
      fc.array(blockArbitrary(), { maxLength: 6 }),
      fc.nat(),
      fc.integer({ min: 1, max: 40 }),
      (blocks, tokens, piece) => {
        const calls = blocks.some((block) => block.whole.type === 'tool_use')
        const usage = {
          input_tokens: tokens,
          cache_read_input_tokens: 5,
          cache_creation_input_tokens: 2,
          output_tokens: 9,
        }
        const stopReason = calls ? 'tool_use' : 'end_turn'
        const body = {
          type: 'message',
          content: blocks.map((block) => block.whole),
          stop_reason: stopReason,
          usage,
        }
        const sse = events([
          { type: 'message_start', message: { usage: { ...usage, output_tokens: 1 } } },
          ...blocks.flatMap((block, index) => [
            { type: 'content_block_start', index, content_block: block.start },
            { type: 'ping' },
            ...block.deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
            { type: 'content_block_stop', index },
          ]),
          { type: 'message_delta', delta: { stop_reason: stopReason }, usage: { output_tokens: 9 } },
          { type: 'message_stop' },
        ])

        expect(reassemble(stream(sse, piece))).toEqual(answer(body))
        asCompletion(answer(body))
      },
    ),
  )
})

function events(list: readonly JsonObject[]): Buffer {
  return Buffer.concat(list.map((event) => encodeSse(JSON.stringify(event), String(event.type))))
}

type Block = { whole: JsonObject; start: JsonObject; deltas: JsonObject[] }

function blockArbitrary(): fc.Arbitrary<Block> {
  const pieces = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 5 })
  const text = pieces.map((parts) => ({
    whole: { type: 'text', text: parts.join('') },
    start: { type: 'text', text: '' },
    deltas: parts.map((part) => ({ type: 'text_delta', text: part })),
  }))
  const thinking = fc.tuple(pieces, fc.base64String({ maxLength: 20 })).map(([parts, signature]) => ({
    whole: { type: 'thinking', thinking: parts.join(''), signature },
    start: { type: 'thinking', thinking: '', signature: '' },
    deltas: [
      ...parts.map((part) => ({ type: 'thinking_delta', thinking: part })),
      { type: 'signature_delta', signature },
    ],
  }))
  const input = fc.dictionary(
    fc.string({ maxLength: 5 }),
    fc.jsonValue({ maxDepth: 2 }),
  ) as fc.Arbitrary<JsonObject>
  const tool = fc.tuple(input, fc.integer({ min: 1, max: 9 }), fc.uuid()).map(([value, size, id]) => {
    const written = JSON.stringify(value)
    const start = { type: 'tool_use', id, name: 'act', input: {} }
    const deltas: JsonObject[] = [{ type: 'input_json_delta', partial_json: '' }]
    for (let at = 0; at < written.length && written !== '{}'; at += size) {
      deltas.push({ type: 'input_json_delta', partial_json: written.slice(at, at + size) })
    }
    return { whole: { ...start, input: JSON.parse(written) as JsonObject }, start, deltas }
  })
  return fc.oneof<fc.Arbitrary<Block>[]>(text, thinking, tool)
}
