/** Which suites a changed route needs: the one place that says so, for files and for policies that demand some. Pure. */

import type { SuiteFile } from '../evals.ts'

/** What the policy of a route's label demands; `suites` are names of files, `evals/<name>.yaml`. */
export type Demand = { route: string; policy: string; suites: readonly string[] }
/** `asks` is the subject of the file with this name, null without one. */
export type Unmet = { route: string; policy: string; suite: string; asks: string | null }

/** Every suite that asks this route, by whichever label or release the file names. */
export function suitesFor(route: string, suites: readonly SuiteFile[]): readonly SuiteFile[] {
  return suites.filter((suite) => routeOf(suite) === route)
}

/** The demanded suites that are not among those of the route, because of their subject or for want of a file. */
export function unmetBy({ route, policy, suites: demanded }: Demand, suites: readonly SuiteFile[]): Unmet[] {
  const own = new Set(suitesFor(route, suites).map(({ name }) => name))
  return demanded
    .filter((suite) => !own.has(suite))
    .map((suite) => {
      const other = suites.find(({ name }) => name === suite)
      return { route, policy, suite, asks: other === undefined ? null : String(other.body.subject) }
    })
}

/** `support-answer` of `support-answer@staging`; null for a suite that asks a model, or nobody. */
export function routeOf({ body }: SuiteFile): string | null {
  const { subject } = body
  if (typeof subject !== 'string' || subject === 'recorded' || subject.includes('/')) return null
  return subject.replace(/@[^@]*$/, '')
}
