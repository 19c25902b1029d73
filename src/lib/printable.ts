/** What of a text may be printed: data from elsewhere never reaches a terminal as control codes. Pure. */

import { stripVTControlCharacters } from 'node:util'

/** C0 except tab and newline, DEL, C1, and the marks that reorder text on screen (Unicode TR9). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g
const UNPRINTABLE_IN_JSON = /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** Text from a server, safe to print: escape sequences and control characters are gone. */
export function printable(text: string): string {
  return stripVTControlCharacters(text.replaceAll('\r\n', '\n')).replaceAll(UNPRINTABLE, '')
}

/** Like `printable`, on one line. */
export function printableLine(text: string): string {
  return printable(text).replaceAll(/\s*\n\s*/g, ' ')
}

/** JSON with an indent; what JSON itself leaves unescaped and a terminal obeys is escaped too. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(
    UNPRINTABLE_IN_JSON,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
