/** What of a plan a check measures, and what it says without measuring. Pure. */

import type { SuiteFile } from '../evals.ts'
import type { Candidate, ChangePlan } from '../sync/plan.ts'
import { suitesFor } from './suites-for.ts'

export type Measured = { candidate: Candidate; suites: readonly SuiteFile[] }
export type Scope = {
  measured: readonly Measured[]
  /** Routes that changed and that no named suite asks; the person left them out on purpose. */
  leftOut: readonly string[]
  /** Candidates with a change that no suite asks, of routes that the label does not serve. */
  unasked: readonly Candidate[]
  /** Routes of which somebody has to make the next release. */
  mixed: ChangePlan['mixed']
}

/** With suites that were named (`isNamed`), routes that these do not ask are no matter of the check. */
export function scopeOf(
  { candidates, mixed }: Pick<ChangePlan, 'candidates' | 'mixed'>,
  suites: readonly SuiteFile[],
  isNamed: boolean,
): Scope {
  const all = candidates.map((candidate) => ({ candidate, suites: suitesFor(candidate.route, suites) }))
  // Without a suite, what the label serves may have become worse; what it does not serve can become so for nobody.
  const isMeasured = ({ candidate: { isServed }, suites: own }: Measured) =>
    own.length > 0 || (isServed && !isNamed)
  const unmeasured = all
    .filter((one) => !isMeasured(one) && one.candidate.changes.length > 0)
    .map(({ candidate }) => candidate)
  const isAsked = ({ route }: { route: string }) => !isNamed || suitesFor(route, suites).length > 0
  const strangers = [...unmeasured, ...mixed].filter((one) => !isAsked(one))
  return {
    measured: all.filter(isMeasured),
    leftOut: strangers.map(({ route }) => route).toSorted(),
    unasked: unmeasured.filter(isAsked),
    mixed: mixed.filter(isAsked),
  }
}
