/** Narrowing a schema: nothing disappears without a remark. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/lib/json.ts'
import { restrictSchema, type SchemaRules } from '../../../src/lib/json-schema.ts'

const rules: SchemaRules = {
  keeps: new Set(['type', 'properties', 'items', 'enum', 'anyOf', 'additionalProperties', 'description']),
  drops: new Set(['$schema']),
  notes: new Set(['minimum', 'pattern']),
  closesObjects: true,
}

describe('a schema under rules', () => {
  test.each([
    ['annotations go', { $schema: 'x', type: 'string' }, { type: 'string' }],
    ['const becomes an enum of one', { const: 5 }, { enum: [5] }],
    ['true is any value', { type: 'array', items: true }, { type: 'array', items: {} }],
    [
      'an object is closed',
      { type: ['object', 'null'] },
      { type: ['object', 'null'], additionalProperties: false },
    ],
    [
      'a property may be named like a keyword',
      { properties: { not: {} } },
      { properties: { not: {} }, additionalProperties: false },
    ],
  ])('%s', (_name, schema, expected) => {
    expect(restrictSchema(schema as JsonObject, rules)).toEqual({
      schema: expected,
      weakened: [],
      refused: [],
    })
  })

  test('a constraint that cannot be held is told and remarked upon', () => {
    expect(
      restrictSchema({ properties: { a: { minimum: 1, pattern: '^a', description: 'An a.' } } }, rules),
    ).toEqual({
      schema: {
        properties: { a: { description: 'An a. (minimum: 1, pattern: "^a")' } },
        additionalProperties: false,
      },
      weakened: [
        { path: '$.properties.a', keyword: 'minimum' },
        { path: '$.properties.a', keyword: 'pattern' },
      ],
      refused: [],
    })
  })

  test.each([
    [
      'an open object',
      { type: 'object', additionalProperties: true },
      { path: '$', keyword: 'additionalProperties' },
    ],
    ['an unknown keyword', { anyOf: [{}, { not: {} }] }, { path: '$.anyOf[1]', keyword: 'not' }],
    ['false', { items: false }, { path: '$.items', keyword: 'false' }],
  ])('%s is refused with its place', (_name, schema, remark) => {
    expect(restrictSchema(schema as JsonObject, rules).refused).toEqual([remark])
  })

  test('what is neither weakened nor refused holds only known keywords, and narrowing twice changes nothing', () => {
    const leaf = fc.constantFrom<JsonObject>(
      { type: 'string' },
      { minimum: 3 },
      { not: {} },
      { const: 1 },
      {},
    )
    const { schema } = fc.letrec<{ schema: JsonObject }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.record({ type: fc.constant('array'), items: tie('schema') }),
        fc
          .dictionary(fc.constantFrom('a', 'b'), tie('schema'))
          .map((properties) => ({ type: 'object', properties })),
        fc.array(tie('schema'), { maxLength: 3 }).map((anyOf) => ({ anyOf })),
      ),
    }))

    fc.assert(
      fc.property(schema, (value) => {
        const once = restrictSchema(value, rules)
        const twice = restrictSchema(once.schema, rules)

        expect(twice).toEqual({ schema: once.schema, weakened: [], refused: [] })
      }),
    )
  })
})
