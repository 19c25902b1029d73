import { describe, expect, test } from 'vitest'
import { RequestError } from '../../../src/errors.ts'
import { chatRequestFromResponses } from '../../../src/gateway/responses/request.ts'
import type { JsonObject, JsonValue } from '../../../src/lib/json.ts'

function translate(members: JsonObject): JsonObject {
  return chatRequestFromResponses({ model: 'm', input: 'Hi', ...members })
}

function messagesOf(input: JsonValue, instructions?: string): JsonValue | undefined {
  return chatRequestFromResponses({ model: 'm', input, instructions }).messages
}

function refusalOf(body: JsonObject): { code: string; param: string | null; message: string } {
  try {
    chatRequestFromResponses(body)
  } catch (error) {
    if (error instanceof RequestError) return { code: error.code, param: error.param, message: error.message }
    throw error
  }
  throw new Error('The request was accepted.')
}

function refusal(members: JsonObject) {
  return refusalOf({ model: 'm', input: 'Hi', ...members })
}

describe('input', () => {
  test('a string becomes one user message', () => {
    expect(translate({})).toEqual({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] })
  })

  test('instructions come first, as a system message', () => {
    expect(messagesOf('Hi', 'Be brief.')).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ])
  })

  test('a message may leave its type out, and developer becomes system', () => {
    expect(messagesOf([{ role: 'developer', content: 'Be kind.' }])).toEqual([
      { role: 'system', content: 'Be kind.' },
    ])
  })

  test('one text part becomes a plain string, several parts stay parts in their order', () => {
    const parts = [
      { type: 'input_text', text: 'What is this?' },
      { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'original' },
      { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
      { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
    ]

    expect(messagesOf([{ role: 'user', content: parts.slice(0, 1) }])).toEqual([
      { role: 'user', content: 'What is this?' },
    ])
    expect(messagesOf([{ role: 'user', content: parts }])).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'high' } },
          { type: 'file', file: { file_data: 'data:application/pdf;base64,AA==', filename: 'a.pdf' } },
          { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
        ],
      },
    ])
  })

  test('a whole agent turn (reasoning, text, two calls, two outputs) becomes chat messages without the reasoning', () => {
    const input = [
      { role: 'user', content: 'Weather in A and B?' },
      { type: 'reasoning', id: 'rs_1', summary: [] },
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [
          { type: 'output_text', text: 'Let me ', annotations: [] },
          { type: 'output_text', text: 'look.', annotations: [] },
        ],
      },
      { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'weather', arguments: '{"city":"A"}' },
      { type: 'function_call', id: 'fc_2', call_id: 'c2', name: 'weather', arguments: '{"city":"B"}' },
      { type: 'function_call_output', call_id: 'c1', output: 'sun' },
      { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'rain' }] },
    ]

    expect(messagesOf(input)).toEqual([
      { role: 'user', content: 'Weather in A and B?' },
      {
        role: 'assistant',
        content: 'Let me look.',
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"A"}' } },
          { id: 'c2', type: 'function', function: { name: 'weather', arguments: '{"city":"B"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'sun' },
      { role: 'tool', tool_call_id: 'c2', content: 'rain' },
    ])
  })

  test('a call without text before it has null content, and text between a call and its output joins the call', () => {
    const call = { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' }
    const output = { type: 'function_call_output', call_id: 'c1', output: '1' }
    const toolCalls = [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }]

    expect(messagesOf([call, output])).toEqual([
      { role: 'assistant', content: null, tool_calls: toolCalls },
      { role: 'tool', tool_call_id: 'c1', content: '1' },
    ])
    expect(messagesOf([call, { role: 'assistant', content: 'Asking.' }, output])).toEqual([
      { role: 'assistant', content: 'Asking.', tool_calls: toolCalls },
      { role: 'tool', tool_call_id: 'c1', content: '1' },
    ])
  })

  test('an earlier refusal stays a refusal', () => {
    const content = [{ type: 'refusal', refusal: 'No.' }]

    expect(messagesOf([{ role: 'assistant', content }])).toEqual([
      { role: 'assistant', content: null, refusal: 'No.' },
    ])
  })

  test.each<[string, JsonValue, string, string]>([
    ['a number', 5, 'invalid_type', 'input'],
    ['an item that is text', ['Hi'], 'invalid_type', 'input[0]'],
    [
      'a message without role',
      [{ type: 'message', content: 'x' }],
      'missing_required_parameter',
      'input[0].role',
    ],
    ['a role nobody knows', [{ role: 'robot', content: 'x' }], 'invalid_value', 'input[0].role'],
    ['a message without content', [{ role: 'user' }], 'missing_required_parameter', 'input[0].content'],
    ['a part that is text', [{ role: 'user', content: ['x'] }], 'invalid_type', 'input[0].content[0]'],
    [
      'a part nobody knows',
      [{ role: 'user', content: [{ type: 'smell' }] }],
      'invalid_value',
      'input[0].content[0].type',
    ],
    [
      'an image by file id',
      [{ role: 'user', content: [{ type: 'input_image', file_id: 'file-1' }] }],
      'unsupported_parameter',
      'input[0].content[0].file_id',
    ],
    [
      'a file by URL',
      [{ role: 'user', content: [{ type: 'input_file', file_url: 'https://example.com/a' }] }],
      'unsupported_parameter',
      'input[0].content[0].file_url',
    ],
    ['a reference', [{ type: 'item_reference', id: 'msg_1' }], 'unsupported_parameter', 'input[0].type'],
    ['a reference without type', [{ id: 'msg_1' }], 'unsupported_parameter', 'input[0].type'],
    [
      'an item of a hosted tool',
      [{ type: 'web_search_call', id: 'ws' }],
      'unsupported_parameter',
      'input[0].type',
    ],
    [
      'an output without call_id',
      [{ type: 'function_call_output', output: 'x' }],
      'missing_required_parameter',
      'input[0].call_id',
    ],
    [
      'an image as the output of a tool',
      [{ type: 'function_call_output', call_id: 'c', output: [{ type: 'input_image', image_url: 'x' }] }],
      'unsupported_parameter',
      'input[0].output[0].type',
    ],
  ])('%s is refused with its path', (_name, input, code, param) => {
    expect(refusalOf({ model: 'm', input })).toMatchObject({ code, param })
  })

  test('a request without input or model names what is missing', () => {
    expect(refusalOf({ model: 'm' })).toMatchObject({ code: 'missing_required_parameter', param: 'input' })
    expect(refusalOf({ input: 'Hi' })).toMatchObject({ code: 'missing_required_parameter', param: 'model' })
  })
})

