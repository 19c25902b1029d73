/**
 * Content parts of Responses input -> content of chat messages. Never fetches what a part points at: a file that
 * only has a URL, or an image that only has a file id, is refused.
 */

import { RequestError } from '../../errors.ts'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import {
  missing,
  readArray,
  readString,
  requireObject,
  requireString,
  unsupported,
  wrongType,
} from './read.ts'

/**
 * Content of a user, system or developer message. One text part becomes a plain string, because many chat
 * upstreams take nothing else; anything more stays a list of parts in its order.
 */
export function chatContent(item: JsonObject, path: string): JsonValue {
  const content = item.content
  if (typeof content === 'string') return content
  const parts = readArray(item, 'content', `${path}.`)
  if (parts === undefined) throw missing(`${path}.content`)
  const chatParts = parts.map((part, at) => chatPart(part, `${path}.content[${at}]`))
  const [first] = chatParts
  if (chatParts.length === 1 && typeof first?.text === 'string') return first.text
  return chatParts
}

/** Text and refusal of an assistant's earlier turn. Its parts were one answer, so they are joined without a separator. */
export function assistantContent(item: JsonObject, path: string): { text: string; refusal: string } {
  const content = item.content
  if (typeof content === 'string') return { text: content, refusal: '' }
  const said = { text: '', refusal: '' }
  for (const [at, value] of (readArray(item, 'content', `${path}.`) ?? []).entries()) {
    const partPath = `${path}.content[${at}]`
    const part = requireObject(value, partPath)
    const type = requireString(part, 'type', `${partPath}.`)
    if (type === 'refusal') said.refusal += requireString(part, 'refusal', `${partPath}.`)
    else if (isText(type)) said.text += requireString(part, 'text', `${partPath}.`)
    else throw unknownPart(type, partPath, 'output_text or refusal in a message of the assistant')
  }
  return said
}

/** What a tool answered, as text: a chat `tool` message holds nothing else. */
export function toolOutput(item: JsonObject, path: string): string {
  const output = item.output
  if (typeof output === 'string') return output
  if (output === undefined || output === null) throw missing(`${path}.output`)
  if (!Array.isArray(output)) throw wrongType(`${path}.output`, 'a string or an array of parts', output)
  const texts = output.map((value, at) => {
    const partPath = `${path}.output[${at}]`
    const part = requireObject(value, partPath)
    const type = requireString(part, 'type', `${partPath}.`)
    if (isText(type)) return requireString(part, 'text', `${partPath}.`)
    const remedy = 'Put the text in the output and the image or file in a user message.'
    throw unsupported(`${partPath}.type`, `The part type "${type}" in the output of a function call`, remedy)
  })
  return texts.join('')
}

function chatPart(value: JsonValue, path: string): JsonObject {
  const part = requireObject(value, path)
  const type = requireString(part, 'type', `${path}.`)
  if (isText(type)) return { type: 'text', text: requireString(part, 'text', `${path}.`) }
  if (type === 'input_image') return imagePart(part, path)
  if (type === 'input_file') return filePart(part, path)
  if (type === 'input_audio')
    return { type, input_audio: requireObject(part.input_audio, `${path}.input_audio`) }
  throw unknownPart(type, path, 'input_text, input_image, input_file or input_audio')
}

function imagePart(part: JsonObject, path: string): JsonObject {
  const url = readString(part, 'image_url', `${path}.`)
  if (url === undefined) {
    if (readString(part, 'file_id', `${path}.`) === undefined) throw missing(`${path}.image_url`)
    throw unsupported(`${path}.file_id`, 'An image by file id', 'Send image_url, a data: URL for example.')
  }
  const detail = readString(part, 'detail', `${path}.`)
  if (detail === undefined) return { type: 'image_url', image_url: { url } }
  // Chat completions stop at `high`; `original` only says not to scale the image down.
  return { type: 'image_url', image_url: { url, detail: detail === 'original' ? 'high' : detail } }
}

function filePart(part: JsonObject, path: string): JsonObject {
  const data = readString(part, 'file_data', `${path}.`)
  const id = readString(part, 'file_id', `${path}.`)
  const name = readString(part, 'filename', `${path}.`)
  if (data === undefined && id === undefined) {
    if (readString(part, 'file_url', `${path}.`) === undefined) throw missing(`${path}.file_data`)
    throw unsupported(`${path}.file_url`, 'A file by URL', 'Send its content as file_data, with a filename.')
  }
  const file: JsonObject = {}
  if (data !== undefined) file.file_data = data
  if (id !== undefined) file.file_id = id
  if (name !== undefined) file.filename = name
  return { type: 'file', file }
}

/** `text` is not OpenAI's name here, but clients that also speak chat send it and it can mean nothing else. */
function isText(type: string): boolean {
  return type === 'input_text' || type === 'output_text' || type === 'text'
}

function unknownPart(type: string, path: string, wanted: string): RequestError {
  const message = `"${path}.type" is "${type}", which is not a part that can stand here. Use ${wanted}.`
  return new RequestError('invalid_value', message, { param: `${path}.type` })
}
