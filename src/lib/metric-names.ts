/** What a metric may be called in a rule or a policy, and which names nothing is watched by. Pure. */

import { fitsPattern } from './name-pattern.ts'
import { nearest } from './nearest.ts'
import { METRICS } from './watched-metrics.ts'

/** Metrics that are named after what they are about: `score:grounded`, `data:question_content`. */
const FAMILIES = [
  'score:',
  'score_abstained:',
  'score_errors:',
  'score_skipped:',
  'retrieval_cosine_p50:',
  'retrieval_empty:',
  'data:',
] as const

/** What is wrong with a name, in which `*` stands for any letters, as a sentence; null for nothing. */
export function metricProblem(pattern: string): string | null {
  if (Object.keys(METRICS).some((metric) => fitsPattern(pattern, metric)) || namesFamily(pattern)) return null
  const known = [...Object.keys(METRICS), ...FAMILIES.map((family) => `${family}*`)]
  const meant = nearest(pattern, known)
  const hint = meant === null ? `There are ${known.join(', ')}.` : `Did you mean "${meant}"?`
  return `nothing is watched by the name "${pattern}". ${hint}`
}

function namesFamily(pattern: string): boolean {
  const [start = ''] = pattern.split('*', 1)
  return FAMILIES.some(
    (family) => start.startsWith(family) || (pattern.includes('*') && family.startsWith(start)),
  )
}

/** What is wrong with the name of the one metric that a bar is for, as a sentence; null for nothing. */
export function barMetricProblem(name: string): string | null {
  if (name.includes('*'))
    return `"${name}" stands for several metrics. A bar is for one: write its whole name.`
  if (name.startsWith('data:'))
    return `"${name}" compares two windows of traffic and has no value of its own. Leave above and below out.`
  if (FAMILIES.some((family) => family === name))
    return `"${name}" says not of what. Write ${name}grounded, say.`
  return metricProblem(name)
}

/** Whether only routes have the metric: what is judged and searched belongs to a route. */
export function isOfRoutesAlone(metric: string): boolean {
  return !Object.hasOwn(METRICS, metric)
}
