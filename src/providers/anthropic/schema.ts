/** The part of JSON Schema that Claude's structured outputs hold an answer to. */

import type { JsonObject } from '../../lib/json.ts'
import { restrictSchema, type SchemaRules } from '../../lib/json-schema.ts'
import { unsupported } from '../chat/fields.ts'

/** https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations */
const RULES: SchemaRules = {
  keeps: new Set([
    'type',
    'properties',
    'required',
    'additionalProperties',
    'items',
    'enum',
    'const',
    'anyOf',
    'allOf',
    '$ref',
    '$defs',
    'definitions',
    'description',
    'title',
    'format',
    'default',
  ]),
  drops: new Set(['$schema', '$id', '$comment', 'examples', 'deprecated', 'readOnly', 'writeOnly']),
  notes: new Set([
    'minimum',
    'maximum',
    'exclusiveMinimum',
    'exclusiveMaximum',
    'multipleOf',
    'minLength',
    'maxLength',
    'pattern',
    'minItems',
    'maxItems',
    'uniqueItems',
    'minProperties',
    'maxProperties',
  ]),
  closesObjects: true,
}

/**
 * The schema as Claude takes it. A constraint it cannot enforce goes into `description`, except under `strict`, where
 * the caller was promised every constraint: then it is refused, as is anything that has no expression at all.
 */
export function toClosedSchema(schema: JsonObject, strict: boolean, param: string): JsonObject {
  const restricted = restrictSchema(schema, RULES)
  const [problem] = strict ? [...restricted.refused, ...restricted.weakened] : restricted.refused
  if (problem !== undefined) {
    throw unsupported(
      param,
      `Claude cannot hold an answer to "${problem.keyword}" at ${problem.path}; remove it${strict ? ' or send strict: false' : ''}.`,
    )
  }
  return restricted.schema
}
