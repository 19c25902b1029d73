/**
 * What a release makes of a caller's body, pure: the prompt rendered into messages, its tools and response format, and
 * the members that the release decides. Every value that stays is passed on byte for byte.
 */

import { RequestError } from '../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import { scanTopLevel } from '../lib/json-scan.ts'
import type { Operation } from '../providers/provider.ts'
import type { PromptContext } from '../registry/prompts/prompt-content.ts'
import type { ServedPrompt, ServedRelease } from '../registry/releases/book.ts'
import { CHAT_FORM, RESPONSES_FORM } from './prompt-form.ts'
import { MAX_DEPTH, type ParsedBody } from './request.ts'

const PROMPT = 'prompt'
/** JSON, for clients that cannot send the `prompt` member. */
export const VARIABLES_HEADER = 'x-aval-variables'

/**
 * The body that goes to the release's targets. `found` is what the release's index gave, in place of the caller's own
 * contexts; null for a release without one. Throws RequestError: invalid_variables for what the prompt's template
 * cannot be filled with, invalid_value for messages that it has no place for or another prompt than the release pins,
 * unsupported_operation where a prompt has no meaning.
 */
export function releaseBody(
  body: ParsedBody,
  operation: Operation,
  release: ServedRelease,
  found: readonly PromptContext[] | null = null,
): ParsedBody {
  const prompt = release.prompt()
  const changes = new Map<string, JsonValue | null>()
  if (prompt !== null) addPrompt(changes, body, operation, prompt, found)
  else demandMessages(body, operation)
  addParameters(changes, release.parameters)
  return withChanges(body, changes)
}

/** A target's own defaults, where neither the caller nor the release has said anything. */
export function withDefaults(body: ParsedBody, parameters: JsonObject): ParsedBody {
  const changes = new Map<string, JsonValue | null>()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && !Object.hasOwn(body.parsed, name)) changes.set(name, value)
  }
  return withChanges(body, changes)
}

/** For a caller who reads no stream: the same request, answered whole. */
export function withoutStream(body: ParsedBody): ParsedBody {
  const changes = new Map<string, null>()
  for (const name of ['stream', 'stream_options'])
    if (Object.hasOwn(body.parsed, name)) changes.set(name, null)
  return { ...withChanges(body, changes), stream: false, includeUsage: false }
}

/** A prompt object may stand in for messages; without a prompt to fill there have to be some. */
export function demandMessages({ parsed }: ParsedBody, operation: Operation): void {
  if (operation !== 'chat' || (Array.isArray(parsed.messages) && parsed.messages.length > 0)) return
  const message = `"${String(parsed.model)}" has no prompt, so "messages" cannot be empty. Send at least one message.`
  throw new RequestError('invalid_value', message, { param: 'messages' })
}

/**
 * Variables that came as a header, as the `prompt` member that they mean: so the log keeps them with the body, and what
 * was sent can be made again from it. Throws RequestError invalid_value for a header that is no JSON object.
 */
export function withVariablesHeader(bytes: Buffer, header: string): Buffer {
  let variables: unknown
  try {
    variables = JSON.parse(header)
  } catch {
    variables = null
  }
  if (!isJsonObject(variables as JsonValue)) {
    const message = `The header ${VARIABLES_HEADER} is no JSON object. Send one such as {"question":"…"}, in ASCII (\\u00e9 for é).`
    throw new RequestError('invalid_value', message, { param: VARIABLES_HEADER })
  }
  const at = bytes.indexOf('{')
  if (at < 0) return bytes
  const scan = scanTopLevel(bytes, MAX_DEPTH)
  if (scan.entries.some(({ key }) => key === PROMPT)) {
    const message = `Variables stand in the body's "prompt" and in the header ${VARIABLES_HEADER}. Send them once.`
    throw new RequestError('invalid_value', message, { param: VARIABLES_HEADER })
  }
  const rest = scan.entries.length === 0 ? '' : ','
  const member = `"${PROMPT}":{"variables":${JSON.stringify(variables)}}${rest}`
  return Buffer.concat([bytes.subarray(0, at + 1), Buffer.from(member), bytes.subarray(at + 1)])
}

function addPrompt(
  changes: Map<string, JsonValue | null>,
  body: ParsedBody,
  operation: Operation,
  prompt: ServedPrompt,
  retrieved: readonly PromptContext[] | null,
): void {
  if (operation !== 'chat' && operation !== 'responses') {
    const message = `"${body.model}" has the prompt ${prompt.ref}, which makes chat messages: it cannot serve ${operation}. Call chat/completions or responses.`
    throw new RequestError('unsupported_operation', message, { param: 'model' })
  }
  const given = body.parsed.prompt
  const named: JsonObject = given !== undefined && isJsonObject(given) ? given : {}
  demandSamePrompt(named, prompt)
  const variables = isJsonObject(named.variables ?? null) ? (named.variables as JsonObject) : {}
  const { contexts, ...rest } = variables
  const form = operation === 'chat' ? CHAT_FORM : RESPONSES_FORM
  // Checked beside the variables: a list of anything else is refused there, with its pointer.
  const found = retrieved ?? (Array.isArray(contexts) ? (contexts as unknown as PromptContext[]) : [])
  const messages = prompt.compiled.render(rest, {
    contexts: found,
    messages: form.callers(body.parsed[form.place]),
  })
  changes.set(form.place, messages.map(form.message))
  changes.set(PROMPT, null)
  const { tools, responseFormat, parameters } = prompt.content
  if (tools !== undefined && tools.length > 0) changes.set('tools', tools.map(form.tool))
  if (responseFormat !== undefined) {
    const [member, value] = form.format(responseFormat)
    changes.set(member, value)
  }
  addParameters(changes, parameters ?? {})
}

/** A caller that names a prompt or a version means it: another one must not answer in silence. */
function demandSamePrompt({ id, version }: JsonObject, { ref }: ServedPrompt): void {
  const [name, number] = ref.split('@')
  if (id !== undefined && id !== null && id !== name && id !== ref) {
    const message = `The request names the prompt ${JSON.stringify(id)}, the release pins ${ref}. Leave "prompt.id" out, or call a release that pins it.`
    throw new RequestError('invalid_value', message, { param: 'prompt.id' })
  }
  if (version === undefined || version === null || String(version) === number) return
  const message = `The request names version ${JSON.stringify(version)} of the prompt, the release pins ${ref}. Leave "prompt.version" out, or call a release that pins it.`
  throw new RequestError('invalid_value', message, { param: 'prompt.version' })
}

/** None of them is the caller's or the prompt's: see `whyNoParameter`, which versions and releases are held to. */
function addParameters(changes: Map<string, JsonValue | null>, parameters: JsonObject): void {
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) changes.set(name, value)
  }
}

/** Null takes a member away. Members keep their order, new ones come last. */
function withChanges(body: ParsedBody, changes: ReadonlyMap<string, JsonValue | null>): ParsedBody {
  if (changes.size === 0) return body
  const parts: string[] = []
  const parsed: JsonObject = { ...body.parsed }
  for (const { key, start, end } of body.scan.entries) {
    if (changes.has(key)) continue
    parts.push(`${JSON.stringify(key)}:${body.bytes.toString('utf8', start, end)}`)
  }
  for (const [key, value] of changes) {
    if (value === null) delete parsed[key]
    else {
      parsed[key] = value
      parts.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`)
    }
  }
  const bytes = Buffer.from(`{${parts.join(',')}}`)
  return { ...body, bytes, parsed, scan: scanTopLevel(bytes, MAX_DEPTH) }
}
