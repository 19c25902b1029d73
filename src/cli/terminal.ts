/** Where a command prints, and what may be printed there: server data never reaches a terminal as control codes. */

import { stripVTControlCharacters } from 'node:util'
import pc from 'picocolors'

export type Terminal = {
  write(text: string): void
  writeError(text: string): void
  /** Both ends are a person's terminal: questions may be asked and bars drawn. */
  interactive: boolean
  /** False without a terminal or with NO_COLOR. */
  colors: boolean
  columns: number
  /** IANA zone of shown times; undefined is the machine's. */
  timeZone?: string | undefined
  /** Asks a yes/no question; only called when `interactive`. */
  confirm(question: string): Promise<boolean>
  /** Where a progress bar draws. */
  progressStream: NodeJS.WritableStream
}

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

/** JSON with an indent, or on one line with none; what JSON itself leaves unescaped and a terminal obeys is escaped too. */
export function printableJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent).replaceAll(
    UNPRINTABLE_IN_JSON,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Colours for this terminal, or functions that change nothing. */
export function colorsOf(terminal: Pick<Terminal, 'colors'>) {
  return pc.createColors(terminal.colors)
}
