/** Whether a policy can keep its word: its suites, their scorers, and the labels that have it. Pure. */

import type { Suite, SuiteScorer } from '../evals/suites/suite.ts'
import { nearest } from '../lib/nearest.ts'
import { alertRuleProblems } from './actions/check-rules.ts'
import { demandsNothing, type Policy, type PolicyRule } from './policy.ts'

type ReadSuite = { name: string; read: Suite | { problems: readonly string[] } }

/**
 * `problems` keep every promotion under the policy from passing, or an alert from doing what it may; `notes` do not. `suites`:
 * those of the policy, `ofAlerts` those that only alerts start.
 */
export function checkPolicy(
  policy: Policy,
  suites: readonly ReadSuite[],
  labels: readonly { route: string; label: string }[],
  ofAlerts: readonly ReadSuite[] = [],
): { problems: string[]; notes: string[] } {
  const readable = suites.flatMap(({ read }) => ('problems' in read ? [] : [read]))
  return {
    problems: [
      ...suites.flatMap(({ read }) => ('problems' in read ? read.problems : [])),
      ...(policy.rules.length > 0 && policy.suites.length === 0
        ? ['require: the rules are about no suite. Name the suites.']
        : []),
      ...policy.rules.flatMap((rule, at) => ruleProblems(rule, at, readable)),
      ...readable.flatMap((suite) => suiteProblems(policy, suite, labels)),
      ...alertRuleProblems(policy, ofAlerts, labels),
    ],
    notes: [...notesOf(policy, labels), ...readable.flatMap(datasetNotes)],
  }
}

function ruleProblems({ scorer, suite }: PolicyRule, at: number, suites: readonly Suite[]): string[] {
  const asked = suite === null ? suites : suites.filter(({ name }) => name === suite)
  if (suite !== null && asked.length === 0) return [`require.${at}: "${suite}" is not among its suites.`]
  const names = asked.flatMap(({ scorers }) => scorers.map(({ name }) => name))
  if (names.length === 0 || names.includes(scorer)) return []
  const meant = nearest(scorer, names)
  const hint = meant === null ? `They have ${names.join(', ')}.` : `Did you mean "${meant}"?`
  return [`require.${at}: no suite of it has a scorer "${scorer}". ${hint}`]
}

function suiteProblems(
  policy: Policy,
  suite: Suite,
  labels: readonly { route: string; label: string }[],
): string[] {
  const [subject] = suite.subject.split('@')
  const strangers = labels.filter(({ route }) => route !== subject)
  const ruled = policy.rules.some(
    ({ suite: of, scorer }) =>
      (of === null || of === suite.name) && suite.scorers.some(({ name }) => name === scorer),
  )
  return [
    ...strangers.map(
      ({ route, label }) =>
        `${route}@${label} has this policy, and evals/${suite.name}.yaml is about ${suite.subject}: it says nothing of ${route}.`,
    ),
    ...(ruled || suite.scorers.some(hasGate)
      ? []
      : [`evals/${suite.name}.yaml demands nothing of any scorer, and no rule does: it proves nothing.`]),
  ]
}

function hasGate({ gates }: SuiteScorer): boolean {
  const { flipsAtMost = {}, ...bars } = gates
  return Object.values(bars).some((bar) => bar !== null) || Object.keys(flipsAtMost).length > 0
}

function datasetNotes({ name, dataset }: Suite): string[] {
  if (dataset.version !== null) return []
  return [
    `evals/${name}.yaml takes the newest version of ${dataset.name}, which any engineer may push. Pin it where that matters: ${dataset.name}@…`,
  ]
}

function notesOf(policy: Policy, labels: readonly { route: string; label: string }[]): string[] {
  return [
    ...(labels.length === 0 ? ['No label has it.'] : []),
    ...(demandsNothing(policy) && labels.length > 0
      ? [
          `${labels.map(({ route, label }) => `${route}@${label}`).join(', ')}: moves are recorded, nothing is demanded.`,
        ]
      : []),
    ...(policy.approvals.count === 0 && !demandsNothing(policy) ? ['Nobody has to approve.'] : []),
  ]
}
