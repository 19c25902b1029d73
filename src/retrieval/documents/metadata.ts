/** What a document says about itself, as JSON that any database column takes. Never holds a prototype or half a character. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { cleanText } from './clean-text.ts'
import { DocumentError } from './document-error.ts'
import { MAX_METADATA_CHARS } from './limits.ts'

const MAX_DEPTH = 16
const MAX_VALUES = 10_000

/**
 * A copy of `value`, cleaned as text is. Throws DocumentError `too_large` when it has more values, levels or characters
 * than metadata may have; `where` begins its sentence.
 */
export function cleanMetadata(value: JsonObject, where: string): JsonObject {
  const left = { values: MAX_VALUES, chars: MAX_METADATA_CHARS }
  const refuse = (): never => {
    throw new DocumentError(
      'too_large',
      `${where}: more metadata than ${MAX_METADATA_CHARS / 1024} KiB, ${MAX_VALUES} values or ${MAX_DEPTH} levels. Move what is long into the text.`,
    )
  }
  const cleanString = (text: string): string => {
    left.chars -= text.length
    return left.chars < 0 ? refuse() : cleanText(text)
  }
  const clean = (one: unknown, depth: number): JsonValue => {
    left.values -= 1
    if (left.values < 0 || depth > MAX_DEPTH) return refuse()
    if (typeof one === 'string') return cleanString(one)
    if (typeof one === 'number') return Number.isFinite(one) ? one : String(one)
    if (typeof one === 'boolean' || one === null) return one
    if (Array.isArray(one)) return one.map((member) => clean(member, depth + 1))
    if (one instanceof Date) return one.toISOString()
    if (!isJsonObject(one)) return String(one)
    // As entries: a key named __proto__ becomes a member like any other.
    return Object.fromEntries(
      Object.entries(one)
        .filter(([, member]) => member !== undefined)
        .map(([key, member]) => [cleanString(key), clean(member, depth + 1)]),
    )
  }
  return clean(value, 0) as JsonObject
}
