import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject, JsonValue } from '../../../src/lib/json.ts'
import { compileJsonSchema } from '../../../src/lib/json-schema-check.ts'

function checkOf(schema: JsonValue) {
  const compiled = compileJsonSchema(schema)
  if ('problems' in compiled) throw new Error(JSON.stringify(compiled.problems))
  return compiled.check
}

const small = fc.integer({ min: -2, max: 6 })
const leaf = fc.oneof(
  fc.constantFrom<JsonObject>({ type: 'string' }, { type: 'boolean' }, { type: 'null' }, { type: 'integer' }),
  fc.record({ type: fc.constant('string'), minLength: fc.nat(3), maxLength: fc.nat(5) }),
  fc.record({ type: fc.constant('number'), minimum: small, maximum: small }),
  fc.record({ type: fc.constant('number'), exclusiveMinimum: small, exclusiveMaximum: small }),
  fc.constantFrom<JsonObject>({ enum: ['a', 'b'] }, { const: 1 }, { type: 'string', pattern: '^a' }),
)
const { schema } = fc.letrec<{ schema: JsonObject }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small' },
    leaf as fc.Arbitrary<JsonObject>,
    fc.record({
      type: fc.constant('array'),
      items: tie('schema'),
      minItems: fc.nat(2),
      maxItems: fc.nat(3),
    }) as fc.Arbitrary<JsonObject>,
    fc
      .record({ a: tie('schema'), b: tie('schema'), required: fc.subarray(['a', 'b']), closed: fc.boolean() })
      .map(({ a, b, required, closed }) => ({
        type: 'object',
        properties: { a, b },
        required,
        ...(closed && { additionalProperties: false }),
      })),
  ),
}))
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<JsonValue>('', 'a', 'b', 'abc', 'abcdef', 0, 1, 2, 2.5, -1, true, null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), {
      maxKeys: 3,
      noNullPrototype: true,
    }) as fc.Arbitrary<JsonObject>,
  ),
}))

describe('a compiled JSON Schema', () => {
  test('takes and refuses what another implementation takes and refuses', () => {
    fc.assert(
      fc.property(schema, fc.array(value, { minLength: 5, maxLength: 20 }), (wanted, values) => {
        const ours = checkOf(wanted)
        const theirs = z.fromJSONSchema(wanted as Parameters<typeof z.fromJSONSchema>[0])
        for (const one of values)
          expect(ours(one) === null, JSON.stringify([wanted, one])).toBe(theirs.safeParse(one).success)
      }),
      { numRuns: 500 },
    )
  })

  test('names the place that is wrong: the pointer leads to what is refused', () => {
    const check = checkOf({
      type: 'object',
      properties: {
        'a/b': { type: 'array', items: { type: 'object', required: ['c~'], properties: { 'c~': {} } } },
      },
    })

    expect(check({ 'a/b': [{ 'c~': 1 }, {}] })).toEqual({
      pointer: '/a~1b/1/c~0',
      message: '/a~1b/1/c~0 is missing. Send a value.',
    })
    expect(check(5)).toEqual({ pointer: '', message: 'The value is number 5. Send an object.' })
  })

  test('is no schema with a keyword it would not hold', () => {
    for (const keyword of [
      'anyOf',
      'allOf',
      'not',
      'if',
      '$ref',
      'format',
      'default',
      'patternProperties',
      'uniqueItems',
    ]) {
      expect(compileJsonSchema({ [keyword]: {} }), keyword).toMatchObject({ problems: [{ path: [keyword] }] })
    }
  })

  test('takes no pattern for RegExp, and comes to an end with one that RegExp would take for ever', () => {
    expect(checkOf({ pattern: '(a+)+$' })(`${'a'.repeat(50_000)}!`)).not.toBeNull()
    expect(compileJsonSchema({ pattern: '(?=a)' })).toHaveProperty('problems')
  })

  test('is refused when it is nested without end', () => {
    let deep: JsonObject = {}
    for (let level = 0; level < 1000; level += 1) deep = { items: deep }

    expect(compileJsonSchema(deep)).toHaveProperty('problems')
  })
})
