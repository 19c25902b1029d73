/** What is sent to Gemini for an OpenAI request, and what is refused instead. */

import { describe, expect, test } from 'vitest'
import { RequestError } from '../../../../src/errors.ts'
import type { JsonObject } from '../../../../src/lib/json.ts'
import { geminiTranslation } from '../../../../src/providers/gemini/translation.ts'
import { chatCall, fixtures } from '../translated-answers.ts'

const { json } = fixtures('gemini')
const NEW = 'gemini-3.1-pro-preview'
const BUDGETED = 'gemini-2.5-flash'
const OLD = 'gemini-2.0-flash'

function send(parsed: JsonObject, model = BUDGETED): JsonObject {
  return geminiTranslation.request(chatCall(model, parsed)).body
}

function config(parsed: JsonObject, model = BUDGETED): JsonObject | undefined {
  return send(parsed, model).generationConfig as JsonObject | undefined
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

test('the sample request becomes the documented body', () => {
  const request = geminiTranslation.request(chatCall('gemini-3-flash-preview', json('request.openai.json')))

  expect(request).toEqual({
    method: 'POST',
    path: '/v1beta/models/gemini-3-flash-preview:generateContent',
    body: json('request.gemini.json'),
  })
})

test.each([
  ['gemini-2.5-flash', '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse'],
  ['models/gemini-2.5-flash', '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse'],
  ['tunedModels/mine-1', '/v1beta/tunedModels/mine-1:streamGenerateContent?alt=sse'],
  ['../../x?key=#', '/v1beta/models/..%2F..%2Fx%3Fkey%3D%23:streamGenerateContent?alt=sse'],
])('a streamed request for %s goes to %s', (model, path) => {
  expect(geminiTranslation.request(chatCall(model, {}, true)).path).toBe(path)
})

test('authentication goes into a header, never into the address', () => {
  expect(geminiTranslation.headers('k')).toEqual({ 'x-goog-api-key': 'k' })
})

test('models are listed without their collection', () => {
  expect(geminiTranslation.models(json('models.json')).map((model) => model.id)).toEqual([
    'gemini-2.5-flash',
    'gemini-embedding-001',
  ])
})

test('the request is left as it was', () => {
  const parsed = json('request.openai.json')
  const before = structuredClone(parsed)

  send(parsed, NEW)

  expect(parsed).toEqual(before)
})

describe('fields that would change the answer are refused by name', () => {
  test.each([
    ['logit_bias', { 5: 1 }],
    ['modalities', ['text', 'audio']],
    ['verbosity', 'high'],
    ['web_search_options', {}],
    ['repetition_penalty', 1.1],
  ])('%s: %j', (name, value) => {
    expect(refusal({ [name]: value } as JsonObject)).toMatchObject({
      param: name,
      code: 'unsupported_parameter',
    })
  })

  test('a request for one tool call at a time', () => {
    expect(refusal({ tools: [tool('a')], parallel_tool_calls: false })).toMatchObject({
      param: 'parallel_tool_calls',
    })
  })

  test.each([
    ['temperature', { temperature: 2.1 }],
    ['n', { n: 9 }],
    ['stop', { stop: ['1', '2', '3', '4', '5', '6'] }],
    ['top_logprobs', { top_logprobs: 2 }],
    ['top_logprobs', { logprobs: true, top_logprobs: 21 }],
  ])('%s out of its range: %j', (param, parsed) => {
    expect(refusal(parsed)).toMatchObject({ param, code: 'invalid_value' })
  })
})

test('a request without parameters has no generationConfig', () => {
  expect(send({ user: 'u', metadata: {}, temperature: null })).toEqual({
    contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
  })
})

describe('content', () => {
  test.each([
    [
      { type: 'input_audio', input_audio: { data: 'AAA', format: 'wav' } },
      { inlineData: { mimeType: 'audio/wav', data: 'AAA' } },
    ],
    [
      { type: 'image_url', image_url: { url: 'https://x.org/a.webp?b=1' } },
      { fileData: { mimeType: 'image/webp', fileUri: 'https://x.org/a.webp?b=1' } },
    ],
    [
      { type: 'image_url', image_url: { url: 'https://x.org/photo' } },
      { fileData: { fileUri: 'https://x.org/photo' } },
    ],
  ])('%j is sent as %j', (part, expected) => {
    const body = send({ messages: [{ role: 'user', content: [part] }] })

    expect(body.contents).toEqual([{ role: 'user', parts: [expected] }])
  })

  test('a tool result that answers no call is refused', () => {
    const messages = [{ role: 'tool', tool_call_id: 'nobody', content: 'x' }]

    expect(refusal({ messages })).toMatchObject({ param: 'messages[0].tool_call_id', code: 'invalid_value' })
  })

  test('an http address is refused', () => {
    const content = [{ type: 'image_url', image_url: { url: 'http://x.org/a.png' } }]

    expect(refusal({ messages: [{ role: 'user', content }] }).param).toBe(
      'messages[0].content[0].image_url.url',
    )
  })
})

describe('thought signatures', () => {
  const call = (extra: JsonObject) => ({
    id: 'c',
    type: 'function',
    function: { name: 'f', arguments: '{}' },
    ...extra,
  })
  const loop = (calls: JsonObject[]) => ({
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', tool_calls: calls },
    ],
  })
  const signatures = (parsed: JsonObject, model: string) => {
    const contents = send(parsed, model).contents as { parts: JsonObject[] }[]
    return contents[1]?.parts.map((part) => part.thoughtSignature)
  }

  test('come back where the client kept them', () => {
    const kept = { extra_content: { google: { thought_signature: 'sig' } } }

    expect(signatures(loop([call(kept), call({})]), NEW)).toEqual(['sig', undefined])
    expect(signatures(loop([call(kept)]), BUDGETED)).toEqual(['sig'])
  })

  test('are replaced by the documented stand-in where a model demands one', () => {
    expect(signatures(loop([call({}), call({})]), NEW)).toEqual([
      'skip_thought_signature_validator',
      undefined,
    ])
    expect(signatures(loop([call({})]), BUDGETED)).toEqual([undefined])
  })
})

