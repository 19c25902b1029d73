/** What is sent to Anthropic for an OpenAI request, and what is refused instead. */

import { describe, expect, test } from 'vitest'
import { RequestError } from '../../../../src/errors.ts'
import type { JsonObject } from '../../../../src/lib/json.ts'
import { anthropicTranslation } from '../../../../src/providers/anthropic/translation.ts'
import { chatCall, fixtures } from '../translated-answers.ts'

const { json } = fixtures('anthropic')
const NEW = 'claude-opus-5'
const BUDGETED = 'claude-sonnet-4-5-20250929'
const OLD = 'claude-3-haiku-20240307'

function send(parsed: JsonObject, model = BUDGETED): JsonObject {
  return anthropicTranslation.request(chatCall(model, parsed)).body
}

function refusal(parsed: JsonObject, model = BUDGETED): RequestError {
  try {
    send(parsed, model)
  } catch (error) {
    if (error instanceof RequestError) return error
    throw error
  }
  throw new Error('The request was not refused.')
}

const tool = (name: string, about: JsonObject = {}) => ({ type: 'function', function: { name, ...about } })
const schemaFormat = (schema: JsonObject, strict = false) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'x', strict, schema } },
})
const say = (content: unknown) => ({ messages: [{ role: 'user', content }] }) as JsonObject

test('the sample request becomes the documented body', () => {
  const request = anthropicTranslation.request(chatCall('claude-sonnet-4-5', json('request.openai.json')))

  expect(request).toEqual({ method: 'POST', path: '/v1/messages', body: json('request.anthropic.json') })
})

test('a streamed request asks for a stream', () => {
  expect(anthropicTranslation.request(chatCall(NEW, {}, true)).body.stream).toBe(true)
})

test('the request is left as it was', () => {
  const parsed = json('request.openai.json')
  const before = structuredClone(parsed)

  send(parsed)

  expect(parsed).toEqual(before)
})

test('authentication and version go into headers', () => {
  expect(anthropicTranslation.headers('k')).toEqual({ 'x-api-key': 'k', 'anthropic-version': '2023-06-01' })
})

test('models are read with their creation time in seconds', () => {
  expect(anthropicTranslation.models(json('models.json'))).toEqual([
    { id: 'claude-sonnet-4-5-20250929', ownedBy: 'anthropic', created: 1_759_104_000 },
    { id: 'claude-haiku-4-5-20251001', ownedBy: 'anthropic', created: 1_759_276_800 },
  ])
})

test('only chat is served', () => {
  expect(anthropicTranslation.supports('chat')).toBe(true)
  expect(anthropicTranslation.supports('embeddings')).toBe(false)
  expect(() => anthropicTranslation.request({ ...chatCall(NEW, {}), operation: 'embeddings' })).toThrow(
    expect.objectContaining({ code: 'unsupported_operation' }),
  )
})

describe('limits and sampling', () => {
  test.each([
    [NEW, {}, 8192],
    [OLD, {}, 4096],
    [NEW, { max_tokens: 5 }, 5],
    [NEW, { max_tokens: 5, max_completion_tokens: 6 }, 6],
    [NEW, { max_tokens: null }, 8192],
  ])('%s with %j answers within %i tokens', (model, parsed, maxTokens) => {
    expect(send(parsed, model).max_tokens).toBe(maxTokens)
  })

  test('defaults are left out, for models that take no sampling at all', () => {
    const body = send({ temperature: 1, top_p: 1, stop: [] }, NEW)

    expect(Object.keys(body).sort()).toEqual(['max_tokens', 'messages', 'model'])
  })

  test.each([
    ['temperature', { temperature: 1.5 }, 'invalid_value'],
    ['temperature', { temperature: 'hot' }, 'invalid_type'],
    ['max_tokens', { max_tokens: 0 }, 'invalid_value'],
    ['max_tokens', { max_tokens: 1.5 }, 'invalid_type'],
    ['stop[0]', { stop: [1] }, 'invalid_type'],
  ])('%s is checked: %j', (param, parsed, code) => {
    expect(refusal(parsed as JsonObject)).toMatchObject({ param, code })
  })
})

describe('fields that would change the answer are refused by name', () => {
  test.each([
    ['n', 2],
    ['logprobs', true],
    ['top_logprobs', 3],
    ['logit_bias', { 5: 1 }],
    ['presence_penalty', 0.1],
    ['frequency_penalty', -1],
    ['modalities', ['text', 'audio']],
    ['audio', { voice: 'alloy', format: 'mp3' }],
    ['verbosity', 'low'],
    ['web_search_options', {}],
    ['functions', [{ name: 'x' }]],
    ['min_p', 0.1],
  ])('%s: %j', (name, value) => {
    expect(refusal({ [name]: value } as JsonObject)).toMatchObject({
      param: name,
      code: 'unsupported_parameter',
    })
  })

  test.each([
    ['n', 1],
    ['logprobs', false],
    ['logit_bias', {}],
    ['presence_penalty', 0],
    ['verbosity', 'medium'],
    ['seed', 4],
    ['store', true],
    ['metadata', { a: 'b' }],
    ['service_tier', 'auto'],
    ['prompt_cache_key', 'x'],
    ['min_p', null],
  ])('while %s: %j asks for nothing and passes', (name, value) => {
    expect(send({ [name]: value } as JsonObject)).not.toHaveProperty(name)
  })
})

