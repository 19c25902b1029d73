/**
 * Typed reads of a request that came from outside. Null counts as absent, as it does on OpenAI's wire; a value of
 * the wrong kind is a RequestError that names its path. Nothing here repairs or guesses a value.
 */

import { RequestError } from '../../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'

/** The member as a string, undefined when absent or null. `prefix` is the parent's path with its dot, e.g. `text.`. */
export function readString(object: JsonObject, key: string, prefix = ''): string | undefined {
  const value = object[key] ?? undefined
  if (value === undefined || typeof value === 'string') return value
  throw wrongType(`${prefix}${key}`, 'a string', value)
}

/** The member as a number, undefined when absent or null. */
export function readNumber(object: JsonObject, key: string, prefix = ''): number | undefined {
  const value = object[key] ?? undefined
  if (value === undefined || typeof value === 'number') return value
  throw wrongType(`${prefix}${key}`, 'a number', value)
}

/** The member as an integer of at least `least`, undefined when absent or null. */
export function readInteger(object: JsonObject, key: string, least: number): number | undefined {
  const value = readNumber(object, key)
  if (value === undefined) return undefined
  if (Number.isInteger(value) && value >= least) return value
  const message = `"${key}" must be an integer of at least ${least}, but it is ${value}.`
  throw new RequestError('invalid_value', message, { param: key })
}

/** The member as a boolean, undefined when absent or null. */
export function readBoolean(object: JsonObject, key: string, prefix = ''): boolean | undefined {
  const value = object[key] ?? undefined
  if (value === undefined || typeof value === 'boolean') return value
  throw wrongType(`${prefix}${key}`, 'a boolean', value)
}

/** The member as an object, undefined when absent or null. */
export function readObject(object: JsonObject, key: string, prefix = ''): JsonObject | undefined {
  const value = object[key] ?? undefined
  if (value === undefined || isJsonObject(value)) return value
  throw wrongType(`${prefix}${key}`, 'an object', value)
}

/** The member as an array, undefined when absent or null. */
export function readArray(object: JsonObject, key: string, prefix = ''): JsonValue[] | undefined {
  const value = object[key] ?? undefined
  if (value === undefined || Array.isArray(value)) return value
  throw wrongType(`${prefix}${key}`, 'an array', value)
}

/** The member as a string that has to be there. */
export function requireString(object: JsonObject, key: string, prefix = ''): string {
  const value = readString(object, key, prefix)
  if (value === undefined) throw missing(`${prefix}${key}`)
  return value
}

/** An element of an array as an object. `path` is its own path, e.g. `input[2]`. */
export function requireObject(value: JsonValue | undefined, path: string): JsonObject {
  if (isJsonObject(value)) return value
  throw wrongType(path, 'an object', value)
}

export function missing(param: string): RequestError {
  return new RequestError('missing_required_parameter', `"${param}" is required. Add it.`, { param })
}

export function wrongType(param: string, wanted: string, value: JsonValue | undefined): RequestError {
  return new RequestError('invalid_type', `"${param}" must be ${wanted}, but it is ${kindOf(value)}.`, {
    param,
  })
}

/** Something the Responses API has and a chat completions upstream cannot do; `remedy` is a whole sentence. */
export function unsupported(param: string, what: string, remedy: string): RequestError {
  const message = `${what} is not available, because the upstream of this model only offers chat completions. ${remedy}`
  return new RequestError('unsupported_parameter', message, { param })
}

function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
