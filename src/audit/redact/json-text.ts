/**
 * The texts inside JSON: finds strings without judging the rest, undoes escapes into bytes and says where in the raw
 * bytes an unescaped position lies. Works on any bytes at all; a string that never closes ends with them.
 */

import { nextMarked } from './text.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const LOWER_U = 0x75
const QUESTION_MARK = 0x3f

const STRING_MARKS = new Uint8Array(256)
STRING_MARKS[QUOTE] = 1
STRING_MARKS[BACKSLASH] = 1

export type JsonString = { start: number; end: number; escaped: boolean }

/** The string after the quote at `quote`: the bytes between the quotes, and whether any is an escape. */
export function stringAt(bytes: Buffer, quote: number, to: number): JsonString {
  const start = quote + 1
  let escaped = false
  let at = nextMarked(bytes, start, to, STRING_MARKS)
  while (at < to && bytes[at] === BACKSLASH) {
    escaped = true
    at = nextMarked(bytes, at + 2, to, STRING_MARKS)
  }
  return { start, end: Math.min(at, to), escaped }
}

/** How bytes look like JSON from their beginning; a cut one still does. `[INST] …` does not. */
export function looksLikeJson(bytes: Buffer): boolean {
  return /^\s*(?:\{\s*(?:["}]|$)|\[\s*(?:[[{"\]\d-]|true|false|null|$))/.test(
    bytes.toString('latin1', 0, 256),
  )
}

/** Unescapes `start` to `end` into `target`, which must have as much room; returns the bytes written. */
export function unescapeInto(target: Buffer, at: number, bytes: Buffer, { start, end }: JsonString): number {
  let from = start
  let to = at
  while (from < end) {
    const byte = bytes[from] ?? 0
    if (byte !== BACKSLASH) {
      target[to] = byte
      from += 1
      to += 1
      continue
    }
    const unit = unitAt(bytes, from, end)
    to += writeCodePoint(target, to, unit.codePoint)
    from += unit.rawBytes
  }
  return to - at
}

/** Raw positions of unescaped ones, which are ascending and counted from the string's beginning. */
export function rawPositions(bytes: Buffer, string: JsonString, positions: readonly number[]): number[] {
  if (!string.escaped) return positions.map((position) => string.start + position)
  const raw: number[] = []
  let from = string.start
  let unescaped = 0
  for (const position of positions) {
    while (unescaped < position && from < string.end) {
      if (bytes[from] !== BACKSLASH) {
        from += 1
        unescaped += 1
        continue
      }
      const unit = unitAt(bytes, from, string.end)
      from += unit.rawBytes
      unescaped += utf8Bytes(unit.codePoint)
    }
    raw.push(from)
  }
  return raw
}

type Unit = { rawBytes: number; codePoint: number }

const SHORT: Readonly<Record<number, number>> = { 98: 8, 102: 12, 110: 10, 114: 13, 116: 9 }

/** One escape: `\n`, `\u00e9`, or a pair of surrogates. Never more bytes than it had raw. */
function unitAt(bytes: Buffer, at: number, end: number): Unit {
  if (at + 1 >= end) return { rawBytes: 1, codePoint: BACKSLASH }
  const letter = bytes[at + 1] ?? 0
  if (letter !== LOWER_U)
    return { rawBytes: 2, codePoint: letter < 0x80 ? (SHORT[letter] ?? letter) : QUESTION_MARK }
  const unit = hexUnit(bytes, at, end)
  if (unit === null) return { rawBytes: 2, codePoint: LOWER_U }
  if (unit < 0xd800 || unit > 0xdbff) return { rawBytes: 6, codePoint: unit }
  const low = bytes[at + 6] === BACKSLASH && bytes[at + 7] === LOWER_U ? hexUnit(bytes, at + 6, end) : null
  if (low === null || low < 0xdc00 || low > 0xdfff) return { rawBytes: 6, codePoint: unit }
  return { rawBytes: 12, codePoint: 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) }
}

function hexUnit(bytes: Buffer, at: number, end: number): number | null {
  if (at + 6 > end) return null
  let unit = 0
  for (let index = at + 2; index < at + 6; index += 1) {
    const digit = hexDigit(bytes[index] ?? 0)
    if (digit < 0) return null
    unit = unit * 16 + digit
  }
  return unit
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function utf8Bytes(codePoint: number): number {
  if (codePoint < 0x80) return 1
  if (codePoint < 0x800) return 2
  return codePoint < 0x10000 ? 3 : 4
}

function writeCodePoint(target: Buffer, at: number, codePoint: number): number {
  const bytes = utf8Bytes(codePoint)
  if (bytes === 1) {
    target[at] = codePoint
    return 1
  }
  target[at] = ((0xf00 >> bytes) & 0xff) | (codePoint >> ((bytes - 1) * 6))
  for (let index = 1; index < bytes; index += 1) {
    target[at + index] = 0x80 | ((codePoint >> ((bytes - 1 - index) * 6)) & 0x3f)
  }
  return bytes
}
