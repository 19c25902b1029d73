/** How kinds put a judgement into words: the outcomes of `scorer.ts`, and what of a text fits into a reason. */

import type { JsonValue } from '../../lib/json.ts'
import type { ScoreOutcome } from './scorer.ts'

/** Longer answers are not taken apart into words or sentences: a million characters is a long novel. */
export const MAX_ANALYSED_CHARS = 1_000_000
const MAX_QUOTED_CHARS = 80
const MAX_NAMED = 20

/** 1 when it holds, 0 when not; for kinds whose values are binary. */
export function verdict(holds: boolean, reason: string, details?: JsonValue): ScoreOutcome {
  return {
    outcome: 'scored',
    value: holds ? 1 : 0,
    passed: holds,
    reason,
    ...(details !== undefined && { details }),
  }
}

/** A share from 0 to 1; passed when it reaches the threshold, null without one. */
export function share(
  value: number,
  threshold: number | undefined,
  reason: string,
  details?: JsonValue,
): ScoreOutcome {
  const passed = threshold === undefined ? null : value >= threshold
  return { outcome: 'scored', value, passed, reason, ...(details !== undefined && { details }) }
}

/** The outcome of a kind that cannot tell. */
export type Abstained = Extract<ScoreOutcome, { outcome: 'abstained' }>

export function abstained(reason: string): Abstained {
  return { outcome: 'abstained', reason }
}

export function failed(reason: string): ScoreOutcome {
  return { outcome: 'error', reason }
}

/** For a text that is longer than the kind takes apart. `what` is e.g. "The answer". */
export function tooLong(what: string, chars: number, maxChars: number): Abstained {
  return abstained(`${what}: ${chars} characters, and this scorer takes at most ${maxChars} apart.`)
}

/** The first `maxChars` of a text, with an ellipsis when some are missing and no half of a surrogate pair. */
export function clip(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1).toWellFormed()}…`
}

/** A text in quotes as a reason shows it. */
export function quoted(text: string): string {
  return JSON.stringify(clip(text, MAX_QUOTED_CHARS))
}

/** Names in quotes, the first twenty. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none'
  const shown = names.slice(0, MAX_NAMED).map(quoted).join(', ')
  return names.length > MAX_NAMED ? `${shown} and ${names.length - MAX_NAMED} more` : shown
}

/** A number as a reason shows it: at most four decimals. */
export function rounded(value: number): string {
  return String(Math.round(value * 10_000) / 10_000)
}
