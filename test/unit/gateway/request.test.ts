/** From bytes to a checked request: every mistake is the caller's own, and no bytes at all make the parser fail. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RequestError } from '../../../src/errors.ts'
import { parseBody } from '../../../src/gateway/request.ts'
import { OPERATIONS, type Operation } from '../../../src/providers/provider.ts'

const HELLO = [{ role: 'user', content: 'hi' }]
const chat = (more: object = {}) => Buffer.from(JSON.stringify({ model: 'm', messages: HELLO, ...more }))

function refusal(bytes: Buffer | string, operation: Operation = 'chat'): Partial<RequestError> {
  try {
    parseBody(operation, Buffer.from(bytes))
  } catch (error) {
    if (error instanceof RequestError) return { code: error.code, param: error.param, message: error.message }
    throw error
  }
  throw new Error('The body was accepted.')
}

describe('a body that is no JSON object', () => {
  test.each([
    ['nothing', '', 'invalid_json', /no body/],
    ['half an object', '{"model":"m"', 'invalid_json', /not valid JSON/],
    ['a trailing comma', '{"model":"m",}', 'invalid_json', /not valid JSON/],
    ['NaN', '{"model":NaN}', 'invalid_json', /not valid JSON/],
    ['two objects', '{}{}', 'invalid_json', /not valid JSON/],
    ['a byte order mark', '\uFEFF{"model":"m"}', 'invalid_json', /not valid JSON/],
    ['a list', '[1]', 'invalid_type', /a list where a JSON object/],
    ['null', 'null', 'invalid_type', /null where a JSON object/],
    ['a text', '"model"', 'invalid_type', /a text where a JSON object/],
    ['a number', '12', 'invalid_type', /the number 12 where a JSON object/],
  ])('%s is refused', (_name, body, code, message) => {
    expect(refusal(body)).toMatchObject({ code, param: null, message: expect.stringMatching(message) })
  })

  test('bytes that are no UTF-8 are refused, inside a string too', () => {
    const bytes = Buffer.from('{"model":"m","x":"\u00e9"}', 'latin1')

    expect(refusal(bytes)).toMatchObject({ code: 'invalid_encoding' })
  })
})

describe('a depth bomb', () => {
  test.each(['[', '{"a":'])('of a million %s is refused before it is parsed', (open) => {
    expect(refusal(`{"model":"m","messages":${open.repeat(1_000_000)}`)).toMatchObject({ code: 'too_deep' })
  })

  test('64 levels pass and 65 do not', () => {
    const nested = (levels: number) =>
      chat({ x: JSON.parse('['.repeat(levels - 1) + ']'.repeat(levels - 1)) })

    expect(parseBody('chat', nested(64)).model).toBe('m')
    expect(refusal(nested(65))).toMatchObject({ code: 'too_deep' })
  })
})

describe('a key that stands twice', () => {
  test.each([
    ['plainly', '{"model":"a","model":"b","messages":[]}', 'model'],
    ['once escaped', '{"model":"a","mod\\u0065l":"b","messages":[]}', 'model'],
    ['that nobody knows', '{"model":"a","x":1,"x":1}', 'x'],
    ['as __proto__', '{"model":"a","__proto__":1,"__proto__":2}', '__proto__'],
  ])('%s is refused by name', (_name, body, param) => {
    expect(refusal(body)).toMatchObject({ code: 'duplicate_key', param })
  })
})

describe('a field that is missing', () => {
  test.each([
    ['chat', { messages: HELLO }, 'model'],
    ['chat', { model: 'm' }, 'messages'],
    ['completions', { model: 'm' }, 'prompt'],
    ['embeddings', { model: 'm' }, 'input'],
    ['moderations', { model: 'm' }, 'input'],
    ['rerank', { model: 'm', documents: [] }, 'query'],
    ['rerank', { model: 'm', query: 'q' }, 'documents'],
    ['responses', { input: 'hi' }, 'model'],
  ] as const)('is named: %s %j lacks %s', (operation, body, param) => {
    expect(refusal(JSON.stringify(body), operation)).toMatchObject({
      code: 'missing_required_parameter',
      param,
    })
  })

  test('is not found on the prototype', () => {
    expect(refusal('{"__proto__":{"model":"m"},"messages":[]}')).toMatchObject({
      code: 'missing_required_parameter',
      param: 'model',
    })
  })
})

describe('a value of the wrong type is named with what stands there', () => {
  test.each([
    ['model', 5, 'the number 5', 'a text'],
    ['model', null, 'null', 'a text'],
    ['messages', 'hi', 'a text', 'a list'],
    ['messages', null, 'null', 'a list'],
    ['stream', 'true', 'a text', 'true or false'],
    ['stream_options', [], 'a list', 'an object'],
    ['temperature', '1', 'a text', 'a number'],
    ['max_tokens', 1.5, 'the number 1.5', 'a whole number'],
    ['n', true, 'true', 'a whole number'],
    ['stop', { a: 1 }, 'an object', 'a text or a list'],
    ['tools', {}, 'an object', 'a list'],
    ['user', ['u'], 'a list', 'a text'],
    ['seed', 'x', 'a text', 'a whole number'],
  ])('%s: %j', (param, value, found, expected) => {
    expect(refusal(chat({ [param]: value }))).toMatchObject({
      code: 'invalid_type',
      param,
      message: `"${param}" is ${found} where ${expected} is expected.`,
    })
  })

  test('an empty model name points to the list of models', () => {
    expect(refusal(chat({ model: '' }))).toMatchObject({ code: 'invalid_value', param: 'model' })
  })

  test.each([
    [[], 'invalid_value', 'messages'],
    [['hi'], 'invalid_type', 'messages[0]'],
    [[...HELLO, null], 'invalid_type', 'messages[1]'],
    [[{ content: 'hi' }], 'invalid_type', 'messages[0].role'],
    [[{ role: 7 }], 'invalid_type', 'messages[0].role'],
  ])('messages %j', (messages, code, param) => {
    expect(refusal(chat({ messages }))).toMatchObject({ code, param })
  })
})

describe('what is accepted', () => {
  test('null is "not given" wherever nothing is required', () => {
    const body = parseBody('chat', chat({ stream: null, user: null, tools: null, stream_options: null }))

    expect(body).toMatchObject({ stream: false, includeUsage: false, endUser: null })
  })

  test('unknown fields and content parts pass untouched', () => {
    const bytes = chat({
      messages: [{ role: 'user', content: [{ type: 'image_url' }] }],
      x_vendor: { a: [1] },
    })

    const body = parseBody('chat', bytes)

    expect(body.bytes).toBe(bytes)
    expect(body.parsed).toEqual(JSON.parse(bytes.toString()))
  })

  test('stream, usage wish and user are read', () => {
    const bytes = chat({ stream: true, stream_options: { include_usage: true }, user: 'u'.repeat(300) })

    expect(parseBody('chat', bytes)).toMatchObject({
      stream: true,
      includeUsage: true,
      endUser: 'u'.repeat(256),
    })
  })

  test('a key written with an escape is the key it spells', () => {
    const body = parseBody('chat', Buffer.from('{"mod\\u0065l":"m","messages":[{"role":"user"}]}'))

    expect(body.model).toBe('m')
    expect(Object.keys(body.parsed)).toEqual(['model', 'messages'])
  })
})

describe('whatever is sent', () => {
  const operation = fc.constantFrom(...OPERATIONS)
  const known = fc.constantFrom(
    'model messages stream stream_options tools n stop user input prompt query documents metadata __proto__ constructor toString'.split(
      ' ',
    ),
  )
  const name = known.chain((names) => fc.constantFrom(...names))

  test('an object with a model is a request or the caller’s mistake, never a crash of ours', () => {
    const members = fc.dictionary(fc.oneof(name, fc.string()), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 12 })
    fc.assert(
      fc.property(operation, members, fc.string({ minLength: 1 }), (kind, object, model) => {
        const bytes = Buffer.from(JSON.stringify({ ...object, model }))
        try {
          expect(parseBody(kind, bytes).model).toBe(model)
        } catch (error) {
          expect(error).toBeInstanceOf(RequestError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('so are any bytes at all', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map(Buffer.from),
      fc.string().map(Buffer.from),
    )
    fc.assert(
      fc.property(operation, bytes, (kind, sent) => {
        expect(() => parseBody(kind, Buffer.from(sent))).toThrow(RequestError)
      }),
      { numRuns: 1000 },
    )
  })
})