describe('tools', () => {
  const weather = {
    type: 'function',
    name: 'weather',
    description: 'd',
    parameters: { type: 'object' },
    strict: true,
  }
  const time = { type: 'function', name: 'time', parameters: null, strict: null }
  const chatWeather = {
    type: 'function',
    function: { name: 'weather', description: 'd', parameters: { type: 'object' }, strict: true },
  }
  const chatTime = { type: 'function', function: { name: 'time' } }

  test('the flat shape becomes the nested one', () => {
    const chat = translate({ tools: [weather, time], tool_choice: 'required', parallel_tool_calls: false })

    expect(chat).toMatchObject({
      tools: [chatWeather, chatTime],
      tool_choice: 'required',
      parallel_tool_calls: false,
    })
  })

  test('a chosen function is named the way chat names it', () => {
    const chat = translate({ tools: [weather], tool_choice: { type: 'function', name: 'weather' } })

    expect(chat.tool_choice).toEqual({ type: 'function', function: { name: 'weather' } })
  })

  test('allowed tools narrow the list instead of using a choice that upstreams do not know', () => {
    const choice = { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'time' }] }

    const chat = translate({ tools: [weather, time], tool_choice: choice })

    expect(chat).toMatchObject({ tools: [chatTime], tool_choice: 'required' })
  })

  test('without tools neither tool_choice nor parallel_tool_calls is sent', () => {
    expect(translate({ tools: [], tool_choice: 'auto', parallel_tool_calls: true })).toEqual(translate({}))
  })

  test.each([
    'web_search',
    'file_search',
    'code_interpreter',
    'mcp',
    'computer',
    'image_generation',
    'custom',
    'namespace',
  ])('the tool %s is refused with the path of its type', (type) => {
    const refused = refusal({ tools: [weather, { type }] })

    expect(refused).toMatchObject({ code: 'unsupported_parameter', param: 'tools[1].type' })
    expect(refused.message).toContain(`"${type}"`)
  })

  test.each<[JsonObject, string, string]>([
    [{ tools: {} }, 'invalid_type', 'tools'],
    [{ tools: [{ type: 'function' }] }, 'missing_required_parameter', 'tools[0].name'],
    [{ tools: [{ type: 'function', name: 'f', parameters: 'x' }] }, 'invalid_type', 'tools[0].parameters'],
    [
      { tools: [{ type: 'function', name: 'f', defer_loading: true }] },
      'unsupported_parameter',
      'tools[0].defer_loading',
    ],
    [{ tools: [time], tool_choice: 'always' }, 'invalid_value', 'tool_choice'],
    [{ tools: [time], tool_choice: 7 }, 'invalid_type', 'tool_choice'],
    [{ tools: [time], tool_choice: { type: 'function', name: 'x' } }, 'invalid_value', 'tool_choice.name'],
    [{ tools: [time], tool_choice: { type: 'mcp' } }, 'unsupported_parameter', 'tool_choice.type'],
    [{ tool_choice: 'required' }, 'missing_required_parameter', 'tools'],
    [{ parallel_tool_calls: 'yes' }, 'invalid_type', 'parallel_tool_calls'],
  ])('%j is refused as %s at %s', (members, code, param) => {
    expect(refusal(members)).toMatchObject({ code, param })
  })
})

