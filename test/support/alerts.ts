/** Alerts in a test's database, and what policies do about them. */

import type { EventRecord } from '../../src/audit/record.ts'
import { readSuiteFile } from '../../src/evals/suites/suite.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { newId } from '../../src/lib/ids.ts'
import { type ActDeps, actOnAlert } from '../../src/promotion/actions/act.ts'
import type { AlertRule } from '../../src/promotion/actions/rules.ts'
import { OPEN, type Policy } from '../../src/promotion/policy.ts'
import type { TestDatabase } from './database.ts'

type Given = {
  projectId?: string
  kind?: 'route' | 'upstream'
  metric?: string
  beganAt?: number
  openedAt?: number
  endedAt?: number | null
  value?: number | null
  usual?: number | null
}

/** An open alert about a route; gives its id. */
export async function anAlert({ sql }: TestDatabase, subject: string, given: Given = {}): Promise<string> {
  const { projectId = 'prj_default', kind = 'route', metric = 'latency_p95', endedAt = null } = given
  const { openedAt = Date.now(), beganAt = openedAt, value = 2_000, usual = 1_000 } = given
  const id = newId('evt', openedAt).replace('evt', 'alr')
  const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  await sql`
    INSERT INTO alerts (id, project_id, subject_kind, subject, metric, change, began_at, opened_at, ended_at, value, usual, excess)
    VALUES (${id}, ${projectId}, ${kind}, ${subject}, ${metric}, 'level', ${at(beganAt)}::timestamptz, ${at(openedAt)}::timestamptz,
      ${at(endedAt)}::timestamptz, ${value}, ${usual}, 2)`
  return id
}

export async function acknowledge({ sql }: TestDatabase, id: string): Promise<void> {
  await sql`UPDATE alerts SET acked_at = now(), acked_by = 'vk_anna', acked_by_name = 'anna' WHERE id = ${id}`
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
    ...more,
  }
  return await actOnAlert(deps, id)
}
