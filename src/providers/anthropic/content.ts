/** One OpenAI content part -> one Anthropic content block (https://platform.claude.com/docs/en/build-with-claude/vision, …/pdf-support). */

import type { JsonObject } from '../../lib/json.ts'
import { unsupported, wrongValue } from '../chat/fields.ts'
import type { ContentPart } from '../chat/read-messages.ts'

const IMAGE_TYPES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])

/** Image `detail` has no counterpart and is ignored. Throws RequestError for what the API cannot take. */
export function toContentBlock(part: ContentPart): JsonObject {
  const block = toBareBlock(part)
  if (part.cacheControl !== null) block.cache_control = part.cacheControl
  return block
}

function toBareBlock(part: ContentPart): JsonObject {
  if (part.kind === 'text') return { type: 'text', text: part.text }
  if (part.kind === 'image-url') {
    if (!/^https:/i.test(part.url)) {
      throw wrongValue(
        part.param,
        `${part.param} must be an https URL for this upstream; send a data: URI otherwise.`,
      )
    }
    return { type: 'image', source: { type: 'url', url: part.url } }
  }
  if (part.purpose === 'audio')
    throw unsupported(part.param, 'Claude takes no audio; send a transcript as text.')
  if (IMAGE_TYPES.has(part.mediaType)) {
    return { type: 'image', source: { type: 'base64', media_type: part.mediaType, data: part.data } }
  }
  if (part.purpose === 'file') return toDocument(part.mediaType, part.data, part.filename, part.param)
  throw wrongValue(part.param, `Claude takes jpeg, png, gif and webp images, not ${part.mediaType}.`)
}

function toDocument(mediaType: string, data: string, filename: string | null, param: string): JsonObject {
  const document: JsonObject = { type: 'document' }
  if (filename !== null) document.title = filename
  if (mediaType === 'application/pdf') {
    document.source = { type: 'base64', media_type: mediaType, data }
    return document
  }
  if (mediaType === 'text/plain') {
    document.source = {
      type: 'text',
      media_type: mediaType,
      data: Buffer.from(data, 'base64').toString('utf8'),
    }
    return document
  }
  throw wrongValue(param, `Claude takes PDF and plain text files, not ${mediaType}.`)
}
