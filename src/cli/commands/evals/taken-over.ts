/** What `aval eval` says and asks for about answers that are taken over from earlier runs. */

import { isJsonObject, type JsonValue } from '../../../lib/json.ts'
import { durationText } from '../../../lib/units.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatTime } from '../../format.ts'
import type { Terminal } from '../../terminal.ts'
import type { EvalPlan, EvalRunProgress } from './wire.ts'

/** The member `cache` of a suite as the flags have it; nothing where they are silent. `own` is what the suite's file says. */
export function cacheOf(
  { cache, maxAge }: { cache?: boolean; maxAge?: string },
  own: unknown,
): { cache?: boolean | { max_age: string } } {
  if (cache === false) {
    if (maxAge === undefined) return { cache: false }
    throw new CliError(
      EXIT.usage,
      '--no-cache takes nothing over, so --max-age means nothing. Leave one out.',
    )
  }
  if (maxAge !== undefined) return { cache: { max_age: maxAge } }
  // What the file says of age stands.
  return cache === true && !isJsonObject(own as JsonValue) ? { cache: true } : {}
}

/** Of all runs of a plan; null where none takes anything over. */
export function takenOverText(there: readonly EvalPlan['taken_over'][]): string | null {
  const asked = there.filter((one) => one !== null)
  if (asked.length === 0) return null
  const known = asked.filter((one) => one.answers !== null)
  const anew = asked.length - known.length
  const sum = (read: (one: (typeof known)[number]) => number | null) =>
    known.reduce((total, one) => total + (read(one) ?? 0), 0)
  const unknown = 'nothing of what may be another model tomorrow: those that run here, routes of aval.yaml'
  if (known.length === 0) return unknown
  const age = `not older than ${durationText(Math.max(...asked.map((one) => one.max_age_s)) * 1000)}`
  const counted = `${sum((one) => one.answers)} of ${sum((one) => one.of)} answers are there, ${age}`
  return anew === 0 ? counted : `${counted}; ${unknown}`
}

/** Of a run that is under way or has ended. */
export function takenText(
  terminal: Pick<Terminal, 'timeZone'>,
  {
    answers,
    judgements,
    saved_usd: saved,
    saved_unpriced: unpriced,
    oldest_at,
  }: NonNullable<EvalRunProgress['progress']['taken_over']>,
): string {
  const unknown = unpriced === 0 ? '' : `, unknown of ${unpriced}`
  return `${answers} answers and ${judgements} judgements of earlier runs, the oldest of ${formatTime(terminal, oldest_at)}; $${saved} saved${unknown}`
}
