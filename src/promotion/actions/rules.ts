/** What a policy lets an alert do: which actions a rule has for which alert, and the rule as a sentence. Pure. */

import { fitsPattern } from '../../lib/name-pattern.ts'
import { durationText } from '../../lib/units.ts'
import { type Alert, heldAgainst } from '../../monitoring/alerts/alert.ts'

export type AlertAction = 'freeze' | 'roll_back' | 'run_suite' | 'review' | 'dataset'

export type AlertRule = {
  /** Names of metrics, in which `*` stands for any letters. */
  metrics: readonly string[]
  /** Which way the metric went; null for either. */
  direction: 'up' | 'down' | null
  /** In the order in which they are done. */
  actions: readonly AlertAction[]
  /** Null: as long as the alert is open. */
  freezeMs: number | null
  /** How long before the change a move of the label may have been its cause. */
  movedWithinMs: number
  /** Null: those of the policy. */
  suites: readonly string[] | null
  /** Of a dataset, at most. */
  items: number
}

export type AlertOrder = { action: AlertAction; rule: AlertRule }

/** Each action once, as the first rule that is about the alert and has it wants it. */
export function ordersFor(
  rules: readonly AlertRule[],
  alert: Pick<Alert, 'metric' | 'value' | 'usual' | 'bar'>,
): AlertOrder[] {
  const orders = rules
    .filter((rule) => isAbout(rule, alert))
    .flatMap((rule) => rule.actions.map((action) => ({ action, rule })))
  return orders.filter(({ action }, at) => orders.findIndex((one) => one.action === action) === at)
}

function isAbout(
  { metrics, direction }: AlertRule,
  alert: Pick<Alert, 'metric' | 'value' | 'usual' | 'bar'>,
): boolean {
  const { metric, value } = alert
  if (!metrics.some((pattern) => fitsPattern(pattern, metric))) return false
  if (direction === null) return true
  // Which way it went is not known: then it did not go that way.
  const level = heldAgainst(alert)
  if (value === null || level === null || value === level) return false
  return direction === (value > level ? 'up' : 'down')
}

/** `suites`: those of the policy. */
export function alertRuleText(rule: AlertRule, suites: readonly string[]): string {
  const { metrics, direction, actions } = rule
  const about = metrics.includes('*') ? 'any metric' : metrics.join(', ')
  const way = direction === null ? '' : `, when it went ${direction}`
  const does = actions.map((action) => actionText(action, rule, suites))
  return `An alert about ${about}${way}: ${does.join('; ')}.`
}

function actionText(action: AlertAction, rule: AlertRule, suites: readonly string[]): string {
  const texts: Record<AlertAction, string> = {
    freeze: `nothing moves ${rule.freezeMs === null ? 'while it is open' : `for ${durationText(rule.freezeMs)}`}, until somebody acknowledges it`,
    roll_back: `a canary is taken off, and what moved the label up to ${durationText(rule.movedWithinMs)} before is taken back, once until a person looks`,
    run_suite: `the suites ${(rule.suites ?? suites).join(', ')} are run on what the label serves`,
    review: 'people are asked to review the newest judged run',
    dataset: `up to ${rule.items} of the requests it is about become a dataset`,
  }
  return texts[action]
}
