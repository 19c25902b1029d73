/** JSON as answers hold it: parsed within bounds, compared, checked against the schema of a setting. */

import canonicalize from 'canonicalize'
import type { JsonValue } from '../../lib/json.ts'
import { compileJsonSchema, type SchemaCheck } from '../../lib/json-schema-check.ts'
import { type Abstained, clip, tooLong } from './outcome.ts'
import { wrongSetting } from './settings.ts'

/** A parsed value takes a multiple of its text in memory. */
const MAX_JSON_CHARS = 5_000_000
/** Comparing and checking recurse; Node's stack holds some thousands of levels. */
const MAX_JSON_DEPTH = 500

/** The value, why the text is none, or the abstention when it is too long. A text too deep to compare is a problem. */
export function parseJson(text: string): { value: JsonValue } | { problem: string } | Abstained {
  if (text.length > MAX_JSON_CHARS) return tooLong('The text', text.length, MAX_JSON_CHARS)
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch (error) {
    // Converted into what the reason says: that an answer is no JSON is what is being found out.
    return { problem: `${clip(error instanceof Error ? error.message : String(error), 200)}.` }
  }
  return isDeeper(value, MAX_JSON_DEPTH) ? { problem: `Deeper than ${MAX_JSON_DEPTH} levels.` } : { value }
}

/** Level by level, so that the depth costs no stack. */
function isDeeper(value: JsonValue, maxDepth: number): boolean {
  let level: JsonValue[] = [value]
  for (let depth = 0; depth <= maxDepth; depth += 1) {
    level = level.flatMap((one) =>
      typeof one === 'object' && one !== null ? (Object.values(one) as JsonValue[]) : [],
    )
    if (level.length === 0) return false
  }
  return true
}

/** The same text for equal values (RFC 8785): members in any order, items in their own, 1.0 is 1 and -0 is 0. */
export function jsonIdentity(value: JsonValue): string {
  return canonicalize(value) ?? ''
}

/** The identity of the value that a text holds. What RFC 8785 has no form for (half a character, 1e400) is a problem too. */
export function readIdentity(text: string): { identity: string } | { problem: string } | Abstained {
  const parsed = parseJson(text)
  if (!('value' in parsed)) return parsed
  try {
    return { identity: jsonIdentity(parsed.value) }
  } catch (error) {
    // Converted: an answer may hold anything, and what has no form equals nothing.
    return { problem: `${error instanceof Error ? error.message : String(error)}.` }
  }
}

/** A check of values; throws RequestError for a schema that has mistakes, with the path of each. */
export function compileSchemaSetting(schema: JsonValue, setting: string): SchemaCheck {
  const compiled = compileJsonSchema(schema)
  if ('check' in compiled) return compiled.check
  const mistakes = compiled.problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw wrongSetting(setting, mistakes.slice(0, 5).join(' '))
}
