/**
 * The `messages` of a chat request, read once into a plain typed form that every translated dialect maps from.
 * Strict: a message that would lose meaning is an error that names its place. Knows no vendor.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { parseDataUri } from './data-uri.ts'
import { missing, needString, readList, readString, unsupported, wrongType, wrongValue } from './fields.ts'

export type TextPart = { kind: 'text'; text: string; cacheControl: JsonObject | null }

/** `data` is base64 without the `data:` prefix. `param` is the part's place, for errors. */
export type ContentPart =
  | TextPart
  | {
      kind: 'inline'
      purpose: 'image' | 'file' | 'audio'
      mediaType: string
      data: string
      filename: string | null
      param: string
      cacheControl: JsonObject | null
    }
  | { kind: 'image-url'; url: string; param: string; cacheControl: JsonObject | null }

/** `extra` is whatever a dialect attached to the call when it answered (`extra_content`); null when the client dropped it. */
export type ToolCall = { id: string; name: string; input: JsonObject; extra: JsonObject | null }

export type ChatMessage =
  | { role: 'system'; parts: TextPart[] }
  | { role: 'user'; parts: ContentPart[] }
  | { role: 'assistant'; parts: TextPart[]; toolCalls: ToolCall[]; thinkingBlocks: JsonObject[] }
  | { role: 'tool'; toolCallId: string; name: string | null; parts: ContentPart[]; param: string }

/** Throws RequestError with `param` such as `messages[3].content[1].image_url`. Empty text parts are left out. */
export function readMessages(body: JsonObject): ChatMessage[] {
  const list = readList(body, 'messages')
  if (list === null) throw missing('messages')
  if (list.length === 0) throw wrongValue('messages', 'messages is empty; send at least one message.')
  return list.map((message, at) => readMessage(message, `messages[${at}]`))
}

function readMessage(message: JsonValue, param: string): ChatMessage {
  if (!isJsonObject(message)) throw wrongType(param, 'an object', message)
  const role = needString(message, 'role', `${param}.role`)
  switch (role) {
    case 'system':
    case 'developer':
      return { role: 'system', parts: onlyText(readParts(message, param), param, 'text') }
    case 'user':
      return { role: 'user', parts: readParts(message, param) }
    case 'assistant':
      return readAssistant(message, param)
    case 'tool': {
      const toolCallId = needString(message, 'tool_call_id', `${param}.tool_call_id`)
      return {
        role,
        toolCallId,
        name: readString(message, 'name', `${param}.name`),
        parts: readParts(message, param),
        param,
      }
    }
    case 'function':
      throw unsupported(
        `${param}.role`,
        'The role "function" is not supported; send a "tool" message with tool_call_id.',
      )
    default:
      throw wrongValue(
        `${param}.role`,
        `"${role}" is not a role; use system, developer, user, assistant or tool.`,
      )
  }
}

function readAssistant(message: JsonObject, param: string): ChatMessage {
  if (message.audio !== undefined && message.audio !== null) {
    throw unsupported(
      `${param}.audio`,
      'Earlier audio answers cannot be sent to this upstream; send their transcript as content.',
    )
  }
  if (message.function_call !== undefined && message.function_call !== null) {
    throw unsupported(`${param}.function_call`, 'function_call is not supported; send tool_calls.')
  }
  const parts = onlyText(readParts(message, param), param, 'text and refusal')
  const refusal = readString(message, 'refusal', `${param}.refusal`)
  if (refusal !== null && refusal !== '' && parts.length === 0)
    parts.push({ kind: 'text', text: refusal, cacheControl: null })
  const calls = readList(message, 'tool_calls', `${param}.tool_calls`) ?? []
  const toolCalls = calls.map((call, at) => readToolCall(call, `${param}.tool_calls[${at}]`))
  const thinking = readList(message, 'thinking_blocks', `${param}.thinking_blocks`) ?? []
  return { role: 'assistant', parts, toolCalls, thinkingBlocks: thinking.filter(isJsonObject) }
}

function readToolCall(call: JsonValue, param: string): ToolCall {
  if (!isJsonObject(call)) throw wrongType(param, 'an object', call)
  const type = readString(call, 'type', `${param}.type`) ?? 'function'
  if (type !== 'function') {
    throw unsupported(
      `${param}.type`,
      `A tool call of type "${type}" cannot be sent to this upstream; only "function" can.`,
    )
  }
  const about = call.function
  if (!isJsonObject(about)) throw wrongType(`${param}.function`, 'an object', about)
  const extra = call.extra_content
  return {
    id: needString(call, 'id', `${param}.id`),
    name: needString(about, 'name', `${param}.function.name`),
    input: parseArguments(
      readString(about, 'arguments', `${param}.function.arguments`) ?? '',
      `${param}.function.arguments`,
    ),
    extra: isJsonObject(extra) ? extra : null,
  }
}

