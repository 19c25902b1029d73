/**
 * Finds the members of a JSON object in its bytes, so that one value can be replaced without touching any other
 * byte: number precision, key order, spacing and unknown members survive. It never judges whether the text is JSON.
 *
 * How it works together with JSON.parse, which has to be run on the same bytes (valid UTF-8) as well: JSON.parse
 * alone decides validity and gives the values. Where it accepts, depth, keys, spans and duplicates here are exact;
 * where it throws, they mean nothing. On any bytes at all the scan ends after one pass, stays inside the buffer
 * and throws nothing, so it may run first, which keeps a depth bomb away from everything that recurses.
 * One exception: V8 12.8 to at least 14.6 may give a wrong key for one that is written with an escape, after it has
 * parsed a key that looks like that key's raw text (https://github.com/nodejs/node/issues/63785). Keys here are
 * right, and `escapedKey` says when the two can differ.
 */

/** One member of the object: its key after unescaping, and the bytes `start` (inclusive) to `end` (exclusive) of its value. */
type JsonEntry = { key: string; start: number; end: number }

export type TopLevel = {
  /** Deepest nesting of objects and arrays: 1 for `{}`, 0 for a bare value. Larger than `maxDepth` by one when the scan stopped there. */
  depth: number
  /** In their order, a repeated key each time it comes. Empty when the text is not an object, cut short when too deep. */
  entries: JsonEntry[]
  /** The first key that comes twice, compared after unescaping (`"mod\u0065l"` is `"model"`); null when none does. */
  duplicate: string | null
  /** True when a key of the object itself is written with an escape: take its values by their spans then. */
  escapedKey: boolean
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
/** `[` and `]` are `{` and `}` without this bit, and no other byte of JSON outside strings becomes one of them. */
const CASE_BIT = 0x20
/** Below this many bytes a loop is quicker than the call into native code that finds the next quote. */
const SHORT_STRING_BYTES = 48
/** Up to here comparing keys with each other is quicker than filling a Set. */
const FEW_KEYS = 12

/** One pass over the bytes; stops as soon as the nesting exceeds `maxDepth` (at least 1). */
export function scanTopLevel(bytes: Buffer, maxDepth: number): TopLevel {
  const found: TopLevel = { depth: 0, entries: [], duplicate: null, escapedKey: false }
  let at = skipSpace(bytes, 0)
  if (bytes[at] !== OPEN_BRACE) {
    skipValue(bytes, at, found, 0, maxDepth)
    return found
  }
  found.depth = 1
  let seen: Set<string> | null = null
  do {
    at = skipSpace(bytes, at + 1)
    if (bytes[at] !== QUOTE) return found
    const keyEnd = stringEnd(bytes, at)
    const key = keyText(bytes, at + 1, keyEnd - 1, found)
    at = skipSpace(bytes, keyEnd)
    if (bytes[at] !== COLON) return found
    const start = skipSpace(bytes, at + 1)
    const end = skipValue(bytes, start, found, 1, maxDepth)
    if (found.duplicate === null) {
      if (seen === null && found.entries.length >= FEW_KEYS) seen = new Set(found.entries.map(keyOf))
      if (seen === null ? hasKey(found.entries, key) : seen.has(key)) found.duplicate = key
      seen?.add(key)
    }
    found.entries.push({ key, start, end })
    if (found.depth > maxDepth) return found
    at = skipSpace(bytes, end)
  } while (bytes[at] === COMMA)
  return found
}

/**
 * A copy of `bytes` in which the value at `span` is `json`, the text of a JSON value. Every other byte stays.
 *
 * @example replaceValue(body, span, JSON.stringify('gpt-4o'))
 */
export function replaceValue(bytes: Buffer, span: { start: number; end: number }, json: string): Buffer {
  const valueBytes = Buffer.byteLength(json)
  const copy = Buffer.allocUnsafe(bytes.length - (span.end - span.start) + valueBytes)
  bytes.copy(copy, 0, 0, span.start)
  copy.write(json, span.start)
  bytes.copy(copy, span.start + valueBytes, span.end)
  return copy
}

/** Where the value that begins at `at` ends. `base` is how deep it lies; the deepest point goes to `found.depth`. */
function skipValue(bytes: Buffer, at: number, found: TopLevel, base: number, maxDepth: number): number {
  const first = bytes[at] ?? 0
  if (first === QUOTE) return stringEnd(bytes, at)
  if ((first | CASE_BIT) === OPEN_BRACE) return containerEnd(bytes, at, found, base, maxDepth)
  let end = at
  while (end < bytes.length && !endsBareValue(bytes[end] ?? 0)) end += 1
  return end
}

function containerEnd(bytes: Buffer, start: number, found: TopLevel, base: number, maxDepth: number): number {
  let depth = base
  let deepest = found.depth
  let at = start
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) {
      at = stringEnd(bytes, at)
      continue
    }
    at += 1
    const bracket = byte | CASE_BIT
    if (bracket === OPEN_BRACE) {
      depth += 1
      if (depth > deepest) deepest = depth
      if (depth > maxDepth) break
    } else if (bracket === CLOSE_BRACE) {
      depth -= 1
      if (depth === base) break
    }
  }
  found.depth = deepest
  return at
}

/**
 * Where the string whose quote is at `start` ends, one after its closing quote; the end of the bytes when it never
 * closes. Long strings are left to the native search; after an escaped quote the loop takes over again, so that a
 * string full of them costs no native call for each.
 */
function stringEnd(bytes: Buffer, start: number): number {
  let at = start + 1
  while (at < bytes.length) {
    const until = Math.min(at + SHORT_STRING_BYTES, bytes.length)
    while (at < until) {
      const byte = bytes[at]
      if (byte === QUOTE) return at + 1
      at += byte === BACKSLASH ? 2 : 1
    }
    const quote = bytes.indexOf(QUOTE, at)
    if (quote < 0) break
    if (!isEscaped(bytes, at, quote)) return quote + 1
    at = quote + 1
  }
  return bytes.length
}

/** True when an odd number of backslashes stands before `quote`; `from` is where no escape is under way. */
function isEscaped(bytes: Buffer, from: number, quote: number): boolean {
  let at = quote
  while (at > from && bytes[at - 1] === BACKSLASH) at -= 1
  return (quote - at) % 2 === 1
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && isSpace(bytes[at] ?? 0)) at += 1
  return at
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function endsBareValue(byte: number): boolean {
  return byte === COMMA || (byte | CASE_BIT) === CLOSE_BRACE || isSpace(byte)
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** The key between its quotes, unescaped. */
function keyText(bytes: Buffer, start: number, end: number, found: TopLevel): string {
  let ascii = true
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0
    if (byte === BACKSLASH) {
      found.escapedKey = true
      return unescaped(bytes.toString('utf8', start, end))
    }
    if (byte >= 0x80) ascii = false
  }
  return bytes.toString(ascii ? 'latin1' : 'utf8', start, end)
}

function unescaped(raw: string): string {
  return raw.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_all, unit?: string, letter = '') =>
    unit === undefined ? (SHORT_ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(unit, 16)),
  )
}

function keyOf(entry: JsonEntry): string {
  return entry.key
}

function hasKey(entries: readonly JsonEntry[], key: string): boolean {
  for (const entry of entries) if (entry.key === key) return true
  return false
}
