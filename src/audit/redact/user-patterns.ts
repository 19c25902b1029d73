/** Patterns from the configuration, run by RE2 over stretches of bounded length, so that long texts cost no more than their length. */

import { compileLinearRegex, type LinearRegex } from '../../lib/linear-regex.ts'
import type { Scan } from './detectors.ts'
import type { Text } from './text.ts'

/** A longer match may be found in part only; a stream holds back this much of a text, and a stride. */
const MAX_MATCH_BYTES = 256
/** Looked at in one go, beyond what a match that begins in it may need. */
const STRIDE_BYTES = 768
/** A text that grows by a few letters at a time is looked at again after so many. */
const MIN_STRIDE_BYTES = 128

/** Finds the pattern in a text of UTF-8. Throws RangeError for a pattern that the configuration should have refused. */
export function createPatternScan(name: string, regex: string): Scan {
  const pattern = compileLinearRegex(regex)
  if ('expected' in pattern) throw new RangeError(`Pattern "${name}": ${pattern.expected} is expected.`)
  return (text, found) => {
    let at = text.floor
    while (at < text.to) {
      const end = Math.min(text.to, at + STRIDE_BYTES + MAX_MATCH_BYTES)
      if (!text.final && end - at < MIN_STRIDE_BYTES + MAX_MATCH_BYTES) return at
      const settled = settledEnd(text, end)
      const match = firstMatch(pattern, text, at, end)
      if (match !== null && match.start < settled) {
        // An empty one (`\b` has them between letters) covers nothing, and must not be found for ever.
        if (match.end > match.start) found.push({ kind: name, ...match })
        at = Math.max(match.end, match.start + 1)
      } else {
        at = settled === text.to ? settled : characterStart(text.bytes, settled)
      }
    }
    return at
  }
}

/** A match that begins before this and keeps to the bound is seen whole when the text is seen to `end`. */
function settledEnd({ to, final }: Text, end: number): number {
  return end === to && final ? end : end - MAX_MATCH_BYTES
}

/** The leftmost match in `at` to `end`; what stands before `at` counts for `^` and `\b` only. */
function firstMatch(
  pattern: LinearRegex,
  { bytes, from }: Text,
  at: number,
  end: number,
): { start: number; end: number } | null {
  // The quick answer first: it needs no positions. One byte before is all that RE2 looks back.
  const before = Math.max(from, at - 1)
  if (!pattern.test(bytes.subarray(before, end))) return null
  const matcher = pattern.matcher(bytes.subarray(from, end))
  if (!matcher.find(at - from)) return null
  return { start: matcher.start() + from, end: matcher.end() + from }
}

/** The position, or the beginning of the character that it lies in. */
function characterStart(bytes: Buffer, position: number): number {
  let at = position
  while (at > 0 && position - at < 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at -= 1
  return at
}
