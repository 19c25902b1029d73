/** E-mail addresses as people write them: RFC 5321 §4.1.2 dot-strings and names, without quoted parts and literals. */

import { ALNUM, DASH, isIn, LETTER, OPEN, runsOut, type Span, type Text } from './text.ts'

/** RFC 5321 §4.5.3.1. */
export const MAX_LOCAL_BYTES = 64
const MAX_DOMAIN_BYTES = 255
const DOT = 0x2e

/** `icon@2x.png`, `logo@3.svg`: names of files, not addresses. */
const FILE_ENDINGS = new Set([
  'png',
  'jpg',
  'jpeg',
  'gif',
  'svg',
  'webp',
  'avif',
  'css',
  'js',
  'ts',
  'json',
  'html',
])

const LOCAL_SIGNS = new Set([..."!#$%&'*+-/=?^_`{|}~."].map((sign) => sign.charCodeAt(0)))

/** Letters of RFC 5322 §3.2.3 atoms, and of the alphabets with two bytes in UTF-8 (RFC 6531): Latin, Greek, Cyrillic… */
export function isLocal(byte: number | undefined): boolean {
  return byte !== undefined && (isIn(byte, ALNUM) || LOCAL_SIGNS.has(byte) || (byte >= 0x80 && byte <= 0xdf))
}

function isDomain(byte: number | undefined): boolean {
  return byte !== undefined && (isIn(byte, ALNUM | DASH) || byte === DOT || (byte >= 0x80 && byte <= 0xdf))
}

/** An address whose `@` is at `at`: something before it, a name with a dot after it, and letters as its last label. */
export function emailAt(text: Text, at: number): Span | null {
  const { bytes, to } = text
  const start = localStart(text, at)
  if (start >= at || bytes[at - 1] === DOT) return null
  let end = at + 1
  while (end < to && end - at <= MAX_DOMAIN_BYTES && isDomain(bytes[end])) end += 1
  if (end - at > MAX_DOMAIN_BYTES) return null
  if (runsOut(text, end)) return { start, end: OPEN }
  // The end of a sentence is not part of the name; nor is the first byte of a letter that is none of these.
  while (end > at + 1 && !isIn(bytes[end - 1], ALNUM) && !((bytes[end - 1] ?? 0) >= 0x80)) end -= 1
  return isDomainName(bytes, at + 1, end) ? { start, end } : null
}

function localStart(text: Text, at: number): number {
  const { bytes } = text
  const limit = Math.max(text.floor, at - MAX_LOCAL_BYTES)
  let start = at
  while (start > limit && isLocal(bytes[start - 1])) start -= 1
  // Signs are allowed but rarely meant: quotes and brackets around an address are not part of it.
  while (start < at && !isIn(bytes[start], ALNUM) && !isLead(bytes[start])) start += 1
  return afterEscape(text, start, at)
}

/** The first byte of a letter of two; a second byte without its first belongs to a letter before the address. */
function isLead(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0xc3 && byte <= 0xdf
}

/** The letter of an escape that JSON inside a JSON string left behind: `\nada@example.com`. */
function afterEscape(text: Text, start: number, at: number): number {
  if (start <= text.from || text.bytes[start - 1] !== 0x5c) return start
  const letter = text.bytes[start]
  return start + 1 < at && (letter === 0x6e || letter === 0x72 || letter === 0x74) ? start + 1 : start
}

function isDomainName(bytes: Buffer, start: number, end: number): boolean {
  const dot = bytes.subarray(start, end).lastIndexOf(DOT)
  if (dot < 1 || bytes[start] === DOT || bytes.subarray(start, end).includes('..')) return false
  const last = start + dot + 1
  if (end - last < 2) return false
  const ending = bytes.toString('latin1', last, end)
  if (ending.startsWith('xn--')) return true
  for (let at = last; at < end; at += 1) if (!isIn(bytes[at], LETTER) && (bytes[at] ?? 0) < 0x80) return false
  return !FILE_ENDINGS.has(ending.toLowerCase())
}