describe('messages', () => {
  test.each([
    ['messages', { messages: [] }, 'invalid_value'],
    ['messages', { messages: null }, 'missing_required_parameter'],
    ['messages', say(''), 'invalid_value'],
    ['messages[0]', { messages: ['hi'] }, 'invalid_type'],
    ['messages[0].role', { messages: [{ role: 'king', content: 'x' }] }, 'invalid_value'],
    [
      'messages[0].tool_call_id',
      { messages: [{ role: 'tool', content: 'x' }] },
      'missing_required_parameter',
    ],
    ['messages[0].content', say(5), 'invalid_type'],
    ['messages[0].content[0].type', say([{ type: 'video' }]), 'unsupported_parameter'],
    [
      'messages[0].content[0].input_audio',
      say([{ type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } }]),
      'unsupported_parameter',
    ],
    [
      'messages[0].content[0].image_url.url',
      say([{ type: 'image_url', image_url: { url: 'http://x.org/a.png' } }]),
      'invalid_value',
    ],
    [
      'messages[0].content[0].image_url.url',
      say([{ type: 'image_url', image_url: { url: 'data:image/bmp;base64,AA' } }]),
      'invalid_value',
    ],
    [
      'messages[0].content[0].image_url.url',
      say([{ type: 'image_url', image_url: { url: 'data:image/png,raw' } }]),
      'invalid_value',
    ],
    [
      'messages[0].content[0].file.file_id',
      say([{ type: 'file', file: { file_id: 'file-1' } }]),
      'unsupported_parameter',
    ],
  ])('%s is named when it is wrong', (param, parsed, code) => {
    expect(refusal(parsed as JsonObject)).toMatchObject({ param, code })
  })

  test.each(['{"a":', '[1]', '"x"'])('tool arguments that are no object are refused: %s', (text) => {
    const calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: text } }]

    expect(refusal({ messages: [{ role: 'assistant', tool_calls: calls }] })).toMatchObject({
      code: 'invalid_value',
      param: 'messages[0].tool_calls[0].function.arguments',
    })
  })

  test('a plain text file is sent as text', () => {
    const url = `data:text/plain;charset=utf-8;base64,${Buffer.from('olá').toString('base64')}`

    const body = send(say([{ type: 'file', file: { file_data: url } }]))

    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'olá' } }],
      },
    ])
  })
})

describe('tools', () => {
  test.each([
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
    ['required', { type: 'any' }],
    [tool('a'), { type: 'tool', name: 'a' }],
  ])('tool_choice %j', (choice, expected) => {
    expect(send({ tools: [tool('a')], tool_choice: choice }).tool_choice).toEqual(expected)
  })

  test('forbidding parallel calls needs no tool_choice', () => {
    expect(send({ tools: [tool('a')], parallel_tool_calls: false }).tool_choice).toEqual({
      type: 'auto',
      disable_parallel_tool_use: true,
    })
  })

  test('allowed_tools shortens the list', () => {
    const choice = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tool('b')] } }

    const body = send({ tools: [tool('a'), tool('b')], tool_choice: choice })

    expect(body).toMatchObject({ tools: [{ name: 'b' }], tool_choice: { type: 'any' } })
  })

  test.each([
    ['a choice without tools', { tool_choice: 'required' }],
    ['a choice of an unknown tool', { tools: [tool('a')], tool_choice: tool('b') }],
    ['a choice of no known form', { tools: [tool('a')], tool_choice: 'maybe' }],
  ])('%s is refused', (_name, parsed) => {
    expect(refusal(parsed)).toMatchObject({ param: 'tool_choice', code: 'invalid_value' })
  })

  test('a strict tool is held to its closed schema where the model can', () => {
    const parameters = { type: 'object', properties: { at: { type: 'object', properties: {} } } }
    const tools = [tool('a', { strict: true, parameters })]

    expect(send({ tools }).tools).toMatchObject([
      {
        strict: true,
        input_schema: { additionalProperties: false, properties: { at: { additionalProperties: false } } },
      },
    ])
    expect(send({ tools }, OLD).tools).toEqual([{ name: 'a', input_schema: parameters }])
  })
})

