/** Finds JSON inside prose: the objects a model wrote between its sentences. Bounded in brackets tried and characters walked. */

import type { JsonValue } from '../../lib/json.ts'
import type { SchemaCheck } from '../../lib/json-schema-check.ts'
import { parseJson } from './json-values.ts'
import { type Abstained, abstained } from './outcome.ts'

const MAX_STARTS = 1_000
const MAX_WALKED_CHARS = 5_000_000
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING = [0x7b, 0x5b]
const CLOSING = [0x7d, 0x5d]

/**
 * The first object of a text (or list, where `lists`) that parses and that `check` accepts; the problem of the first that
 * parsed when none is accepted; the abstention when the search met its bounds. `end` is one after its closing bracket.
 */
export function findJson(
  text: string,
  lists: boolean,
  check: SchemaCheck | null,
): { value: JsonValue; end: number } | { problem: string } | Abstained {
  const opening = lists ? /[{[]/g : /\{/g
  let left = MAX_WALKED_CHARS
  let problem: string | null = null
  for (let starts = 0; starts < MAX_STARTS && left > 0; starts += 1) {
    const opened = opening.exec(text)
    if (opened === null) return { problem: problem ?? 'Nothing in it parses as JSON.' }
    const { index: start } = opened
    const { end, closed } = walkBrackets(text, start, left)
    left -= end - start
    const parsed = closed ? parseJson(text.slice(start, end)) : null
    if (parsed === null || !('value' in parsed)) continue
    const wrong = check?.(parsed.value) ?? null
    if (wrong === null) return { ...parsed, end }
    problem ??= wrong.message
    opening.lastIndex = end
  }
  return abstained(
    'The answer has more brackets than are searched for JSON, and none of the first ones fits.',
  )
}

/** One after where the bracket at `start` is closed, or how far it looked. Brackets within strings do not count. */
function walkBrackets(text: string, start: number, maxChars: number): { end: number; closed: boolean } {
  const last = Math.min(text.length, start + maxChars)
  let depth = 0
  let inString = false
  for (let at = start; at < last; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) inString = !inString
    else if (inString) at += unit === BACKSLASH ? 1 : 0
    else if (OPENING.includes(unit)) depth += 1
    else if (CLOSING.includes(unit)) {
      depth -= 1
      if (depth === 0) return { end: at + 1, closed: true }
    }
  }
  return { end: last, closed: false }
}
