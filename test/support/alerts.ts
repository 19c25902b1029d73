/** Alerts for tests. */

import type { NewAlert } from '../../src/monitoring/alerts/alert-rows.ts'

/** What a request costs on `support-answer` went up by 22 %. */
export function anAlert(given: Partial<NewAlert> = {}): NewAlert {
  return {
    projectId: 'prj_default',
    subject: { kind: 'route', name: 'support-answer' },
    metric: 'cost_per_request',
    change: 'level',
    beganAtMs: Date.UTC(2026, 2, 2, 13, 35),
    openedAtMs: Date.UTC(2026, 2, 2, 13, 50),
    value: 122,
    usual: 100,
    excess: 2,
    ...given,
  }
}
