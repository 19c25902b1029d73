/** Whether what a policy lets alerts do can be done: its metrics, and the suites that it would run. Pure. */

import type { Suite } from '../../evals/suites/suite.ts'
import { metricProblem } from '../../lib/metric-names.ts'
import type { Policy } from '../policy.ts'
import type { AlertRule } from './rules.ts'

type ReadSuite = { name: string; read: Suite | { problems: readonly string[] } }
type Labels = readonly { route: string; label: string }[]

/** Suites that alerts may start and no promotion asks for. */
export function alertSuites({ onAlert, suites }: Policy): string[] {
  const named = onAlert.flatMap((rule) => rule.suites ?? [])
  return [...new Set(named)].filter((name) => !suites.includes(name))
}

/** With the place of each: `on_alert.0.metrics`. `suites`: those of `alertSuites`. */
export function alertRuleProblems(policy: Policy, suites: readonly ReadSuite[], labels: Labels): string[] {
  return policy.onAlert.flatMap((rule, at) => [
    ...rule.metrics.flatMap((metric) => {
      const problem = metricProblem(metric)
      return problem === null ? [] : [`on_alert.${at}.metrics: ${problem}`]
    }),
    ...suiteProblems(policy, rule, at),
    ...suites
      .filter(({ name }) => rule.suites?.includes(name) === true)
      .flatMap((suite) => fitProblems(suite, at, labels)),
  ])
}

function suiteProblems({ suites }: Policy, rule: AlertRule, at: number): string[] {
  if (!rule.actions.includes('run_suite') || rule.suites !== null || suites.length > 0) return []
  return [`on_alert.${at}: run_suite has no suite to run. Name some: suites: [support-answer]`]
}

function fitProblems({ name, read }: ReadSuite, at: number, labels: Labels): string[] {
  if ('problems' in read) return read.problems.map((problem) => `on_alert.${at}.suites: ${problem}`)
  const [subject] = read.subject.split('@')
  return labels
    .filter(({ route }) => route !== subject)
    .map(
      ({ route, label }) =>
        `on_alert.${at}.suites: ${route}@${label} has this policy, and evals/${name}.yaml is about ${read.subject}.`,
    )
}
