/**
 * Bytes of a text file -> its characters, judged by what the bytes are and not by what they are called. A file that is
 * no text, or whose encoding cannot be told, is refused: a guess would be indexed as nonsense and found by nobody.
 */

import { isUtf8 } from 'node:buffer'
import { DocumentError } from './document-error.ts'

/** Share of control characters that a text which was handled badly may have; pictures and programs have a tenth. */
const MAX_CONTROL_SHARE = 0.01
/** A few in a short text are no sign of anything. */
const FEW_CONTROLS = 2
/** Letters above ASCII are a tenth of French; of Cyrillic or Chinese in a code page of their own nearly all. */
const MAX_HIGH_SHARE = 1 / 3
const SNIFFED_BYTES = 4096
const CHARSET_BYTES = 2048
/** Not mapped by windows-1252. */
const UNMAPPED = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d])

/**
 * The text of `bytes`, without its byte order mark. UTF-8 and UTF-16 are recognised; other bytes are read as the charset
 * that an HTML page declares (`declared: 'html'`), else as windows-1252, of which Latin-1's letters are a part.
 * Throws DocumentError `binary`, `encoding` or `unsupported`.
 */
export function decodeText(bytes: Buffer, declared: 'html' | null = null): string {
  const utf16 = utf16Of(bytes)
  if (utf16 !== null) return decodeAs(utf16, bytes, 'UTF-16')
  refuseOtherFormats(bytes)
  const controls = countControls(bytes)
  if (controls > Math.max(FEW_CONTROLS, bytes.length * MAX_CONTROL_SHARE)) throw binary()
  if (isUtf8(bytes)) return new TextDecoder('utf-8').decode(bytes)
  if (controls > 0) throw binary()
  const charset = declared === 'html' ? charsetOf(bytes) : null
  if (charset !== null) return decodeAs(charset, bytes, charset)
  refuseUnlikely(bytes)
  return new TextDecoder('windows-1252').decode(bytes)
}

function binary(): DocumentError {
  return new DocumentError('binary', 'The file is binary, not text. Save its text as UTF-8.')
}

function encoding(why: string): DocumentError {
  return new DocumentError('encoding', `The file's encoding cannot be told: ${why}. Save it as UTF-8.`)
}

/** Null when the bytes are not UTF-16: neither marked as such nor with a NUL in nearly every other place. */
function utf16Of(bytes: Buffer): 'utf-16le' | 'utf-16be' | null {
  if (bytes.length >= 4 && (bytes.readUInt32LE(0) === 0xfeff || bytes.readUInt32BE(0) === 0xfeff))
    throw encoding('it begins like UTF-32')
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  const sample = bytes.subarray(0, SNIFFED_BYTES)
  const nuls = [0, 0]
  sample.forEach((byte, at) => {
    if (byte === 0) nuls[at % 2] = (nuls[at % 2] ?? 0) + 1
  })
  const [even = 0, odd = 0] = nuls
  const half = sample.length / 2
  if (bytes.length % 2 !== 0 || half < 2) return null
  if (odd > half * 0.4 && even < half * 0.05) return 'utf-16le'
  return even > half * 0.4 && odd < half * 0.05 ? 'utf-16be' : null
}

function decodeAs(label: string, bytes: Buffer, shown: string): string {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes)
  } catch (error) {
    // A RangeError for a charset that nobody knows, a TypeError for bytes that it does not have.
    throw new DocumentError('encoding', `The file is not valid ${shown}. Save it as UTF-8.`, { cause: error })
  }
}

/** Formats that are text to a machine and nonsense to a reader. */
function refuseOtherFormats(bytes: Buffer): void {
  const head = bytes.subarray(0, 16).toString('latin1')
  if (head.startsWith('%PDF-'))
    throw new DocumentError('binary', 'The file is a PDF under another name. Name it .pdf.')
  if (head.startsWith('PK\x03\x04'))
    throw new DocumentError('binary', 'The file is a ZIP archive or an office document under another name.')
  if (head.startsWith('{\\rtf'))
    throw new DocumentError('unsupported', 'The file is RTF. Save it as DOCX, HTML or text.')
}

/** Controls but tab, line feed, vertical tab, form feed and carriage return. */
function countControls(bytes: Buffer): number {
  let count = 0
  for (const byte of bytes) if (byte < 32 ? byte < 9 || byte > 13 : byte === 127) count += 1
  return count
}

function charsetOf(bytes: Buffer): string | null {
  const head = bytes.subarray(0, CHARSET_BYTES).toString('latin1')
  const label = /charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9_:.-]{1,40})/i.exec(head)?.[1]?.toLowerCase() ?? null
  // Bytes that are not UTF-8 in a page that says they are: then it says nothing.
  return label === null || /^utf-?(?:8|16)/.test(label) ? null : label
}

/** Throws for bytes that windows-1252 maps to letters that nobody wrote. */
function refuseUnlikely(bytes: Buffer): void {
  let high = 0
  let spaces = 0
  for (const byte of bytes) {
    if (UNMAPPED.has(byte)) throw encoding('it is neither UTF-8 nor windows-1252')
    if (byte >= 0x80) high += 1
    else if (byte <= 32) spaces += 1
  }
  if (high > (bytes.length - spaces) * MAX_HIGH_SHARE)
    throw encoding('it is not UTF-8, and most of its letters are not Western European')
  const { whole, broken } = countSequences(bytes)
  if (whole > broken) throw encoding('it is UTF-8 with broken places')
}

/** UTF-8 sequences of two bytes and more that are whole, and bytes above ASCII that are in none. */
function countSequences(bytes: Buffer): { whole: number; broken: number } {
  let whole = 0
  let broken = 0
  let at = 0
  while (at < bytes.length) {
    const lead = bytes[at] ?? 0
    const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1
    if (size > 1 && isUtf8(bytes.subarray(at, at + size))) {
      whole += 1
      at += size
      continue
    }
    if (lead >= 0x80) broken += 1
    at += 1
  }
  return { whole, broken }
}
