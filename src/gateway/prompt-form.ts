/** A rendered prompt in the words of the two APIs that take one: chat/completions and responses. Pure. */

import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'
import type { ChatMessage } from '../registry/prompts/render.ts'

export type PromptForm = {
  /** The member that holds the messages. */
  place: 'messages' | 'input'
  /** The caller's own, for the prompt's slot. */
  callers: (given: JsonValue | undefined) => ChatMessage[]
  message: (message: ChatMessage) => JsonObject
  tool: (tool: JsonObject) => JsonObject
  /** The member that asks for a form of the answer, and its value. */
  format: (format: JsonObject) => [member: string, value: JsonValue]
}

export const CHAT_FORM: PromptForm = {
  place: 'messages',
  callers: messagesOf,
  message: (message) => message,
  tool: (tool) => tool,
  format: (format) => ['response_format', format],
}

/** https://platform.openai.com/docs/api-reference/responses/create: parts, tools and formats are flat there. */
export const RESPONSES_FORM: PromptForm = {
  place: 'input',
  callers: (given) => (typeof given === 'string' ? [{ role: 'user', content: given }] : messagesOf(given)),
  message: (message) =>
    Array.isArray(message.content) ? { ...message, content: message.content.map(inputPart) } : message,
  tool: (tool) => ({ ...flat(tool, 'function') }),
  format: (format) => ['text', { format: flat(format, 'json_schema') }],
}

function messagesOf(given: JsonValue | undefined): ChatMessage[] {
  return Array.isArray(given) ? given.filter((one): one is ChatMessage => isJsonObject(one)) : []
}

/** Parts that are already in the words of this API pass. */
function inputPart(part: JsonValue): JsonValue {
  if (!isJsonObject(part)) return part
  if (part.type === 'text') return { type: 'input_text', text: part.text ?? '' }
  if (part.type !== 'image_url' || !isJsonObject(part.image_url ?? null)) return part
  const { url, detail } = part.image_url as JsonObject
  return { type: 'input_image', image_url: url ?? null, detail: detail ?? 'auto' }
}

/** `{type, function: {name, …}}` as `{type, name, …}`. */
function flat(value: JsonObject, member: string): JsonObject {
  const { [member]: inner, ...rest } = value
  return inner !== undefined && isJsonObject(inner) ? { ...rest, ...inner } : value
}
