/**
 * A Responses request -> a chat completions request, for upstreams that have no `/responses`. Pure; the request
 * itself is never changed. What the chat wire cannot say is refused, never left out quietly.
 *
 * Members (https://platform.openai.com/docs/api-reference/responses/create):
 * - translated: model, input, instructions, tools, tool_choice, parallel_tool_calls, max_output_tokens, text,
 *   reasoning.effort, include (log probabilities only), top_logprobs, stream
 * - refused: background, conversation, previous_response_id, prompt, context_management, and chat's own names of
 *   translated members (`messages`, `response_format`, …), which would fight with the translation
 * - left out because they have no effect here: store (nothing is stored for later: the answer says `store: false`),
 *   metadata (the answer carries it; chat endpoints refuse it unless they store), truncation (the answer says
 *   `disabled`: an input that is too long is an error), max_tool_calls (counts hosted tools only),
 *   stream_options (events are not obfuscated), reasoning.summary, image, access_programs
 * - everything else is kept as it is: temperature, top_p, user, service_tier, safety_identifier, prompt_cache_key,
 *   seed, and whatever else an upstream understands
 */

import { RequestError } from '../../errors.ts'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import { chatMessages } from './input.ts'
import {
  readArray,
  readBoolean,
  readInteger,
  readNumber,
  readObject,
  readString,
  requireString,
  unsupported,
  wrongType,
} from './read.ts'
import { chatTools } from './tools.ts'

const TRANSLATED = new Set([
  'model',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_output_tokens',
  'text',
  'reasoning',
  'include',
  'top_logprobs',
  'stream',
])

const LEFT_OUT = new Set([
  'store',
  'metadata',
  'truncation',
  'max_tool_calls',
  'stream_options',
  'background',
  'image',
  'access_programs',
  'conversation',
  'previous_response_id',
  'prompt',
  'context_management',
])

const SEND_ALL = 'Send the whole conversation in "input".'

/** Needs something stored between calls: member -> what it is, and what to do instead. */
const STATEFUL: readonly (readonly [string, string, string])[] = [
  ['previous_response_id', 'Continuing a stored response', SEND_ALL],
  ['conversation', 'A stored conversation', SEND_ALL],
  ['prompt', 'A stored prompt', 'Send its text in "instructions" and "input", or call a route.'],
  ['context_management', 'Compacting the context', 'Shorten "input" before sending it.'],
]

/** Chat's name -> the member of the Responses API that it belongs to. */
const CHAT_NAMES: readonly (readonly [string, string])[] = [
  ['messages', 'input'],
  ['response_format', 'text.format'],
  ['verbosity', 'text.verbosity'],
  ['reasoning_effort', 'reasoning.effort'],
  ['max_tokens', 'max_output_tokens'],
  ['max_completion_tokens', 'max_output_tokens'],
  ['logprobs', 'include'],
  ['functions', 'tools'],
  ['function_call', 'tool_choice'],
]

/**
 * The body for `POST /chat/completions`. Streams always ask for usage, so that the last event can carry it.
 * Throws RequestError: `invalid_type`, `invalid_value`, `missing_required_parameter`, or `unsupported_parameter`
 * for what a chat upstream cannot do; `param` is the path of the member.
 */
export function chatRequestFromResponses(body: JsonObject): JsonObject {
  refuseUnsupported(body)
  checkKept(body)
  const kept = Object.entries(body).filter(([key]) => !TRANSLATED.has(key) && !LEFT_OUT.has(key))
  // fromEntries defines members, so a member called `__proto__` stays data.
  const chat: JsonObject = Object.fromEntries([
    ['model', requireString(body, 'model')],
    ['messages', chatMessages(body)],
    ...kept,
  ])
  Object.assign(chat, chatTools(body), textMembers(body), logprobMembers(body))
  const maxTokens = readInteger(body, 'max_output_tokens', 1)
  if (maxTokens !== undefined) chat.max_completion_tokens = maxTokens
  const effort = readString(readObject(body, 'reasoning') ?? {}, 'effort', 'reasoning.')
  if (effort !== undefined) chat.reasoning_effort = effort
  if (readBoolean(body, 'stream')) {
    chat.stream = true
    chat.stream_options = { include_usage: true }
  }
  return chat
}