describe('answer formats', () => {
  const open = { type: 'object', properties: { age: { type: 'integer', minimum: 0, description: 'Years' } } }

  test('json_schema uses structured outputs, with weak spots told to the model', () => {
    expect(send(schemaFormat(open)).output_config).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          properties: { age: { type: 'integer', description: 'Years (minimum: 0)' } },
          additionalProperties: false,
        },
      },
    })
  })

  test('under strict, what cannot be enforced is refused with its place', () => {
    const error = refusal(schemaFormat(open, true))

    expect(error).toMatchObject({
      param: 'response_format.json_schema.schema',
      code: 'unsupported_parameter',
    })
    expect(error.message).toContain('"minimum" at $.properties.age')
  })

  test.each([
    ['an open map', { type: 'object', additionalProperties: { type: 'string' } }],
    ['not', { not: {} }],
    ['patternProperties', { type: 'object', patternProperties: {} }],
  ])('%s has no expression and is refused', (_name, schema) => {
    expect(refusal(schemaFormat(schema as JsonObject)).param).toBe('response_format.json_schema.schema')
  })

  test('json_schema needs a model that has structured outputs', () => {
    expect(refusal(schemaFormat(open), OLD)).toMatchObject({
      param: 'response_format',
      code: 'unsupported_parameter',
    })
  })

  test('json_object forces the reserved tool', () => {
    const body = send({ response_format: { type: 'json_object' } })

    expect(body).toMatchObject({
      tools: [{ name: 'aval_json_answer' }],
      tool_choice: { type: 'tool', name: 'aval_json_answer' },
    })
  })

  test.each([{ tools: [tool('a')] }, { reasoning_effort: 'low' }])(
    'json_object with %j is refused',
    (other) => {
      expect(refusal({ response_format: { type: 'json_object' }, ...other })).toMatchObject({
        param: 'response_format',
      })
    },
  )
})

describe('reasoning', () => {
  test.each([
    ['low', 2048],
    ['high', 16_384],
  ])('effort %s is a budget on models that take one, on top of the default answer', (effort, budget) => {
    expect(send({ reasoning_effort: effort })).toMatchObject({
      max_tokens: 8192 + budget,
      thinking: { type: 'enabled', budget_tokens: budget },
    })
  })

  test.each([
    [1025, 1024],
    [4000, 2000],
    [100_000, 16_384],
  ])('within max_tokens %i the budget is %i', (maxTokens, budget) => {
    const body = send({ reasoning_effort: 'high', max_tokens: maxTokens })

    expect(body).toMatchObject({ max_tokens: maxTokens, thinking: { budget_tokens: budget } })
  })

  test('a limit that leaves no room to think is refused', () => {
    expect(refusal({ reasoning_effort: 'low', max_tokens: 1024 })).toMatchObject({
      param: 'reasoning_effort',
    })
  })

  test('newer models decide themselves and get an effort', () => {
    expect(send({ reasoning_effort: 'xhigh' }, NEW)).toMatchObject({
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'xhigh' },
    })
  })

  test('effort none turns it off where it may be on', () => {
    expect(send({ reasoning_effort: 'none' }, NEW).thinking).toEqual({ type: 'disabled' })
    expect(send({ reasoning_effort: 'none' })).not.toHaveProperty('thinking')
  })

  test.each([
    ['temperature', { temperature: 0 }],
    ['top_p', { top_p: 0.5 }],
    ['top_k', { top_k: 5 }],
    ['tool_choice', { tools: [tool('a')], tool_choice: 'required' }],
  ])('%s cannot be combined with it', (param, other) => {
    expect(refusal({ reasoning_effort: 'low', ...other })).toMatchObject({
      param,
      code: 'unsupported_parameter',
    })
  })

  test('signed thoughts go back first in their turn', () => {
    const thought = { type: 'thinking', thinking: 'hm', signature: 's' }

    expect(send({ reasoning_effort: 'low', messages: toolLoop([thought]) })).toMatchObject({
      thinking: { type: 'enabled' },
      messages: [{}, { content: [thought, { type: 'tool_use' }] }, {}],
    })
  })

  test('a tool loop whose thoughts the client lost goes on without thinking', () => {
    expect(send({ reasoning_effort: 'low', messages: toolLoop([]) })).not.toHaveProperty('thinking')
    expect(send({ reasoning_effort: 'low', messages: toolLoop([]) }, NEW)).toHaveProperty('thinking')
  })

  test('a model that does not reason says so', () => {
    expect(refusal({ reasoning_effort: 'low' }, OLD)).toMatchObject({ param: 'reasoning_effort' })
    expect(send({ reasoning_effort: 'none' }, OLD)).not.toHaveProperty('thinking')
  })

  test('an unknown effort is refused', () => {
    expect(refusal({ reasoning_effort: 'huge' })).toMatchObject({
      param: 'reasoning_effort',
      code: 'invalid_value',
    })
  })
})

function toolLoop(thoughts: JsonObject[]): JsonObject[] {
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
  return [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: null, tool_calls: [call], thinking_blocks: thoughts },
    { role: 'tool', tool_call_id: 'c', content: 'x' },
  ]
}
