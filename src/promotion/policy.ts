/** What a label demands before it is moved: the policy's rules as values, and as sentences. Pure. */

import { durationText } from '../lib/units.ts'
import { contentOf } from '../registry/content.ts'
import { type AlertRule, alertRuleText } from './actions/rules.ts'
import type { Plan } from './canary/plan.ts'
import { type Freeze, freezeText } from './freeze.ts'

/** The metadata that an item must have to belong to a slice. */
export type Slice = Readonly<Record<string, string | number | boolean>>

export type PolicyRule = {
  /** Null: of every suite that has the scorer. */
  suite: string | null
  scorer: string
  /** Null: all items. */
  slice: Slice | null
  atLeast: number | null
  atMost: number | null
  notWorseBy: number | null
  flipsAtMost: Readonly<Record<string, number>>
}

/** How much of the live traffic of both releases is judged, above 0 and up to 1; micro-USD of what judges ask, as text. */
export type CanaryPolicy = Plan & { sample: number; budget: string | null }

type ApproverRole = 'admin' | 'engineer' | 'approver'

export type Policy = {
  name: string
  description: string | null
  /** Files `evals/<name>.yaml`; what they demand of their scorers holds too. */
  suites: readonly string[]
  rules: readonly PolicyRule[]
  /** Of each one-sided decision. */
  alpha: number
  /** `each`: all rules must pass at alpha, which keeps a wrong pass below alpha. `holm`: adjusted for their number. */
  multiple: 'each' | 'holm'
  evidence: { itemsMin: number; freshMs: number; coverage: number }
  completeCard: boolean
  approvals: { count: number; roles: readonly ApproverRole[]; expireMs: number }
  freeze: readonly Freeze[]
  canary: CanaryPolicy | null
  /** What an alert about the route may do by itself. */
  onAlert: readonly AlertRule[]
}

/** Of a label that no file gives one: moves are recorded, and nothing is demanded. */
export const OPEN: Policy = {
  name: 'open',
  description: null,
  suites: [],
  rules: [],
  alpha: 0.05,
  multiple: 'each',
  evidence: { itemsMin: 1, freshMs: 30 * 86_400_000, coverage: 0.98 },
  completeCard: false,
  approvals: { count: 0, roles: ['approver'], expireMs: 7 * 86_400_000 },
  freeze: [],
  canary: null,
  onAlert: [],
}

/** True for a policy under which a label may be moved at once by whoever may ask for it. */
export function demandsNothing(policy: Policy): boolean {
  const { suites, rules, completeCard, approvals, freeze, canary } = policy
  return (
    suites.length + rules.length + freeze.length + approvals.count === 0 && !completeCard && canary === null
  )
}

export function demandsEvidence({ suites, rules }: Pick<Policy, 'suites' | 'rules'>): boolean {
  return suites.length + rules.length > 0
}

/** Canonical text and hash of everything that the policy demands: a decision names the rules it was made by. */
export function policyContent(policy: Policy): { text: string; hash: string } {
  return contentOf(policy)
}

/** Of a row that this version, or one from before alerts did anything, wrote. */
export function parsePolicy(text: string): Policy {
  return { onAlert: [], ...(JSON.parse(text) as Omit<Policy, 'onAlert'>) }
}

/** `language = de`; the empty text for all items. */
export function sliceText(slice: Slice | null): string {
  if (slice === null) return ''
  return Object.entries(slice)
    .map(([key, value]) => `${key} = ${value}`)
    .join(', ')
}

/** Every demand as a sentence, in the order in which it is met. */
export function explainPolicy(policy: Policy): string[] {
  const { suites, evidence, approvals, canary, alpha, multiple } = policy
  return [
    ...(demandsNothing(policy) ? ['Demands nothing: every move is recorded, and nobody is asked.'] : []),
    ...(suites.length > 0 ? [`The suites ${suites.join(', ')} pass for exactly the release.`] : []),
    ...policy.rules.flatMap(ruleTexts),
    ...(demandsEvidence(policy)
      ? [
          `Evidence is at most ${durationText(evidence.freshMs)} old, over at least ${evidence.itemsMin} items, with ${Math.round(evidence.coverage * 1000) / 10} % judged.`,
          multiple === 'holm'
            ? `Every rule's p, adjusted for their number (Holm), is at most ${alpha}.`
            : `Every rule passes at ${alpha} one-sided; all must, so a wrong pass is no likelier than that.`,
          'Judges decide only where people have calibrated them.',
        ]
      : []),
    ...(policy.completeCard ? ['The model card is complete.'] : []),
    ...(approvals.count > 0
      ? [
          `${approvals.count} ${approvals.count === 1 ? 'person approves' : 'people approve'} (${approvals.roles.join(' or ')}) within ${durationText(approvals.expireMs)}; never who asked for it, and never an author of anything in the release.`,
        ]
      : []),
    ...policy.freeze.map((freeze) => `Nothing moves ${freezeText(freeze)}.`),
    ...(canary === null
      ? []
      : [
          `A canary serves ${canary.stages.map((weight) => `${weight / 100} %`).join(', ')} of the users, each at least ${durationText(canary.holdMs)} and ${canary.requestsMin} requests; it is rolled back when harm is shown (at most ${canary.alpha} wrongly).`,
        ]),
    ...policy.onAlert.map((rule) => alertRuleText(rule, suites)),
  ]
}

function ruleTexts(rule: PolicyRule): string[] {
  const of = [
    `\`${rule.scorer}\``,
    rule.suite === null ? '' : ` of ${rule.suite}`,
    rule.slice === null ? '' : ` where ${sliceText(rule.slice)}`,
  ].join('')
  return [
    ...(rule.atLeast === null ? [] : [`${of} is at least ${rule.atLeast}.`]),
    ...(rule.atMost === null ? [] : [`${of} is at most ${rule.atMost}.`]),
    ...(rule.notWorseBy === null
      ? []
      : [`${of} is worse than what the label serves by less than ${rule.notWorseBy}.`]),
    ...Object.entries(rule.flipsAtMost).map(
      ([perturbation, bar]) => `${of} flips by ${perturbation} in at most ${bar} of the pairs.`,
    ),
  ]
}
