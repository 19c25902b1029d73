/** One OpenAI content part -> one Gemini part (https://ai.google.dev/api/caching#Part). */

import type { JsonObject } from '../../lib/json.ts'
import { wrongValue } from '../chat/fields.ts'
import type { ContentPart } from '../chat/read-messages.ts'

/** The API infers nothing from an address, so the type is taken from its ending where that says it. */
const TYPE_OF_ENDING = new Map<string, string>(
  Object.entries({
    png: 'image/png',
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    webp: 'image/webp',
    gif: 'image/gif',
    heic: 'image/heic',
    heif: 'image/heif',
  }),
)

/** Image `detail` and `cache_control` have no counterpart and are ignored. */
export function toPart(part: ContentPart): JsonObject {
  if (part.kind === 'text') return { text: part.text }
  if (part.kind === 'inline') return { inlineData: { mimeType: part.mediaType, data: part.data } }
  if (!/^https:/i.test(part.url)) {
    throw wrongValue(
      part.param,
      `${part.param} must be an https URL for this upstream; send a data: URI otherwise.`,
    )
  }
  const ending = /\.([a-z]+)(?:[?#]|$)/i.exec(part.url.slice('https://'.length))?.[1]?.toLowerCase() ?? ''
  const mimeType = TYPE_OF_ENDING.get(ending)
  return { fileData: mimeType === undefined ? { fileUri: part.url } : { mimeType, fileUri: part.url } }
}
