/**
 * Regular expressions that people write, run by RE2 (https://github.com/google/re2/wiki/Syntax): time grows with the
 * text alone, whatever the pattern. Nothing a user writes may reach RegExp, where `(a+)+$` needs 2^n steps.
 */

import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'

export type LinearRegex = RE2JS

/** Longer ones are generated lists, which belong into several patterns. */
const MAX_PATTERN_CHARS = 1000
/** Instructions; `[a-f]{1000}` a dozen times over is short to write and has more. */
const MAX_PROGRAM_SIZE = 10_000

/** Read when the first pattern is: most commands and most configurations have none. */
const load = createRequire(import.meta.url)

/**
 * The compiled pattern, or why it is refused, as what is expected in its place. Whoever replaces what matches wants no
 * pattern that matches nothing; whoever only asks whether one matches may allow it.
 */
export function compileLinearRegex(
  pattern: string,
  emptyMatches: 'refused' | 'allowed' = 'refused',
): LinearRegex | { expected: string } {
  if (pattern.length > MAX_PATTERN_CHARS)
    return { expected: `a pattern of at most ${MAX_PATTERN_CHARS} characters` }
  const { RE2JS: engine } = load('re2js') as typeof import('re2js')
  let compiled: RE2JS
  try {
    compiled = engine.compile(pattern)
  } catch (error) {
    // Converted into what the person who wrote the pattern can do about it.
    return { expected: remedy(pattern, error instanceof Error ? error.message : String(error)) }
  }
  if (compiled.programSize() > MAX_PROGRAM_SIZE) return { expected: 'a pattern with smaller repetitions' }
  if (emptyMatches === 'refused' && matchesNothing(compiled))
    return { expected: 'a pattern that needs at least one character to match' }
  return compiled
}

/** Beginnings, ends and borders of words and lines, where a pattern such as `\b` or `^` matches no character. */
const PROBES = ['', 'a 1-\n b']

function matchesNothing(compiled: RE2JS): boolean {
  return PROBES.some((probe) => [...compiled.matchAll(probe)].some(([match]) => match === ''))
}

/** What the engine quotes of the pattern; a long one may be a secret in the wrong place. */
const LONG_QUOTE = /: `[\s\S]{24,}`$/

function remedy(pattern: string, message: string): string {
  const why = message.replace(/^error parsing regexp: /, '').replace(LONG_QUOTE, '')
  if (/\(\?<?[=!]/.test(pattern))
    return `a pattern in RE2 syntax, which has no lookaround (write what stands around the value into the pattern; ${why})`
  if (/\\[1-9]|\\k/.test(pattern))
    return `a pattern in RE2 syntax, which has no backreferences (write the repeated part out; ${why})`
  return `a pattern in RE2 syntax (${why})`
}
