/** What of a plan a check measures, and what it says without measuring. Pure. */

import type { SuiteFile } from '../evals.ts'
import type { Candidate, ChangePlan } from '../sync/plan.ts'
import { suitesFor } from './suites-for.ts'

export type Measured = { candidate: Candidate; suites: readonly SuiteFile[] }
export type Scope = {
  measured: readonly Measured[]
  /** Routes that changed and that no named suite asks; the person left them out on purpose. */
  leftOut: readonly string[]
  /** Routes of which somebody has to make the next release. */
  mixed: ChangePlan['mixed']
}

/** With suites that were named (`isNamed`), routes that these do not ask are no matter of the check. */
export function scopeOf(
  { candidates, mixed }: Pick<ChangePlan, 'candidates' | 'mixed'>,
  suites: readonly SuiteFile[],
  isNamed: boolean,
): Scope {
  const isLeftOut = ({ route }: { route: string }) => isNamed && suitesFor(route, suites).length === 0
  const changed = [...candidates.filter(({ changes }) => changes.length > 0), ...mixed]
  return {
    // A route that no label serves and no suite asks can become worse for nobody.
    measured: candidates
      .map((candidate) => ({ candidate, suites: suitesFor(candidate.route, suites) }))
      .filter((one) => one.suites.length > 0 || (one.candidate.isServed && !isNamed)),
    leftOut: changed
      .filter(isLeftOut)
      .map(({ route }) => route)
      .toSorted(),
    mixed: mixed.filter((one) => !isLeftOut(one)),
  }
}
