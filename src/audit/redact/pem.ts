/** Private keys in PEM (RFC 7468), OpenSSH and OpenPGP (RFC 9580 §6.2) armour, line breaks written out or escaped. */

import {
  ALNUM,
  BASE64_SIGN,
  CLASS,
  DIGIT,
  isIn,
  OPEN,
  runEnd,
  runsOut,
  SPACE,
  type Span,
  standsAt,
  type Text,
  UPPER,
} from './text.ts'

/** A key of 16,384 bits in OpenSSH's form is 12 KB. */
const MAX_PEM_BYTES = 16 * 1024
const MAX_LABEL_BYTES = 64
const DASHES = '-----'
const BASE64 = ALNUM | BASE64_SIGN
/** Lines of a key have 64 to 76 letters, prose has shorter words. */
const MIN_LINE_BYTES = 16
const MIN_CUT_KEY_BYTES = 64

/**
 * A private key whose `BEGIN` follows the dash at `at`. It ends with its `END` line. A key that was cut off before
 * that (a bound of a body, a model that stopped) is matched as far as its lines go, when they hold 64 letters.
 */
export function pemAt(text: Text, at: number): Span | null {
  const start = at - DASHES.length + 1
  if (start < text.floor) return null
  const begin = standsAt(text, start, '-----BEGIN ')
  if (begin === 'open') return { start, end: OPEN }
  if (!begin) return null
  const labelEnd = labelAt(text, start + '-----BEGIN '.length, true)
  if (labelEnd === null) return null
  if (labelEnd === OPEN) return { start, end: OPEN }
  const limit = Math.min(text.to, start + MAX_PEM_BYTES)
  // Bounded by the next dashes, so that a text full of beginnings is still read once.
  const dashes = text.bytes.subarray(labelEnd, limit).indexOf(DASHES)
  const bodyEnd = dashes < 0 ? limit : labelEnd + dashes
  if (dashes >= 0) {
    const closing = standsAt(text, bodyEnd, '-----END ')
    const closed = closing === true ? labelAt(text, bodyEnd + '-----END '.length, false) : null
    if (closing === 'open' || closed === OPEN) return { start, end: OPEN }
    if (closed !== null) return { start, end: closed }
  } else if (limit === text.to && !text.final && limit - start < MAX_PEM_BYTES) {
    return { start, end: OPEN }
  }
  const cut = keyLinesEnd(text.bytes, labelEnd, bodyEnd)
  return cut === null ? null : { start, end: cut }
}

/** Where `PRIVATE KEY-----` ends that begins at `at`, with a word such as RSA before it; null when it is another label. */
function labelAt(text: Text, at: number, mustBePrivate: boolean): number | null {
  let end = at
  while (end < text.to && end - at <= MAX_LABEL_BYTES && isLabel(text.bytes[end])) end += 1
  if (end - at > MAX_LABEL_BYTES) return null
  if (runsOut(text, end)) return OPEN
  const closing = standsAt(text, end, DASHES)
  if (closing === 'open') return OPEN
  if (!closing) return null
  if (mustBePrivate && !text.bytes.toString('latin1', at, end).includes('PRIVATE KEY')) return null
  return end + DASHES.length
}

function isLabel(byte: number | undefined): boolean {
  return byte === 0x20 || isIn(byte, UPPER | DIGIT)
}

/** The end of the last line of base64 in a key that lacks its END. */
function keyLinesEnd(bytes: Buffer, start: number, limit: number): number | null {
  const text: Text = { bytes, from: start, floor: start, to: limit, final: true, runs: null }
  let at = start
  let letters = 0
  let end: number | null = null
  while (at < limit) {
    at = skipBreaks(bytes, at, limit)
    const lineEnd = runEnd(text, at, BASE64, limit)
    const length = lineEnd - at
    if (lineEnd < limit && isHeaderLine(bytes[lineEnd])) {
      at = headerEnd(bytes, lineEnd, limit)
      continue
    }
    if (length === 0 || (length < MIN_LINE_BYTES && letters < MIN_CUT_KEY_BYTES)) break
    letters += length
    end = lineEnd
    at = lineEnd
    if (length < MIN_LINE_BYTES) break
  }
  return letters >= MIN_CUT_KEY_BYTES ? end : null
}

/** `Proc-Type: 4,ENCRYPTED`, `Comment: …`: a name before a dash or a colon. */
function isHeaderLine(byte: number | undefined): boolean {
  return byte === 0x2d || byte === 0x3a
}

function headerEnd(bytes: Buffer, from: number, limit: number): number {
  let at = from
  while (at < limit && bytes[at] !== 0x0a && bytes[at] !== 0x5c) at += 1
  return at
}

/** Line breaks, also as `\n` or `\\n` that JSON inside a JSON string left behind. */
function skipBreaks(bytes: Buffer, from: number, limit: number): number {
  let at = from
  let escaped = false
  while (at < limit) {
    const byte = bytes[at] ?? 0
    if (byte === 0x5c) escaped = true
    else if (escaped && (byte === 0x6e || byte === 0x72 || byte === 0x74)) escaped = false
    else if (((CLASS[byte] ?? 0) & SPACE) === 0) break
    at += 1
  }
  return at
}
