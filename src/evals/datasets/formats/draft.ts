/** What rows of other products have in common on their way to an item. Pure; what fits nowhere else becomes metadata. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'

/** An item that nothing has looked at, and what its author should know of it; or why the row is none. */
export type Mapped = { draft: JsonObject; notes?: readonly string[] } | { left: string } | { problem: string }

/** A format in which somebody keeps examples. */
export type Format = {
  /** True for a row that shows this format: the one of them that is asked first is taken. */
  fits(row: JsonObject): boolean
  /** `isTable`: every value is a text. */
  toItem(row: JsonObject, isTable: boolean): Mapped
}

/** What is asked: a text, messages, an object with messages, or variables of a prompt. */
export function askOf(value: JsonValue | undefined): JsonObject {
  if (typeof value === 'string') return { input: value }
  if (isMessages(value)) return { messages: value }
  if (!isJsonObject(value)) return {}
  const { messages, ...others } = value
  if (!isMessages(messages)) return { variables: value }
  return Object.keys(others).length === 0 ? { messages } : { messages, variables: others }
}

export function isMessages(value: JsonValue | undefined): value is JsonObject[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => isJsonObject(one) && typeof one.role === 'string')
  )
}

/** The members of a row that the format gives no other meaning. */
export function without(row: JsonObject, known: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !known.includes(name)))
}

/** Of objects, later ones win; null and nothing are left out, lists and objects become their JSON. */
export function metadataOf(...objects: readonly (JsonValue | undefined)[]): JsonObject {
  const kept: JsonObject = {}
  for (const one of objects) {
    for (const [name, value] of Object.entries(isJsonObject(one) ? one : { metadata: one })) {
      if (value === undefined || value === null) continue
      kept[name] = typeof value === 'object' ? JSON.stringify(value) : value
    }
  }
  return Object.keys(kept).length === 0 ? {} : { metadata: kept }
}

/** Texts of a list, of a list in JSON, or one. */
export function textsOf(value: JsonValue | undefined): string[] | undefined {
  const list = typeof value === 'string' && value.startsWith('[') ? (jsonOf(value) ?? value) : value
  const texts = Array.isArray(list) ? list : list === undefined || list === null ? [] : [list]
  if (texts.length === 0) return undefined
  return texts.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
}

/** What was answered, as the one text that scorers judge. */
export function answerOf(value: JsonValue | undefined): JsonObject {
  if (value === undefined || value === null) return {}
  return { output: typeof value === 'string' ? value : JSON.stringify(value) }
}

/** A number is an id as well. */
export function idOf(value: JsonValue | undefined): JsonObject {
  if (typeof value === 'number') return { id: String(value) }
  return typeof value === 'string' && value !== '' ? { id: value } : {}
}

/** Only where there is something. */
export function optional(name: string, value: JsonValue | undefined): JsonObject {
  return value === undefined || value === null ? {} : { [name]: value }
}

/** The value of a JSON text; undefined for any other. */
export function jsonOf(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