/** Vendors take the arguments as an object, so text that is not one cannot be relayed. Empty text is an empty object. */
function parseArguments(text: string, param: string): JsonObject {
  if (text.trim() === '') return {}
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    throw wrongValue(param, `${param} is not JSON; send the arguments as a JSON object in a string.`)
  }
  if (!isJsonObject(value)) throw wrongValue(param, `${param} must hold a JSON object.`)
  return value
}

function readParts(message: JsonObject, param: string): ContentPart[] {
  const content = message.content
  if (content === undefined || content === null) return []
  if (typeof content === 'string')
    return content === '' ? [] : [{ kind: 'text', text: content, cacheControl: null }]
  if (!Array.isArray(content)) throw wrongType(`${param}.content`, 'a string or an array of parts', content)
  const parts = content.map((part, at) => readPart(part, `${param}.content[${at}]`))
  return parts.filter((part) => part.kind !== 'text' || part.text !== '')
}

function readPart(part: JsonValue, param: string): ContentPart {
  if (!isJsonObject(part)) throw wrongType(param, 'an object', part)
  const cacheControl = isJsonObject(part.cache_control) ? part.cache_control : null
  const type = needString(part, 'type', `${param}.type`)
  switch (type) {
    case 'text':
      return { kind: 'text', text: needString(part, 'text', `${param}.text`), cacheControl }
    case 'refusal':
      return { kind: 'text', text: needString(part, 'refusal', `${param}.refusal`), cacheControl }
    case 'image_url':
      return readImage(part, `${param}.image_url`, cacheControl)
    case 'file':
      return readFile(part, `${param}.file`, cacheControl)
    case 'input_audio':
      return readAudio(part, `${param}.input_audio`, cacheControl)
    default:
      throw unsupported(`${param}.type`, `A content part of type "${type}" cannot be sent to this upstream.`)
  }
}

function readImage(part: JsonObject, param: string, cacheControl: JsonObject | null): ContentPart {
  const image = part.image_url
  if (!isJsonObject(image)) throw wrongType(param, 'an object with a url', image)
  const url = needString(image, 'url', `${param}.url`)
  if (!url.startsWith('data:')) {
    if (!/^https?:\/\//i.test(url))
      throw wrongValue(`${param}.url`, `${param}.url must be an https URL or a data: URI.`)
    return { kind: 'image-url', url, param: `${param}.url`, cacheControl }
  }
  return {
    kind: 'inline',
    purpose: 'image',
    ...parseDataUri(url, `${param}.url`),
    filename: null,
    param: `${param}.url`,
    cacheControl,
  }
}

function readFile(part: JsonObject, param: string, cacheControl: JsonObject | null): ContentPart {
  const file = part.file
  if (!isJsonObject(file)) throw wrongType(param, 'an object with file_data', file)
  if (file.file_data === undefined && file.file_id !== undefined) {
    throw unsupported(
      `${param}.file_id`,
      'Files uploaded elsewhere are unknown to this upstream; send file_data as a data: URI.',
    )
  }
  const filename = readString(file, 'filename', `${param}.filename`)
  const data = parseDataUri(needString(file, 'file_data', `${param}.file_data`), `${param}.file_data`)
  return { kind: 'inline', purpose: 'file', ...data, filename, param: `${param}.file_data`, cacheControl }
}

function readAudio(part: JsonObject, param: string, cacheControl: JsonObject | null): ContentPart {
  const audio = part.input_audio
  if (!isJsonObject(audio)) throw wrongType(param, 'an object with data and format', audio)
  const data = needString(audio, 'data', `${param}.data`)
  const mediaType = `audio/${needString(audio, 'format', `${param}.format`)}`
  return { kind: 'inline', purpose: 'audio', mediaType, data, filename: null, param, cacheControl }
}

function onlyText(parts: ContentPart[], param: string, allowed: string): TextPart[] {
  return parts.map((part) => {
    if (part.kind !== 'text')
      throw wrongValue(`${param}.content`, `${param}.content may hold ${allowed} parts only.`)
    return part
  })
}
