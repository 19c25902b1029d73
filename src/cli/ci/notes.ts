/** What a check says of routes that it did not measure, a sentence each: the same on a terminal, in a comment and in JUnit. Pure. */

import type { ChangePlan, Kept } from '../sync/plan.ts'
import type { Unmet } from './suites-for.ts'

/** Of a route that the label serves. */
export const UNASKED = 'No suite asks this route, so nobody knows whether it is worse.'

export function keptText({ route, kind, name, file, pinned }: Kept): string {
  return `${route} keeps ${kind} ${name}@${pinned}: the file is @${file}, an older one. To go back on purpose: aval release create ${route} --${kind} ${name}@${file}`
}

export function mixedText({ route, model }: Pick<ChangePlan['mixed'][number], 'route' | 'model'>): string {
  return `${route} has model ${model} in several versions; make its next release by hand.`
}

export function leftOutText(route: string): string {
  return `${route} changed too. No suite that was named asks it.`
}

/** Of a route that `label` does not serve. */
export function unaskedText({ route, release }: { route: string; release: number }, label: string): string {
  return `${route} r${release} has what changed. ${label} does not serve the route and no suite asks it, so it is not measured.`
}

/** Of a suite that the policy of `label` demands. */
export function unmetText({ route, policy, suite, asks }: Unmet, label: string): string {
  const what = asks === null ? 'no suite here' : `about ${asks}`
  return `evals/${suite}.yaml is ${what}, and policy ${policy} of ${route}@${label} demands it of ${route}. Write it with subject: ${route}, or take it out of the policy.`
}

/** Of one that was left out on purpose. */
export function sparedText({ route, policy, suite }: Unmet, label: string): string {
  return `${route}: policy ${policy} of ${route}@${label} demands ${suite} too, which was not named and so not run.`
}