describe('parameters', () => {
  test('each translated member has its chat name', () => {
    const chat = translate({
      max_output_tokens: 9,
      reasoning: { effort: 'low', summary: 'auto' },
      text: {
        verbosity: 'low',
        format: {
          type: 'json_schema',
          name: 's',
          schema: { type: 'object' },
          strict: true,
          description: 'd',
        },
      },
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
      top_logprobs: 2,
      stream: true,
    })

    expect(chat).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'Hi' }],
      max_completion_tokens: 9,
      reasoning_effort: 'low',
      verbosity: 'low',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 's', schema: { type: 'object' }, strict: true, description: 'd' },
      },
      logprobs: true,
      top_logprobs: 2,
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  test('json_object stays, and plain text asks for nothing', () => {
    expect(translate({ text: { format: { type: 'json_object' } } }).response_format).toEqual({
      type: 'json_object',
    })
    expect(translate({ text: { format: { type: 'text' } } })).toEqual(translate({}))
  })

  test('members that mean the same in both, and those we do not know, are kept', () => {
    const kept = {
      temperature: 0,
      top_p: 0.5,
      user: 'u',
      service_tier: 'flex',
      seed: 4,
      top_k: 3,
      guided: { a: [1] },
    }

    expect(translate(kept)).toEqual({ ...translate({}), ...kept })
  })

  test('members without effect here are left out, and null counts as absent', () => {
    const without = {
      store: true,
      metadata: { a: 'b' },
      truncation: 'auto',
      max_tool_calls: 3,
      stream_options: { include_obfuscation: false },
      background: false,
      previous_response_id: null,
      conversation: null,
      prompt: null,
      context_management: [],
      max_output_tokens: null,
      reasoning: null,
      text: null,
      tools: null,
      tool_choice: null,
      stream: false,
      include: null,
    }

    expect(translate(without)).toEqual(translate({}))
  })

  test('a member called __proto__ stays data', () => {
    const body = JSON.parse('{"model":"m","input":"Hi","__proto__":{"stream":true}}')

    const chat = chatRequestFromResponses(body)

    expect(chat.stream).toBeUndefined()
    expect(JSON.stringify(chat)).toContain('"__proto__":{"stream":true}')
  })

  test.each<[JsonObject, string]>([
    [{ previous_response_id: 'resp_1' }, 'previous_response_id'],
    [{ conversation: 'conv_1' }, 'conversation'],
    [{ conversation: { id: 'conv_1' } }, 'conversation'],
    [{ background: true }, 'background'],
    [{ prompt: { id: 'p' } }, 'prompt'],
    [{ context_management: [{ type: 'compaction' }] }, 'context_management'],
    [{ messages: [] }, 'messages'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [{ max_tokens: 5 }, 'max_tokens'],
    [{ n: 2 }, 'n'],
  ])('%j is refused with a remedy', (members, param) => {
    const refused = refusal(members)

    expect(refused).toMatchObject({ code: 'unsupported_parameter', param })
    expect(refused.message).toMatch(/Send|use/)
  })

  test.each<[JsonObject, string, string]>([
    [{ instructions: ['x'] }, 'invalid_type', 'instructions'],
    [{ temperature: 'hot' }, 'invalid_type', 'temperature'],
    [{ top_p: true }, 'invalid_type', 'top_p'],
    [{ max_output_tokens: '9' }, 'invalid_type', 'max_output_tokens'],
    [{ max_output_tokens: 0 }, 'invalid_value', 'max_output_tokens'],
    [{ max_output_tokens: 1.5 }, 'invalid_value', 'max_output_tokens'],
    [{ reasoning: 'low' }, 'invalid_type', 'reasoning'],
    [{ reasoning: { effort: 1 } }, 'invalid_type', 'reasoning.effort'],
    [{ text: { format: 'json' } }, 'invalid_type', 'text.format'],
    [{ text: { format: { type: 'yaml' } } }, 'invalid_value', 'text.format.type'],
    [{ text: { format: { type: 'json_schema' } } }, 'missing_required_parameter', 'text.format.name'],
    [{ include: 'all' }, 'invalid_type', 'include'],
    [{ include: [1] }, 'invalid_type', 'include[0]'],
    [{ metadata: { a: 1 } }, 'invalid_type', 'metadata.a'],
    [{ stream: 'true' }, 'invalid_type', 'stream'],
    [{ store: 'no' }, 'invalid_type', 'store'],
    [{ background: 'no' }, 'invalid_type', 'background'],
  ])('%j is refused as %s at %s', (members, code, param) => {
    expect(refusal(members)).toMatchObject({ code, param })
  })

  test('the request itself is not changed', () => {
    const body: JsonObject = {
      model: 'm',
      input: [
        { role: 'assistant', content: 'a' },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '' },
      ],
    }
    const before = structuredClone(body)

    chatRequestFromResponses(body)

    expect(body).toEqual(before)
  })
})