/** True when the caller asked for log probabilities; the answer holds them only then. */
export function wantsLogprobs(body: JsonObject): boolean {
  const include = readArray(body, 'include') ?? []
  return include.includes('message.output_text.logprobs') || (readInteger(body, 'top_logprobs', 0) ?? 0) > 0
}

function refuseUnsupported(body: JsonObject): void {
  for (const [member, what, remedy] of STATEFUL) {
    const value = body[member] ?? undefined
    const empty = Array.isArray(value) && value.length === 0
    if (value !== undefined && !empty) throw unsupported(member, what, remedy)
  }
  if (readBoolean(body, 'background')) {
    throw unsupported(
      'background',
      'A background response',
      'Send the request without "background", streamed if it takes long.',
    )
  }
  for (const [name, belongs] of CHAT_NAMES) {
    if ((body[name] ?? undefined) === undefined) continue
    const message = `"${name}" belongs to chat completions. In a Responses request use "${belongs}".`
    throw new RequestError('unsupported_parameter', message, { param: name })
  }
  if ((body.n ?? 1) !== 1) {
    const message =
      '"n" belongs to chat completions; a response is one answer. Send the request several times.'
    throw new RequestError('unsupported_parameter', message, { param: 'n' })
  }
}

/** Kinds of the members that are kept or left out: a wrong one is the caller's mistake whatever the upstream thinks. */
function checkKept(body: JsonObject): void {
  for (const key of ['temperature', 'top_p']) readNumber(body, key)
  for (const key of ['user', 'service_tier', 'safety_identifier', 'prompt_cache_key', 'truncation'])
    readString(body, key)
  readBoolean(body, 'store')
  readObject(body, 'stream_options')
  readInteger(body, 'max_tool_calls', 1)
  const metadata = readObject(body, 'metadata') ?? {}
  for (const key of Object.keys(metadata)) readString(metadata, key, 'metadata.')
  for (const [at, value] of (readArray(body, 'include') ?? []).entries()) {
    if (typeof value !== 'string') throw wrongType(`include[${at}]`, 'a string', value)
  }
}

function textMembers(body: JsonObject): JsonObject {
  const text = readObject(body, 'text') ?? {}
  const members: JsonObject = {}
  const verbosity = readString(text, 'verbosity', 'text.')
  if (verbosity !== undefined) members.verbosity = verbosity
  const format = readObject(text, 'format', 'text.')
  const responseFormat = format === undefined ? undefined : chatFormat(format)
  if (responseFormat !== undefined) members.response_format = responseFormat
  return members
}

function chatFormat(format: JsonObject): JsonValue | undefined {
  const type = requireString(format, 'type', 'text.format.')
  if (type === 'text') return undefined
  if (type === 'json_object') return { type }
  if (type !== 'json_schema') {
    const message = `"text.format.type" is "${type}". Use text, json_object or json_schema.`
    throw new RequestError('invalid_value', message, { param: 'text.format.type' })
  }
  const schema: JsonObject = { name: requireString(format, 'name', 'text.format.') }
  const description = readString(format, 'description', 'text.format.')
  const strict = readBoolean(format, 'strict', 'text.format.')
  const shape = readObject(format, 'schema', 'text.format.')
  if (shape !== undefined) schema.schema = shape
  if (description !== undefined) schema.description = description
  if (strict !== undefined) schema.strict = strict
  return { type, json_schema: schema }
}

function logprobMembers(body: JsonObject): JsonObject {
  const top = readInteger(body, 'top_logprobs', 0)
  if (!wantsLogprobs(body)) return {}
  return top === undefined || top === 0 ? { logprobs: true } : { logprobs: true, top_logprobs: top }
}
