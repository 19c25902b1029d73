/** Alerts and rules for tests. */

import type { Alert } from '../../src/monitoring/alerts/alert.ts'
import type { NewAlert } from '../../src/monitoring/alerts/alert-rows.ts'
import type { AlertRule } from '../../src/monitoring/alerts/rules.ts'

const BEGAN = Date.UTC(2026, 2, 2, 13, 35)

/** What a request costs on `support-answer` went up by 22 %. */
export function anAlert(given: Partial<NewAlert> = {}): NewAlert {
  return {
    projectId: 'prj_default',
    subject: { kind: 'route', name: 'support-answer' },
    metric: 'cost_per_request',
    change: 'level',
    beganAtMs: BEGAN,
    openedAtMs: BEGAN + 15 * 60_000,
    value: 122,
    usual: 100,
    excess: 2,
    ...given,
  }
}

/** The same, open and explained. */
export function aKnownAlert(): Alert {
  return {
    ...anAlert(),
    id: 'alr_01k00000000000000000000000',
    bar: null,
    endedAtMs: null,
    acked: null,
    explanation: {
      beganAtMs: BEGAN,
      baseline: { kind: 'just_before', why: 'much the same hours of the day' },
      measure: 'cost_per_request',
      base: 100,
      unknowns: [],
      before: { fromMs: 0, toMs: 1, requests: 2, level: 100 },
      after: { fromMs: 1, toMs: 2, requests: 2, level: 116 },
      difference: 16,
      unit: 'micro_usd',
      causes: [
        { cause: 'price', amount: -3 },
        { cause: 'output_tokens', amount: 19 },
      ],
      changes: [
        { kind: 'release', atMs: BEGAN + 180_000, target: 'support-answer@r14', text: 'because of a reason' },
      ],
      segments: [],
    },
  }
}

/** All alerts to the channel `on-call`, at once. */
export function aRule(given: Partial<AlertRule> = {}): AlertRule {
  const all = {
    name: null,
    place: 'alerts.rules.0',
    bar: null,
    projects: null,
    routes: null,
    upstreams: null,
    metrics: null,
  }
  return { ...all, forMs: 0, remindMs: null, channels: ['on-call'], ...given }
}
