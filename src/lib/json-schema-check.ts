/**
 * Checks values against a JSON Schema (2020-12) of the keywords below. Compiles no code, and runs patterns by RE2: a
 * schema that somebody wrote can be wrong, never slow. A keyword it does not know is a mistake, never ignored.
 */

import { isDeepStrictEqual } from 'node:util'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import { compileLinearRegex } from './linear-regex.ts'
import { nearest } from './nearest.ts'

/** The first thing wrong with a value. `pointer` is a JSON Pointer (RFC 6901), empty for the whole. */
type ValueProblem = { pointer: string; message: string }
export type SchemaCheck = (value: unknown) => ValueProblem | null
/** `path` leads to the keyword, in the schema. */
type SchemaProblem = { path: readonly string[]; message: string }

type Check = (value: unknown, pointer: string) => ValueProblem | null
type Compiler = (argument: JsonValue, at: Place) => Check | null
type Place = { path: readonly string[]; schema: JsonObject; found: SchemaProblem[] }

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  object: isJsonObject,
  array: Array.isArray,
  null: (value) => value === null,
}
const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
}
const MAX_DEPTH = 32
const MAX_SHOWN_CHARS = 60

/** A check of values, or every mistake in the schema. */
export function compileJsonSchema(
  schema: JsonValue,
): { check: SchemaCheck } | { problems: readonly SchemaProblem[] } {
  const found: SchemaProblem[] = []
  const check = compileNode(schema, [], found)
  return found.length > 0 ? { problems: found } : { check: (value) => check(value, '') }
}

function compileNode(schema: JsonValue, path: readonly string[], found: SchemaProblem[]): Check {
  if (schema === true) return () => null
  if (!isJsonObject(schema)) {
    found.push({ path, message: `${describeWritten(schema)} where a schema, an object, is expected.` })
    return () => null
  }
  if (path.length > MAX_DEPTH * 2) {
    found.push({ path, message: `deeper than ${MAX_DEPTH} levels. Write it flatter.` })
    return () => null
  }
  const checks: Check[] = []
  for (const [keyword, argument] of Object.entries(schema)) {
    if (argument === undefined || ANNOTATIONS.has(keyword)) continue
    const compiler = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined
    const place = { path: [...path, keyword], schema, found }
    if (compiler === undefined) found.push({ path: place.path, message: unknownKeyword(keyword) })
    else checks.push(compiler(argument, place) ?? (() => null))
  }
  return (value, pointer) => {
    for (const check of checks) {
      const problem = check(value, pointer)
      if (problem !== null) return problem
    }
    return null
  }
}

function unknownKeyword(keyword: string): string {
  const meant = nearest(keyword, Object.keys(KEYWORDS))
  const hint = meant === null ? `Known: ${Object.keys(KEYWORDS).join(', ')}.` : `Did you mean "${meant}"?`
  return `the keyword "${keyword.slice(0, MAX_SHOWN_CHARS)}" is not one that Aval checks. ${hint}`
}

/** Words for people, which forbid nothing. */
const ANNOTATIONS = new Set(['title', 'description', 'examples', '$comment', '$schema'])

const KEYWORDS: Readonly<Record<string, Compiler>> = {
  type: compileType,
  enum: compileEnum,
  const: (argument) => (value, pointer) =>
    isDeepStrictEqual(value, argument) ? null : wrong(value, pointer, JSON.stringify(argument)),
  properties: compileProperties,
  required: compileRequired,
  additionalProperties: compileAdditional,
  items: compileItems,
  minLength: bound('a text', countLetters, (length, least) => length >= least, 'at least', 'character'),
  maxLength: bound('a text', countLetters, (length, most) => length <= most, 'at most', 'character'),
  pattern: compilePattern,
  minimum: bound('a number', itself, (number, least) => number >= least, 'at least', ''),
  maximum: bound('a number', itself, (number, most) => number <= most, 'at most', ''),
  exclusiveMinimum: bound('a number', itself, (number, least) => number > least, 'more than', ''),
  exclusiveMaximum: bound('a number', itself, (number, most) => number < most, 'less than', ''),
  minItems: bound('a list', countItems, (length, least) => length >= least, 'at least', 'item'),
  maxItems: bound('a list', countItems, (length, most) => length <= most, 'at most', 'item'),
}

function compileType(argument: JsonValue, { path, found }: Place): Check | null {
  const names = Array.isArray(argument) ? argument : [argument]
  const unknown = names.find((name) => typeof name !== 'string' || !Object.hasOwn(TYPES, name))
  if (unknown !== undefined || names.length === 0) {
    found.push({
      path,
      message: `${describeWritten(unknown)} where one of ${Object.keys(TYPES).join(', ')} is expected.`,
    })
    return null
  }
  const known = names as string[]
  const expected = known.map((name) => TYPE_NAMES[name]).join(' or ')
  return (value, pointer) =>
    known.some((name) => TYPES[name]?.(value)) ? null : wrong(value, pointer, expected)
}

function compileEnum(argument: JsonValue, { path, found }: Place): Check | null {
  if (!Array.isArray(argument) || argument.length === 0) {
    found.push({ path, message: `${describeWritten(argument)} where a list of values is expected.` })
    return null
  }
  const expected = `one of ${argument.map((one) => JSON.stringify(one)).join(', ')}`
  return (value, pointer) =>
    argument.some((one) => isDeepStrictEqual(one, value)) ? null : wrong(value, pointer, expected)
}