describe('tools and schemas', () => {
  test.each([
    ['auto', { mode: 'AUTO' }],
    ['none', { mode: 'NONE' }],
    ['required', { mode: 'ANY' }],
    [tool('a'), { mode: 'ANY', allowedFunctionNames: ['a'] }],
  ])('tool_choice %j', (choice, functionCallingConfig) => {
    expect(send({ tools: [tool('a')], tool_choice: choice }).toolConfig).toEqual({ functionCallingConfig })
  })

  test('references, maps and unions pass; a constraint that is not enforced is told to the model', () => {
    const parameters = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: {
        of: { $ref: '#/$defs/id' },
        tags: { type: 'object', additionalProperties: { type: 'string', maxLength: 5 } },
      },
      $defs: { id: { oneOf: [{ type: 'string', pattern: '^a' }, { const: 0 }] } },
    }

    expect(send({ tools: [tool('a', { parameters })] }).tools).toEqual([
      {
        functionDeclarations: [
          {
            name: 'a',
            parametersJsonSchema: {
              type: 'object',
              properties: {
                of: { $ref: '#/$defs/id' },
                tags: {
                  type: 'object',
                  additionalProperties: { type: 'string', description: '(maxLength: 5)' },
                },
              },
              $defs: { id: { oneOf: [{ type: 'string', description: '(pattern: "^a")' }, { enum: [0] }] } },
            },
          },
        ],
      },
    ])
  })

  test('what has no expression is refused with its place', () => {
    const error = refusal({ tools: [tool('a', { parameters: { type: 'object', not: {} } })] })

    expect(error).toMatchObject({ param: 'tools[0].function.parameters', code: 'unsupported_parameter' })
    expect(error.message).toContain('"not" at $')
  })

  test('a strict answer format promises every constraint, so a weak one is refused', () => {
    const schema = { type: 'object', properties: { a: { type: 'string', pattern: '^a' } } }

    expect(config(schemaFormat(schema))).toHaveProperty('responseJsonSchema')
    expect(refusal(schemaFormat(schema, true)).param).toBe('response_format.json_schema.schema')
  })

  test('tools and a JSON answer go together from Gemini 3 on', () => {
    const parsed = { tools: [tool('a')], response_format: { type: 'json_object' } }

    expect(config(parsed, NEW)).toEqual({ responseMimeType: 'application/json' })
    expect(refusal(parsed)).toMatchObject({ param: 'response_format', code: 'unsupported_parameter' })
  })

  test('json_object asks for JSON', () => {
    expect(config({ response_format: { type: 'json_object' } })).toEqual({
      responseMimeType: 'application/json',
    })
  })
})

describe('reasoning', () => {
  test.each([
    [BUDGETED, 'none', { thinkingBudget: 0, includeThoughts: false }],
    [BUDGETED, 'medium', { thinkingBudget: 8192, includeThoughts: true }],
    [NEW, 'minimal', { thinkingLevel: 'minimal', includeThoughts: true }],
    [NEW, 'xhigh', { thinkingLevel: 'high', includeThoughts: true }],
  ])('%s with effort %s', (model, effort, thinkingConfig) => {
    expect(config({ reasoning_effort: effort }, model)).toEqual({ thinkingConfig })
  })

  test('is refused where it does not exist or cannot be turned off', () => {
    expect(refusal({ reasoning_effort: 'low' }, OLD)).toMatchObject({ code: 'unsupported_parameter' })
    expect(refusal({ reasoning_effort: 'none' }, NEW)).toMatchObject({ code: 'invalid_value' })
    expect(config({ reasoning_effort: 'none' }, OLD)).toBeUndefined()
  })
})
