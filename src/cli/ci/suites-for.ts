/** Which suites a changed route needs: the one place that says so, for whatever else may come to demand some. Pure. */

import type { SuiteFile } from '../evals.ts'

/** Every suite that asks this route, by whichever label or release the file names. */
export function suitesFor(route: string, suites: readonly SuiteFile[]): readonly SuiteFile[] {
  return suites.filter((suite) => routeOf(suite) === route)
}

/** `support-answer` of `support-answer@staging`; null for a suite that asks a model, or nobody. */
export function routeOf({ body }: SuiteFile): string | null {
  const { subject } = body
  if (typeof subject !== 'string' || subject === 'recorded' || subject.includes('/')) return null
  return subject.replace(/@[^@]*$/, '')
}