function compileProperties(argument: JsonValue, { path, found }: Place): Check | null {
  if (!isJsonObject(argument)) {
    found.push({ path, message: `${describeWritten(argument)} where an object of schemas is expected.` })
    return null
  }
  const checks = Object.entries(argument).map(
    ([name, schema]) => [name, compileNode(schema ?? null, [...path, name], found)] as const,
  )
  return (value, pointer) => {
    if (!isJsonObject(value)) return null
    for (const [name, check] of checks) {
      if (!Object.hasOwn(value, name)) continue
      const problem = check(value[name], `${pointer}/${escapePointer(name)}`)
      if (problem !== null) return problem
    }
    return null
  }
}

function compileRequired(argument: JsonValue, { path, schema, found }: Place): Check | null {
  if (!Array.isArray(argument) || argument.some((name) => typeof name !== 'string')) {
    found.push({ path, message: `${describeWritten(argument)} where a list of names is expected.` })
    return null
  }
  const names = argument as string[]
  const declared = isJsonObject(schema.properties) ? schema.properties : {}
  const missing = names.find((name) => !Object.hasOwn(declared, name))
  if (missing !== undefined) found.push({ path, message: `"${missing}" does not stand under properties.` })
  return (value, pointer) => {
    const absent = isJsonObject(value) ? names.find((name) => !Object.hasOwn(value, name)) : undefined
    if (absent === undefined) return null
    const schemaOf = declared[absent]
    const type = isJsonObject(schemaOf) ? TYPE_NAMES[String(schemaOf.type)] : undefined
    const at = `${pointer}/${escapePointer(absent)}`
    return { pointer: at, message: `${at} is missing. Send ${type ?? 'a value'}.` }
  }
}

function compileAdditional(argument: JsonValue, { path, schema, found }: Place): Check | null {
  const declared = isJsonObject(schema.properties) ? schema.properties : {}
  const check = argument === false ? null : compileNode(argument, path, found)
  return (value, pointer) => {
    if (!isJsonObject(value)) return null
    for (const name of Object.keys(value)) {
      if (Object.hasOwn(declared, name)) continue
      const at = `${pointer}/${escapePointer(name)}`
      const problem =
        check === null
          ? { pointer: at, message: unknownName(at, name, Object.keys(declared)) }
          : check(value[name], at)
      if (problem !== null) return problem
    }
    return null
  }
}

function unknownName(at: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known)
  const list = known.length === 0 ? 'None is.' : `Known: ${known.join(', ')}.`
  return `${at.slice(0, 200)} is not declared. ${meant === null ? list : `Did you mean "${meant}"?`}`
}

function compileItems(argument: JsonValue, { path, found }: Place): Check {
  const check = compileNode(argument, path, found)
  return (value, pointer) => {
    if (!Array.isArray(value)) return null
    for (const [at, item] of value.entries()) {
      const problem = check(item, `${pointer}/${at}`)
      if (problem !== null) return problem
    }
    return null
  }
}

function compilePattern(argument: JsonValue, { path, found }: Place): Check | null {
  const regex =
    typeof argument === 'string' ? compileLinearRegex(argument, 'allowed') : { expected: 'a pattern' }
  if ('expected' in regex) {
    found.push({ path, message: `${describeWritten(argument)} where ${regex.expected} is expected.` })
    return null
  }
  return (value, pointer) => {
    if (typeof value !== 'string' || regex.test(value)) return null
    return wrong(value, pointer, `a text that matches ${String(argument)}`)
  }
}

/** A keyword that compares one number of a value, `measure`, with its argument; other kinds of values always pass. */
function bound(
  kind: string,
  measure: (value: unknown) => number | null,
  holds: (measured: number, argument: number) => boolean,
  words: string,
  unit: string,
): Compiler {
  return (argument, { path, found }) => {
    if (typeof argument !== 'number') {
      found.push({ path, message: `${describeWritten(argument)} where a number is expected.` })
      return null
    }
    return (value, pointer) => {
      const measured = measure(value)
      if (measured === null || holds(measured, argument)) return null
      const given = unit === '' ? describeValue(value) : `${kind} of ${plural(measured, unit)}`
      const wanted = unit === '' ? String(argument) : plural(argument, unit)
      return { pointer, message: `${place(pointer)} is ${given}. Send ${words} ${wanted}.` }
    }
  }
}

function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** Characters as JSON Schema counts them: code points. */
function countLetters(value: unknown): number | null {
  if (typeof value !== 'string') return null
  let letters = 0
  for (const _letter of value) letters += 1
  return letters
}

function countItems(value: unknown): number | null {
  return Array.isArray(value) ? value.length : null
}

function itself(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

function wrong(value: unknown, pointer: string, expected: string): ValueProblem {
  return { pointer, message: `${place(pointer)} is ${describeValue(value)}. Send ${expected.slice(0, 400)}.` }
}

function place(pointer: string): string {
  return pointer === '' ? 'The value' : pointer
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Of a schema, which its author wrote: short texts are shown. */
function describeWritten(value: unknown): string {
  return typeof value === 'string' && value.length <= MAX_SHOWN_CHARS
    ? `text ${JSON.stringify(value)}`
    : describeValue(value)
}

/** The kind of a value, and a number or a truth value itself. Texts are somebody's data: only their length is said. */
function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object') return 'an object'
  return typeof value === 'string'
    ? `a text of ${value.length} characters`
    : `${typeof value} ${String(value)}`
}
