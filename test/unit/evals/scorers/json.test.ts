import { describe, expect, test } from 'vitest'
import { prepareScorer } from '../../../../src/evals/scorers/registry.ts'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

const schema = {
  type: 'object',
  properties: { age: { type: 'integer', minimum: 0 } },
  required: ['age'],
  additionalProperties: false,
}

describe('is-json', () => {
  test.each([
    ['an object', '{"a":1}', 1],
    ['a number, which is JSON too', '42', 1],
    ['white space around', ' [1]\n', 1],
    ['a fence', '```json\n{"a":1}\n```', 0],
    ['words around', 'Here: {"a":1}', 0],
    ['single quotes', "{'a':1}", 0],
    ['a comma too many', '{"a":1,}', 0],
    ['half an answer', '{"a":[1,2', 0],
  ])('%s', async (_what, output, value) => {
    expect(await scoreOf('is-json', {}, { output })).toBe(value)
  })

  test('says where the answer does not fit the schema', async () => {
    expect(await scoreOf('is-json', { schema }, { output: '{"age":3}' })).toBe(1)
    expect(await judgeSample('is-json', { schema }, { output: '{"age":-1}' })).toMatchObject({
      value: 0,
      details: { pointer: '/age' },
    })
    expect(await scoreOf('is-json', { schema }, { output: '{"age":1,"name":"x"}' })).toBe(0)
  })

  test('refuses a schema with a keyword nobody checks, and names it', () => {
    const settings = { schema: { type: 'object', oneOf: [] } }

    expect(() => prepareScorer({ kind: 'is-json', settings })).toThrow(
      expect.objectContaining({
        param: 'settings.schema',
        message: expect.stringContaining('schema: oneOf'),
      }),
    )
  })
})

describe('contains-json', () => {
  test.each([
    ['in a fence', 'Sure!\n```json\n{"age": 3}\n```\nBye', {}, 1],
    ['a brace in prose before it', 'The set {x, y} and {"age": 3}.', {}, 1],
    ['inside what is no JSON', '{see {"age": 3} there}', {}, 1],
    ['with brackets in its strings', 'x {"a": "}{][\\"", "b": {}} y', {}, 1],
    ['only prose', 'There is nothing here.', {}, 0],
    ['cut off', 'Here: {"age": 3', {}, 0],
    ['a citation, where lists do not count', 'As said [1].', {}, 0],
    ['a citation, where they do', 'As said [1].', { lists: true }, 1],
    ['the second object, when the first does not fit', '{"a":1} {"age":3}', { schema }, 1],
    ['none that fits', '{"a":1} {"age":"x"}', { schema }, 0],
  ])('%s', async (_what, output, settings, value) => {
    expect(await scoreOf('contains-json', settings, { output })).toBe(value)
  })

  test.each([
    ['opening brackets', '{'.repeat(200_000)],
    ['objects that never close', '{"a":'.repeat(100_000)],
    ['quotes that never close', '{"'.repeat(100_000)],
    ['more sets than it tries', '{x} '.repeat(2_000)],
  ])('gives up within its bounds on %s', async (_what, output) => {
    expect(await scoreOf('contains-json', {}, { output })).toBe('abstained')
  })
})

describe('json-match', () => {
  test.each([
    ['equal, members in another order', '{"b":2,"a":[1]}', '{"a":[1],"b":2}', 1],
    ['a text among several', '{"a":2}', ['{"a":1}', '{"a":2}'], 1],
    ['JSON as it stands', '{"a":2}', { a: 2 }, 1],
    ['a list of another length', '[1,2]', '[1]', 0],
    ['a list in another order', '[2,1]', '[1,2]', 0],
    ['null, which equals null', '{"a":null}', '{"a":null}', 1],
    ['text and number', '"1"', '1', 0],
    ['no JSON', 'a', '"a"', 0],
    ['half a character, which equals nothing', '"\\ud800"', '"x"', 0],
    ['a number beyond a double, which equals nothing', '1e400', '1', 0],
    ['an ideal answer that is no JSON', '{}', 'a', 'error'],
  ])('%s', async (_what, output, expected, value) => {
    expect(await scoreOf('json-match', {}, { output, expected })).toBe(value)
  })

  test('takes a list of texts as one value where asked to', async () => {
    expect(
      await scoreOf('json-match', { several: false }, { output: '["a","b"]', expected: ['a', 'b'] }),
    ).toBe(1)
  })
})
