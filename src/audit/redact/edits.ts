/** Finds what the rules name in whole texts, alone or as the strings of JSON, and puts replacements into a copy. */

import type { Finding } from './detectors.ts'
import { type JsonString, rawPositions, stringAt, unescapeInto } from './json-text.ts'
import { merged, type Ruleset, type Tally } from './ruleset.ts'

/** `text` (ASCII) in place of the bytes `start` to `end`. */
export type Edit = { start: number; end: number; text: string }

const QUOTE = 0x22

/** Everything the rules find in a text that is whole; overlaps made one, counted in `tally`. */
function findingsIn(ruleset: Ruleset, tally: Tally, bytes: Buffer, from: number, to: number): Finding[] {
  const found: Finding[] = []
  for (const scan of ruleset.scans) scan({ bytes, from, floor: from, to, final: true, runs: null }, found)
  for (const { kind } of found) tally.add(ruleset, kind)
  return ruleset.scans.length === 1 ? found : merged(found)
}

/** Edits for a text without structure. */
export function textEdits(ruleset: Ruleset, tally: Tally, bytes: Buffer, from: number, to: number): Edit[] {
  return findingsIn(ruleset, tally, bytes, from, to).map(({ kind, start, end }) => ({
    start,
    end,
    text: ruleset.replacement(kind, bytes.subarray(start, end)),
  }))
}

function stringEdits(ruleset: Ruleset, tally: Tally, bytes: Buffer, string: JsonString): Edit[] {
  if (!string.escaped) return textEdits(ruleset, tally, bytes, string.start, string.end)
  const text = Buffer.allocUnsafe(string.end - string.start)
  const length = unescapeInto(text, 0, bytes, string)
  const found = findingsIn(ruleset, tally, text, 0, length)
  if (found.length === 0) return []
  const positions = found.flatMap(({ start, end }) => [start, end])
  const raw = rawPositions(bytes, string, positions)
  return found.map(({ kind, start, end }, index) => ({
    start: raw[index * 2] ?? string.end,
    end: raw[index * 2 + 1] ?? string.end,
    text: ruleset.replacement(kind, text.subarray(start, end)),
  }))
}

/**
 * Edits for JSON from `from` to `to`: every string is a text of its own, keys included, so that nothing found crosses
 * a quote. A number that is found becomes a string, since a replacement is no number. Strings that begin at a position
 * in `skip` are left to the caller.
 */
export function jsonEdits(
  ruleset: Ruleset,
  tally: Tally,
  bytes: Buffer,
  from: number,
  to: number,
  skip: ReadonlySet<number> | null = null,
): Edit[] {
  const edits: Edit[] = []
  const add = (more: readonly Edit[]) => {
    for (const edit of more) edits.push(edit)
  }
  let at = from
  let bare = from
  while (at < to) {
    if (bytes[at] !== QUOTE) {
      at += 1
      continue
    }
    add(bareEdits(ruleset, tally, bytes, bare, at))
    const string = stringAt(bytes, at, to)
    if (skip?.has(string.start) !== true) add(stringEdits(ruleset, tally, bytes, string))
    at = string.end + 1
    bare = at
  }
  add(bareEdits(ruleset, tally, bytes, bare, to))
  return edits
}

const MIN_BARE_BYTES = 4
/** What stands between strings and is neither punctuation nor a space: in JSON numbers, true, false and null. */
const BARE = /[^\s,:[\]{}]+/g
const LITERAL = /^(?:-?\d[\d.eE+-]*|true|false|null)$/
const TWO_BARE = /[^\s,:[\]{}]\s+[^\s,:[\]{}]/
/** Of numbers, the built-in kinds know cards alone. */
const MAY_BE_CARD = /\d{13}/

/** Each number by itself and replaced whole, for half a number would be another one. What is no JSON is text. */
function bareEdits(ruleset: Ruleset, tally: Tally, bytes: Buffer, from: number, to: number): Edit[] {
  if (to - from < MIN_BARE_BYTES) return []
  const segment = bytes.toString('latin1', from, to)
  if (TWO_BARE.test(segment)) return textEdits(ruleset, tally, bytes, from, to)
  const edits: Edit[] = []
  for (const { 0: token, index } of segment.matchAll(BARE)) {
    if (!LITERAL.test(token)) return textEdits(ruleset, tally, bytes, from, to)
    if (!ruleset.hasPatterns && !MAY_BE_CARD.test(token)) continue
    const start = from + index
    const [first] = findingsIn(ruleset, tally, bytes, start, start + token.length)
    if (first === undefined) continue
    const text = ruleset.replacement(first.kind, bytes.subarray(first.start, first.end))
    edits.push({ start, end: start + token.length, text: `"${text}"` })
  }
  return edits
}

/** A copy with the edits made; they are in order and do not overlap. The same bytes when there are none. */
export function applyEdits(bytes: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes
  const pieces: Buffer[] = []
  let from = 0
  for (const { start, end, text } of edits) {
    pieces.push(bytes.subarray(from, start), Buffer.from(text, 'latin1'))
    from = end
  }
  pieces.push(bytes.subarray(from))
  return Buffer.concat(pieces)
}
