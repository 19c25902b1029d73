/** Alerts in a test's database, and what policies do about them. */

import type { EventRecord } from '../../src/audit/record.ts'
import { readSuiteFile } from '../../src/evals/suites/suite.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { ackAlert, type NewAlert, openAlert } from '../../src/monitoring/alerts/alert-rows.ts'
import { type ActDeps, actOnAlert } from '../../src/promotion/actions/act.ts'
import type { AlertRule } from '../../src/promotion/actions/rules.ts'
import { OPEN, type Policy } from '../../src/promotion/policy.ts'
import { anAlert } from './alerts.ts'
import type { TestDatabase } from './database.ts'

/** An open alert about a route, twice what was usual unless said; gives its id. */
export async function anOpenAlert(
  { sql }: TestDatabase,
  route: string,
  given: Partial<NewAlert> = {},
): Promise<string> {
  const { openedAtMs = Date.now() } = given
  const subject = { kind: 'route', name: route } as const
  const usual = {
    subject,
    metric: 'latency_p95',
    beganAtMs: openedAtMs,
    openedAtMs,
    value: 2_000,
    usual: 1_000,
  }
  const id = await openAlert(sql, anAlert({ ...usual, ...given }))
  if (id === null) throw new Error('There is such an alert.')
  return id
}

export async function acknowledge({ sql }: TestDatabase, id: string): Promise<void> {
  const acked = { atMs: Date.now(), by: 'vk_anna', byName: 'anna', note: null }
  await ackAlert(sql, { projectId: 'prj_default', id }, acked)
}

export function alertRule(given: Partial<AlertRule>): AlertRule {
  return {
    metrics: ['*'],
    direction: null,
    actions: ['freeze'],
    freezeMs: null,
    movedWithinMs: 86_400_000,
    suites: null,
    items: 500,
    ...given,
  }
}

/** The policy of production, under which alerts do this. */
export function acting(given: Partial<AlertRule>, more: Partial<Policy> = {}): Policy {
  return { ...OPEN, name: 'acting', onAlert: [alertRule(given)], ...more }
}

/** As a worker does it. `events` gets what is put on the log. */
export async function act(
  { db, sql }: TestDatabase,
  id: string,
  policy: Policy,
  {
    events = [],
    suites = {},
    ...more
  }: Partial<ActDeps> & { events?: EventRecord[]; suites?: Record<string, string> } = {},
): Promise<string> {
  const deps: ActDeps = {
    db,
    sql,
    clock: systemClock,
    keys: null,
    log: async () => ({ event: async (record) => void events.push(record) }),
    readSuite: async (name) => {
      const text = suites[name]
      return text === undefined
        ? { problems: [`evals/${name}.yaml is not there.`] }
        : readSuiteFile(name, text)
    },
    runSuite: async () => undefined,
    policiesOf: () => [{ label: 'production', policy }],
    random: () => 0,
    ...more,
  }
  return await actOnAlert(deps, id)
}
