/** What a policy lets an alert do to a label, as aval.yaml and `policies/*.yaml` say it. */

import { z } from 'zod'
import { DAY_MS, name, span } from './policy-values.ts'

const ALERT_ACTIONS = ['freeze', 'roll_back', 'run_suite', 'review', 'dataset'] as const
type AlertAction = (typeof ALERT_ACTIONS)[number]

const METRIC = 'a metric such as latency_p95 or score:grounded, in which * stands for any letters'
/** Of a dataset; more failing requests of one moment teach little that the first did not. */
const MAX_ITEMS = 500
/** Settings that say how one action is done, so that they are nothing without it. */
const OF_ACTION = {
  freeze_for: 'freeze',
  moved_within: 'roll_back',
  suites: 'run_suite',
  items: 'dataset',
} as const satisfies Record<string, AlertAction>

const alertRule = z
  .strictObject({
    metrics: z
      .array(z.string(METRIC).regex(/^[a-z*][a-z0-9_*]{0,59}(?::\S{1,100})?$/, METRIC))
      .min(1)
      .max(50),
    /** Which way it went; either unless said. */
    direction: z.enum(['up', 'down']).optional(),
    do: z.array(z.enum(ALERT_ACTIONS)).min(1).max(ALERT_ACTIONS.length),
    /** From when the alert opened; without it as long as the alert is open. */
    freeze_for: span.optional(),
    /** How long before the change a move of the label may have been its cause. */
    moved_within: span.optional(),
    suites: z.array(name).min(1).max(20).optional(),
    items: z.int().min(1).max(MAX_ITEMS).optional(),
  })
  .refine((rule) => new Set(rule.do).size === rule.do.length, 'an object whose do names each action once')
  .refine(
    (rule) => Object.entries(OF_ACTION).every(([key, action]) => !(key in rule) || rule.do.includes(action)),
    `an object whose ${Object.entries(OF_ACTION)
      .map(([key, action]) => `${key} stands beside ${action}`)
      .join(', ')}`,
  )

export const alertRules = z.array(alertRule).min(1).max(50)

/** Everything that it leaves open, filled in. */
export function resolveAlertRule(rule: z.infer<typeof alertRule>) {
  return {
    metrics: rule.metrics,
    direction: rule.direction ?? null,
    actions: rule.do,
    freezeMs: rule.freeze_for ?? null,
    movedWithinMs: rule.moved_within ?? DAY_MS,
    /** Null: those of the policy. */
    suites: rule.suites ?? null,
    items: rule.items ?? MAX_ITEMS,
  } as const
}
