/**
 * The bytes detectors look at, and what they share: classes of characters and where a word begins. Bytes are UTF-8 or
 * anything else; only ASCII has a meaning here, so no encoding can break a detector.
 */

/**
 * A text inside `bytes`: it begins at `from`, what may be matched begins at `floor`, and `to` ends what is known.
 * `final` says that nothing follows `to`.
 */
export type Text = {
  bytes: Buffer
  from: number
  floor: number
  to: number
  final: boolean
  /** Runs by their classes, so that a run full of beginnings (`sk-sk-sk-…`) is measured once. Null until there is one. */
  runs: Map<number, Run> | null
}

/** A run of characters of some classes: `end` is its real end, or that of the known bytes. */
type Run = { start: number; end: number; lastDigit: number }

/** A match; `end` is OPEN while the known bytes do not tell whether it is one, or where it ends. */
export type Span = { start: number; end: number }
export const OPEN = -1

/** How far before a position `startsWord` looks; whoever cuts a text keeps at least this much of it. */
export const CONTEXT_BYTES = 8

export const DIGIT = 1
export const UPPER = 2
const LOWER = 4
export const UNDERSCORE = 8
export const DASH = 16
export const DOT = 32
/** `+`, `/` and `=`: what base64 has beyond letters and digits. */
export const BASE64_SIGN = 64
/** Tab, line feed, carriage return and space. */
export const SPACE = 128

export const LETTER = UPPER | LOWER
export const ALNUM = LETTER | DIGIT
/** The alphabet of base64url (RFC 4648 §5), and of most tokens. */
export const TOKEN = ALNUM | UNDERSCORE | DASH

export const CLASS = classTable()

function classTable(): Uint8Array {
  const table = new Uint8Array(256)
  const mark = (characters: string, flag: number) => {
    for (const character of characters) {
      const code = character.charCodeAt(0)
      table[code] = (table[code] ?? 0) | flag
    }
  }
  mark('0123456789', DIGIT)
  mark('ABCDEFGHIJKLMNOPQRSTUVWXYZ', UPPER)
  mark('abcdefghijklmnopqrstuvwxyz', LOWER)
  mark('_', UNDERSCORE)
  mark('-', DASH)
  mark('.', DOT)
  mark('+/=', BASE64_SIGN)
  mark('\t\n\r ', SPACE)
  return table
}

export function isIn(byte: number | undefined, classes: number): boolean {
  return byte !== undefined && ((CLASS[byte] ?? 0) & classes) !== 0
}

/** Where the run of characters of `classes` that begins at `at` ends, at most `max` further on. */
export function runEnd(text: Text, at: number, classes: number, max: number): number {
  const limit = Math.min(text.to, at + max)
  let end = at
  while (end < limit && ((CLASS[text.bytes[end] ?? 0] ?? 0) & classes) !== 0) end += 1
  return end
}

/** The first position from `at` on whose byte is marked in `marks` (256 long); `to` when there is none. */
export function nextMarked(bytes: Buffer, at: number, to: number, marks: Uint8Array): number {
  let next = at
  // Four look-ups and one branch: three times as fast as a branch for each.
  while (
    next + 3 < to &&
    (of(marks, bytes, next) |
      of(marks, bytes, next + 1) |
      of(marks, bytes, next + 2) |
      of(marks, bytes, next + 3)) ===
      0
  ) {
    next += 4
  }
  while (next < to && of(marks, bytes, next) === 0) next += 1
  return next
}

function of(marks: Uint8Array, bytes: Buffer, at: number): number {
  return marks[bytes[at] ?? 0] ?? 0
}

/** The rest of the run of characters of `classes` from `at` on, however long it is. */
export function runFrom(text: Text, at: number, classes: number): Run {
  text.runs ??= new Map()
  const known = text.runs.get(classes)
  if (known !== undefined && at >= known.start && at <= known.end) return known
  let end = at
  let lastDigit = -1
  while (end < text.to) {
    const of = CLASS[text.bytes[end] ?? 0] ?? 0
    if ((of & classes) === 0) break
    if ((of & DIGIT) !== 0) lastDigit = end
    end += 1
  }
  const run = { start: at, end, lastDigit }
  text.runs.set(classes, run)
  return run
}

/** True when the known bytes end at `at` and more may come. */
export function runsOut(text: Text, at: number): boolean {
  return at >= text.to && !text.final
}

/** True when `literal` (ASCII) stands at `at`; 'open' when the known bytes end inside it. */
export function standsAt(text: Text, at: number, literal: string): boolean | 'open' {
  for (let index = 0; index < literal.length; index += 1) {
    if (at + index >= text.to) return text.final ? false : 'open'
    if (text.bytes[at + index] !== literal.charCodeAt(index)) return false
  }
  return true
}

const BACKSLASH = 0x5c
const PERCENT = 0x25
const LOWER_U = 0x75
const WHITE_ESCAPES = new Set([...'nrtbf'].map((letter) => letter.charCodeAt(0)))

/**
 * True when no letter or digit stands right before `at`. Letters and digits of an escape do not count: JSON inside a
 * JSON string leaves `\n` and `\u00e9`, an address `%3D`.
 */
export function startsWord(text: Text, at: number): boolean {
  const { bytes, from } = text
  if (at <= from || !isIn(bytes[at - 1], ALNUM)) return true
  if (at - 2 >= from && bytes[at - 2] === BACKSLASH) return WHITE_ESCAPES.has(bytes[at - 1] ?? 0)
  if (at - 3 >= from && bytes[at - 3] === PERCENT) return isHex(bytes, at - 2, at)
  if (at - 6 >= from && bytes[at - 6] === BACKSLASH && bytes[at - 5] === LOWER_U)
    return isHex(bytes, at - 4, at)
  return false
}

function isHex(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0
    const letter = byte | 0x20
    if (!isIn(byte, DIGIT) && (letter < 0x61 || letter > 0x66)) return false
  }
  return true
}
