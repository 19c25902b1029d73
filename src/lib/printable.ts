/** What of a text may be printed: data from elsewhere never reaches a terminal as control codes. Pure. */

import { stripVTControlCharacters } from 'node:util'

/** C0 except tab and newline, DEL, C1, and the marks that reorder text on screen (Unicode TR9). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what begins them
const COLOR = /(\u001b\[[\d;]{0,20}m)/
const UNPRINTABLE_IN_JSON = /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** Text from a server, safe to print: escape sequences and control characters are gone. */
export function printable(text: string): string {
  return stripVTControlCharacters(text.replaceAll('\r\n', '\n')).replaceAll(UNPRINTABLE, '')
}

/** Like `printable`, on one line. */
export function printableLine(text: string): string {
  return printable(text).replaceAll(/\s*\n\s*/g, ' ')
}

/** Like `printable`, but colours stay: sequences that choose them (ECMA-48 SGR) do nothing else. */
export function printableColored(text: string): string {
  return text
    .split(COLOR)
    .map((part, at) => (at % 2 === 1 ? part : printable(part)))
    .join('')
}

/** JSON with an indent, or on one line with none; what JSON itself leaves unescaped and a terminal obeys is escaped too. */
export function printableJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replaceAll(
    UNPRINTABLE_IN_JSON,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
