/** Turns a kind into its opposite: `not-contains` from `contains`. The one place where a judgement is turned round. */

import { RequestError } from '../../errors.ts'
import type { ScoreOutcome, ScorerKind } from './scorer.ts'

export const NEGATION = 'not-'

/** `contains` of `contains` and of `not-contains`. */
export function plainKind(kind: string): string {
  return kind.startsWith(NEGATION) ? kind.slice(NEGATION.length) : kind
}

/** The opposite of a kind. Throws RequestError for one whose values are not binary: half a share has no opposite. */
export function negate(kind: ScorerKind): ScorerKind {
  if (kind.values !== 'binary') {
    const message = `"${NEGATION}${kind.kind}" does not exist, as "${kind.kind}" gives a number and not a yes or no. Set a threshold in the gate instead.`
    throw new RequestError('unsupported_operation', message, { param: 'kind' })
  }
  return {
    ...kind,
    kind: `${NEGATION}${kind.kind}`,
    summary: `Not: ${kind.summary}`,
    prepare(settings) {
      const score = kind.prepare(settings)
      return async (sample, signal, tools) => opposite(await score(sample, signal, tools))
    },
  }
}

/** What could not be judged stays so: the opposite of not knowing is not knowing. */
function opposite(outcome: ScoreOutcome): ScoreOutcome {
  if (outcome.outcome !== 'scored') return outcome
  const passed = outcome.passed === null ? null : !outcome.passed
  return { ...outcome, value: 1 - outcome.value, passed, reason: `Wanted is the opposite. ${outcome.reason}` }
}
