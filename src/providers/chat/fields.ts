/**
 * Reads single fields of a request in OpenAI's wire format, strictly. Every error names the field, what it held
 * and the remedy. `null` counts as absent everywhere, as it does on OpenAI's wire.
 */

import { RequestError } from '../../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'

/** The field has the wrong JSON type. */
export function wrongType(param: string, expected: string, value: JsonValue | undefined): RequestError {
  return new RequestError('invalid_type', `${param} must be ${expected}, not ${kindOf(value)}.`, { param })
}

/** The field has the right type and a value that cannot be served. `message` says value and remedy. */
export function wrongValue(param: string, message: string): RequestError {
  return new RequestError('invalid_value', message, { param })
}

/** The field asks for something this upstream does not have. */
export function unsupported(param: string, message: string): RequestError {
  return new RequestError('unsupported_parameter', message, { param })
}

export function missing(param: string): RequestError {
  return new RequestError('missing_required_parameter', `${param} is required.`, { param })
}

export function readNumber(body: JsonObject, name: string, least: number, most: number): number | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (value < least || value > most) {
    throw wrongValue(name, `${name} is ${value}; this upstream takes ${least} to ${most}.`)
  }
  return value
}

export function readInteger(body: JsonObject, name: string, least: number, most: number): number | null {
  const value = readNumber(body, name, least, most)
  if (value !== null && !Number.isInteger(value)) throw wrongType(name, 'an integer', value)
  return value
}

export function readBoolean(body: JsonObject, name: string): boolean | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  if (typeof value !== 'boolean') throw wrongType(name, 'true or false', value)
  return value
}

export function readString(body: JsonObject, name: string, param = name): string | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') throw wrongType(param, 'a string', value)
  return value
}

export function readObject(body: JsonObject, name: string, param = name): JsonObject | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  if (!isJsonObject(value)) throw wrongType(param, 'an object', value)
  return value
}

export function readList(body: JsonObject, name: string, param = name): JsonValue[] | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  if (!Array.isArray(value)) throw wrongType(param, 'an array', value)
  return value
}

/** A string field that must be there. */
export function needString(body: JsonObject, name: string, param: string): string {
  const value = readString(body, name, param)
  if (value === null) throw missing(param)
  return value
}

function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
