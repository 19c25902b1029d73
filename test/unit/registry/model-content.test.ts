import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type ModelContent,
  modelContentOf,
  modelContentShape,
  readModelContent,
} from '../../../src/registry/models/model-content.ts'

const schema = z.strictObject(modelContentShape)
const MINI = { upstream: 'openai', model: 'gpt-4o-mini' }
const parse = (fields: object): ModelContent => schema.parse({ ...MINI, ...fields })
const refusal = (fields: object) => schema.safeParse({ ...MINI, ...fields }).error?.issues[0]

describe('the content of a model version', () => {
  test('keeps what is unknown as null or absent, never as false or 0', () => {
    expect(parse({})).toEqual({
      ...MINI,
      parameters: {},
      context_window: null,
      max_output_tokens: null,
      capabilities: {},
      licence: null,
      notes: null,
    })
  })

  test('is the same whether the unknown is left out or written as null, and in any order', () => {
    const short = modelContentOf(parse({ capabilities: { vision: false, tools: true } }))
    const long = modelContentOf(
      schema.parse({
        notes: null,
        licence: null,
        capabilities: { tools: true, vision: false },
        context_window: null,
        parameters: {},
        model: 'gpt-4o-mini',
        max_output_tokens: null,
        upstream: 'openai',
      }),
    )

    expect(long).toEqual(short)
    expect(short.hash).toMatch(/^[0-9a-f]{64}$/)
  })

  test('says no and unknown in different contents', () => {
    const no = modelContentOf(parse({ capabilities: { tools: false } }))

    expect(no.hash).not.toBe(modelContentOf(parse({})).hash)
  })

  test('comes back from its stored text as it was, whatever its parameters', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).map((name) => `x-${name}`),
          fc.jsonValue({ maxDepth: 6, stringUnit: 'grapheme' }),
          { maxKeys: 10, noNullPrototype: true },
        ),
        (parameters) => {
          const content = modelContentOf(parse({ parameters }))

          expect(modelContentOf(readModelContent(content.text))).toEqual(content)
        },
      ),
    )
  })

  test.each([
    ['an upstream with a path in it', { upstream: '../x' }, 'upstream', 'lower-case letters'],
    [
      'the call itself as a parameter',
      { parameters: { messages: [] } },
      'parameters.messages',
      'call itself',
    ],
    ['what a prompt decides', { parameters: { tools: [] } }, 'parameters.tools', 'prompt version'],
    ['a parameter without end', { parameters: { x: nested(9) } }, 'parameters.x', 'deeper than 8'],
    ['a context window of 0', { context_window: 0 }, 'context_window', ''],
    ['half a token', { max_output_tokens: 1.5 }, 'max_output_tokens', ''],
    ['a capability nobody knows', { capabilities: { tols: true } }, 'capabilities', 'Did you mean "tools"?'],
    ['a capability that is a word', { capabilities: { tools: 'yes' } }, 'capabilities.tools', ''],
  ])('is not %s', (_, fields, path, message) => {
    expect(refusal(fields)?.path.join('.')).toBe(path)
    expect(refusal(fields)?.message).toContain(message)
  })

  test('may nest its parameters eight levels deep', () => {
    expect(refusal({ parameters: { x: nested(8) } })).toBeUndefined()
  })

  test.each([{ notes: 'half \ud800' }, { parameters: { x: ['\udc00'] } }, { parameters: { '\ud800': 1 } }])(
    'holds no text that a database would change: %j',
    (fields) => {
      expect(() => modelContentOf(parse(fields))).toThrow('well-formed')
    },
  )
})

function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)]
}
