/** Loose readers for what an upstream sent: a missing or odd field is null, and only nonsense is an error. */

import { UpstreamError } from '../../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'

/** Enough for an auditor to see what came, small enough for a log row. */
const DETAIL_MAX_CHARACTERS = 2000

export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** A count of tokens; null when the upstream did not give one that makes sense. */
export function countOf(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

export function objectsOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

/** The upstream broke its own wire format. Another attempt may go well. */
export function malformed(message: string, detail: string): UpstreamError {
  return new UpstreamError('upstream_malformed', message, { retryable: true, detail: bounded(detail) })
}

/** One SSE event's data as an object. Throws UpstreamError('upstream_malformed'). */
export function parseEventData(data: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    throw malformed('The upstream sent an event that is not JSON.', data)
  }
  if (!isJsonObject(value)) throw malformed('The upstream sent an event that is not a JSON object.', data)
  return value
}

export function bounded(text: string): string {
  return text.length <= DETAIL_MAX_CHARACTERS ? text : `${text.slice(0, DETAIL_MAX_CHARACTERS)}…`
}
