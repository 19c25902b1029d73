/** The part of JSON Schema that Gemini reads in `responseJsonSchema` and `parametersJsonSchema`. */

import type { JsonObject } from '../../lib/json.ts'
import { restrictSchema, type SchemaRules } from '../../lib/json-schema.ts'
import { unsupported } from '../chat/fields.ts'

/**
 * https://ai.google.dev/api/generate-content#GenerationConfig (responseJsonSchema). The older OpenAPI subset
 * (`responseSchema`, `parameters`) is not used: it has neither `$ref` nor `additionalProperties`.
 */
const RULES: SchemaRules = {
  keeps: new Set([
    '$id',
    '$defs',
    '$ref',
    '$anchor',
    'type',
    'format',
    'title',
    'description',
    'enum',
    'items',
    'prefixItems',
    'minItems',
    'maxItems',
    'minimum',
    'maximum',
    'anyOf',
    'oneOf',
    'properties',
    'additionalProperties',
    'required',
    'propertyOrdering',
  ]),
  drops: new Set(['$schema', '$comment', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly']),
  notes: new Set([
    'minLength',
    'maxLength',
    'pattern',
    'exclusiveMinimum',
    'exclusiveMaximum',
    'multipleOf',
    'uniqueItems',
    'minProperties',
    'maxProperties',
  ]),
  closesObjects: false,
}

/**
 * The schema as Gemini takes it. A constraint it cannot enforce goes into `description`, except under `strict`, where
 * the caller was promised every constraint: then it is refused, as is anything that has no expression at all.
 */
export function toGeminiSchema(schema: JsonObject, strict: boolean, param: string): JsonObject {
  const restricted = restrictSchema(schema, RULES)
  const [problem] = strict ? [...restricted.refused, ...restricted.weakened] : restricted.refused
  if (problem !== undefined) {
    throw unsupported(
      param,
      `Gemini cannot hold an answer to "${problem.keyword}" at ${problem.path}; remove it${strict ? ' or send strict: false' : ''}.`,
    )
  }
  return restricted.schema
}
