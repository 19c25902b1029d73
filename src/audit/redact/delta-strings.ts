/**
 * The strings of one streamed event that are pieces of a longer text, and which text each belongs to. Reads names and
 * indexes alone, so it serves chat completions, completions, responses and what vendors add to their deltas.
 */

import { type JsonString, stringAt } from './json-text.ts'

/** A piece of a text; `lane` names the text: equal in all events of one. */
export type DeltaString = JsonString & { lane: string }

type Container = { parent: Container | null; array: boolean; key: string; indexes: string; inDelta: boolean }

const MAX_DEPTH = 64
const MAX_KEY_BYTES = 40

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Strings inside a delta that repeat or name something: joined, they would be a text nobody sent. */
const NAMES = new Set(['id', 'type', 'role', 'name', 'object', 'format', 'status'])

/**
 * Pieces in the JSON object from `from` to `to`, in order: every string below a `delta` object but names, a `delta`
 * that is a string itself (responses), and `text` of a choice (completions). Pieces of one text have the same path,
 * `index` numbers (`output_index`, …) in place of positions, and the same `type` of event. Empty when nested too deep.
 */
export function deltaStrings(bytes: Buffer, from: number, to: number): DeltaString[] {
  const found: { string: JsonString; key: string; inside: Container }[] = []
  const reader: Reader = { inside: null, key: '', isKey: false, depth: 0 }
  let at = from
  while (at < to && reader.depth <= MAX_DEPTH) {
    if (bytes[at] !== QUOTE) {
      step(reader, bytes, at, to)
      at += 1
      continue
    }
    const string = stringAt(bytes, at, to)
    at = string.end + 1
    const { inside, key } = reader
    if (inside === null) return []
    if (reader.isKey) reader.key = nameOf(bytes, string)
    else if (isPiece(key, inside)) found.push({ string, key, inside })
    else if (key === 'type' && inside.parent === null) inside.indexes += nameOf(bytes, string)
  }
  if (reader.depth > MAX_DEPTH) return []
  return found.map(({ string, key, inside }) => ({ ...string, lane: pathOf(key, inside) }))
}

/** Where the reader is: the container, the name of the member, and whether a string would be a name. */
type Reader = { inside: Container | null; key: string; isKey: boolean; depth: number }

function step(reader: Reader, bytes: Buffer, at: number, to: number): void {
  const byte = bytes[at]
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
    reader.inside = child(reader.inside, reader.key, byte === OPEN_BRACKET)
    reader.depth += 1
    reader.isKey = byte === OPEN_BRACE
    reader.key = ''
  } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
    reader.inside = reader.inside?.parent ?? null
    reader.depth -= 1
    reader.isKey = false
    reader.key = ''
  } else if (byte === COMMA) {
    reader.isKey = reader.inside?.array === false
  } else if (byte === COLON) {
    reader.isKey = false
    if (reader.inside !== null && reader.key.endsWith('index'))
      reader.inside.indexes += `#${numberAt(bytes, at + 1, to)}`
  }
}

function child(parent: Container | null, key: string, array: boolean): Container {
  return { parent, array, key, indexes: '', inDelta: parent !== null && (parent.inDelta || key === 'delta') }
}

function isPiece(key: string, inside: Container): boolean {
  if (inside.inDelta) return !NAMES.has(key)
  if (key === 'delta') return true
  return key === 'text' && inside.parent?.key === 'choices'
}

function nameOf(bytes: Buffer, { start, end }: JsonString): string {
  return bytes.toString('latin1', start, Math.min(end, start + MAX_KEY_BYTES))
}

function numberAt(bytes: Buffer, from: number, to: number): string {
  return /^\s*(\d{1,9})/.exec(bytes.toString('latin1', from, Math.min(to, from + 16)))?.[1] ?? ''
}

function pathOf(key: string, inside: Container): string {
  let path = key
  for (let at: Container | null = inside; at !== null; at = at.parent) path = `${at.key}${at.indexes}/${path}`
  return path
}
