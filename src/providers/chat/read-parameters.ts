/**
 * What a translated dialect does with each field of a chat request besides messages and tools: read it, ignore it for
 * a stated reason, or refuse it. A field in no list is refused, so nothing a caller asked for vanishes unseen.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import {
  needString,
  readInteger,
  readList,
  readObject,
  readString,
  unsupported,
  wrongType,
  wrongValue,
} from './fields.ts'

/**
 * Ignored on purpose: none of them changes what the answer says.
 * model, stream, stream_options: the gateway has dealt with them. metadata, store: labels and storage at OpenAI.
 * service_tier, prediction, prompt_cache_*: speed and price hints. seed: best effort by definition (dialects that
 * have one read it). user, safety_identifier: abuse tracing (dialects that have a place for them send them).
 */
const IGNORED = new Set([
  'model',
  'stream',
  'stream_options',
  'metadata',
  'store',
  'service_tier',
  'prediction',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'seed',
  'user',
  'safety_identifier',
])

/** Read by the mappings of every dialect. */
const READ = new Set([
  'messages',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop',
  'response_format',
  'reasoning_effort',
])

/** Values that ask for nothing: what OpenAI does when the field is absent. */
const NEUTRAL: Readonly<Record<string, (value: JsonValue) => boolean>> = {
  n: (value) => value === 1,
  logprobs: (value) => value === false,
  top_logprobs: (value) => value === 0,
  presence_penalty: (value) => value === 0,
  frequency_penalty: (value) => value === 0,
  logit_bias: (value) => isJsonObject(value) && Object.keys(value).length === 0,
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === 'text',
  verbosity: (value) => value === 'medium',
  functions: (value) => Array.isArray(value) && value.length === 0,
}

/** Throws RequestError('unsupported_parameter') for the first field that `alsoRead` and the lists above do not cover. */
export function refuseUnknownFields(body: JsonObject, upstream: string, alsoRead: readonly string[]): void {
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined || value === null) continue
    if (IGNORED.has(name) || READ.has(name) || alsoRead.includes(name)) continue
    if (Object.hasOwn(NEUTRAL, name) && NEUTRAL[name]?.(value) === true) continue
    throw unsupported(name, `${upstream} has nothing like ${name}; leave it out or choose another model.`)
  }
}

/** The caller's limit on the answer, reasoning included; null when it set none. The newer name wins. */
export function readMaxTokens(body: JsonObject): number | null {
  const most = Number.MAX_SAFE_INTEGER
  return readInteger(body, 'max_completion_tokens', 1, most) ?? readInteger(body, 'max_tokens', 1, most)
}

/** Stop sequences, empty ones left out. */
export function readStop(body: JsonObject, most: number): string[] {
  const stop = body.stop
  if (stop === undefined || stop === null) return []
  const list = typeof stop === 'string' ? [stop] : (readList(body, 'stop') ?? [])
  const texts = list.map((text, at) => {
    if (typeof text !== 'string') throw wrongType(`stop[${at}]`, 'a string', text)
    return text
  })
  if (texts.length > most)
    throw wrongValue('stop', `stop holds ${texts.length} sequences; this upstream takes ${most}.`)
  return texts.filter((text) => text !== '')
}

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
export type Effort = (typeof EFFORTS)[number]

export function readEffort(body: JsonObject): Effort | null {
  const asked = readString(body, 'reasoning_effort')
  if (asked === null) return null
  const effort = EFFORTS.find((name) => name === asked)
  if (effort === undefined) {
    throw wrongValue('reasoning_effort', `reasoning_effort is "${asked}"; use one of ${EFFORTS.join(', ')}.`)
  }
  return effort
}

export type ResponseFormat =
  | { kind: 'text' }
  | { kind: 'json-object' }
  | { kind: 'json-schema'; schema: JsonObject; strict: boolean }

/** Where a schema stands in the request, for errors. */
export const SCHEMA_PARAM = 'response_format.json_schema.schema'

export function readResponseFormat(body: JsonObject): ResponseFormat {
  const format = readObject(body, 'response_format')
  if (format === null) return { kind: 'text' }
  const type = needString(format, 'type', 'response_format.type')
  if (type === 'text') return { kind: 'text' }
  if (type === 'json_object') return { kind: 'json-object' }
  if (type !== 'json_schema') {
    throw wrongValue(
      'response_format.type',
      `response_format.type is "${type}"; use text, json_object or json_schema.`,
    )
  }
  const about = readObject(format, 'json_schema', 'response_format.json_schema') ?? {}
  const schema = about.schema
  if (!isJsonObject(schema)) throw wrongType(SCHEMA_PARAM, 'an object', schema)
  return { kind: 'json-schema', schema, strict: about.strict === true }
}
