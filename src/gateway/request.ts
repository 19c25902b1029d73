/** From bytes to a checked request: parsed once, the original bytes kept, wrong types named with their `param`. */

import { isUtf8 } from 'node:buffer'
import { RequestError } from '../errors.ts'
import type { VirtualKey } from '../keys/key.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { scanTopLevel, type TopLevel } from '../lib/json-scan.ts'
import type { Operation } from '../providers/provider.ts'

/** Deeper nesting than this has no use in a model call and only serves to exhaust a stack. */
export const MAX_DEPTH = 64

/** What `http` knows before the body is looked at. */
export type RequestEnvelope = {
  /** `req_…`, ours. */
  id: string
  method: string
  path: string
  operation: Operation
  key: VirtualKey
  /** Wall time of arrival, milliseconds, and the same moment on the monotonic clock. */
  receivedAtMs: number
  startedMs: number
  clientRequestId: string | null
  /** The logged request that this one sends again: `req_…`. */
  replayOf?: string
  /** The pseudonym of whose data the body holds, where it is not what the body says: a judge reads another request's words. */
  subject?: string
  /** The app's request that this one mirrors to a candidate release: `req_…`. */
  shadowOf?: string
  /** The W3C header of a caller that traces, unchecked. */
  traceparent?: string
}

export type ParsedBody = {
  bytes: Buffer
  parsed: JsonObject
  scan: TopLevel
  model: string
  stream: boolean
  includeUsage: boolean
  endUser: string | null
}

type Kind = 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object' | 'text_or_list'

/** Fields whose type is known for every upstream; the rest passes untouched. */
const FIELD_KINDS: Readonly<Record<string, Kind>> = {
  model: 'string',
  stream: 'boolean',
  stream_options: 'object',
  messages: 'array',
  tools: 'array',
  temperature: 'number',
  top_p: 'number',
  n: 'integer',
  max_tokens: 'integer',
  max_completion_tokens: 'integer',
  max_output_tokens: 'integer',
  stop: 'text_or_list',
  presence_penalty: 'number',
  frequency_penalty: 'number',
  user: 'string',
  seed: 'integer',
  metadata: 'object',
  dimensions: 'integer',
  encoding_format: 'string',
  documents: 'array',
  top_n: 'integer',
  parallel_tool_calls: 'boolean',
}

const REQUIRED: Readonly<Record<Operation, readonly string[]>> = {
  chat: ['messages'],
  completions: ['prompt'],
  embeddings: ['input'],
  responses: [],
  moderations: ['input'],
  rerank: ['query', 'documents'],
}

/** Throws RequestError for anything the caller has to change; the message says what stands there. */
export function parseBody(operation: Operation, bytes: Buffer): ParsedBody {
  if (bytes.length === 0)
    throw new RequestError('invalid_json', 'The request has no body. Send a JSON object.')
  if (!isUtf8(bytes))
    throw new RequestError('invalid_encoding', 'The body is not valid UTF-8. Encode it as UTF-8.')
  const scan = scanTopLevel(bytes, MAX_DEPTH)
  if (scan.depth > MAX_DEPTH) {
    throw new RequestError('too_deep', `The body is nested deeper than ${MAX_DEPTH} levels. Flatten it.`)
  }
  const parsed = parseJson(bytes, scan)
  if (scan.duplicate !== null) {
    const message = `The key ${JSON.stringify(scan.duplicate)} stands twice in the body. Send it once.`
    throw new RequestError('duplicate_key', message, { param: scan.duplicate })
  }
  checkFields(operation, parsed)
  const options = parsed.stream_options
  const user = parsed.user
  return {
    bytes,
    parsed,
    scan,
    model: parsed.model as string,
    stream: parsed.stream === true,
    includeUsage: isJsonObject(options) && options.include_usage === true,
    endUser: typeof user === 'string' ? user.slice(0, 256) : null,
  }
}

function parseJson(bytes: Buffer, scan: TopLevel): JsonObject {
  let parsed: unknown
  try {
    parsed = JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : 'unknown'
    throw new RequestError('invalid_json', `The body is not valid JSON: ${reason}.`, { cause })
  }
  if (!isJsonObject(parsed)) {
    throw new RequestError(
      'invalid_type',
      `The body is ${kindOf(parsed as JsonValue)} where a JSON object is expected.`,
    )
  }
  return scan.escapedKey ? parseBySpans(bytes, scan) : parsed
}

/** Keys written with escapes are the scanner's to read; see `json-scan.ts` for why. */
function parseBySpans(bytes: Buffer, scan: TopLevel): JsonObject {
  const members = scan.entries.map(({ key, start, end }): [string, JsonValue] => [
    key,
    JSON.parse(bytes.toString('utf8', start, end)) as JsonValue,
  ])
  return Object.fromEntries(members)
}

function checkFields(operation: Operation, parsed: JsonObject): void {
  // A prompt object stands in for messages; whether there is a prompt to fill is known when the model is.
  const filled = operation === 'chat' && isJsonObject(parsed.prompt ?? null)
  const required = ['model', ...(filled ? [] : REQUIRED[operation])]
  for (const field of required) {
    if (!Object.hasOwn(parsed, field)) {
      const message = `The field "${field}" is missing. Every ${operation} request needs it.`
      throw new RequestError('missing_required_parameter', message, { param: field })
    }
  }
  for (const field of Object.keys(parsed)) {
    const kind = Object.hasOwn(FIELD_KINDS, field) ? FIELD_KINDS[field] : undefined
    const value = parsed[field]
    // OpenAI reads null as "not given" wherever nothing is required.
    const absent = value === null && !required.includes(field)
    if (kind === undefined || absent || fits(kind, value)) continue
    const message = `"${field}" is ${kindOf(value)} where ${EXPECTED[kind]} is expected.`
    throw new RequestError('invalid_type', message, { param: field })
  }
  if (parsed.model === '') {
    throw new RequestError('invalid_value', '"model" is empty. GET /v1/models lists what you may call.', {
      param: 'model',
    })
  }
  if (operation === 'chat') checkMessages((parsed.messages ?? []) as JsonValue[], filled)
}

function checkMessages(messages: readonly JsonValue[], mayBeEmpty: boolean): void {
  if (messages.length === 0 && !mayBeEmpty) {
    throw new RequestError('invalid_value', '"messages" is empty. Send at least one message.', {
      param: 'messages',
    })
  }
  for (const [index, message] of messages.entries()) {
    const param = `messages[${index}]`
    if (!isJsonObject(message)) {
      throw new RequestError(
        'invalid_type',
        `"${param}" is ${kindOf(message)} where an object is expected.`,
        { param },
      )
    }
    if (typeof message.role !== 'string') {
      const words = `"${param}.role" is ${kindOf(message.role)} where a text such as "user" is expected.`
      throw new RequestError('invalid_type', words, { param: `${param}.role` })
    }
  }
}

const EXPECTED: Readonly<Record<Kind, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  text_or_list: 'a text or a list',
}

function fits(kind: Kind, value: JsonValue | undefined): boolean {
  switch (kind) {
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === kind
    case 'integer':
      return Number.isInteger(value)
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isJsonObject(value)
    case 'text_or_list':
      return typeof value === 'string' || Array.isArray(value)
  }
}

function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return 'a text'
  return typeof value === 'number' ? `the number ${value}` : `${value}`
}
