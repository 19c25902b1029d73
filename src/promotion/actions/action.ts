/** One action of one alert on one label, before it is done. */

import type { Sql } from 'postgres'
import type { AuditKeys } from '../../audit/privacy/audit-keys.ts'
import type { EventLog } from '../../audit/record.ts'
import type { Db } from '../../db/client.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Alert } from '../../monitoring/alerts/alert.ts'
import type { Actor } from '../../registry/actor.ts'
import type { LabelRow } from '../../registry/releases/store.ts'
import type { ReadSuite } from '../evidence/gather.ts'
import type { Policy } from '../policy.ts'
import type { AlertAction, AlertRule } from './rules.ts'
import type { AlertActionRow } from './store.ts'

export type ActionDeps = {
  db: Db
  sql: Sql
  clock: Clock
  /** Opens bodies; null without an audit key. */
  keys: Pick<AuditKeys, 'wrapping'> | null
  /** Rejects where this process has no log to write on: then nothing is done. */
  log: () => Promise<EventLog>
  readSuite: ReadSuite
  /** Tells the workers that a run waits. */
  runSuite: (runId: string) => Promise<void>
}

export type Situation = {
  alert: Alert
  label: LabelRow
  policy: Policy
  rule: AlertRule
  /** All that the alert may do to the label. */
  wanted: readonly AlertAction[]
  /** What the alert has done to the label before. */
  before: readonly AlertActionRow[]
}

/** What is kept of what was done. */
export type Came = Pick<AlertActionRow, 'note' | 'targets'> & { frozenUntil?: Date }

export type Intent =
  /** A sentence: why it cannot be. */
  | { refused: string }
  /** A sentence: on what. The next look tries again. */
  | { waits: string }
  | {
      /** For the log, before anything happens. */
      detail: Readonly<Record<string, unknown>>
      /** Does it and has it kept, once: in the same transaction, or so that doing it again finds what there is. */
      take: (keep: (db: Db, came: Came) => Promise<void>) => Promise<void>
    }

/** As which all of it stands on the log and in rows, wherever a key's holder would. */
export function policyActor(projectId: string): Actor {
  return { id: 'policy', name: 'policy', person: 'policy', projectId }
}

/** `support-answer@production` */
export function placeText({ route, label }: Pick<LabelRow, 'route' | 'label'>): string {
  return `${route}@${label}`
}

/** A name that queues and datasets of the alert have: it says the route, and no other alert has it. */
export function alertName({ id }: Pick<Alert, 'id'>, route: string): string {
  const suffix = id.toLowerCase().replaceAll(/[^a-z0-9]/g, '-')
  return `${route.slice(0, 62 - suffix.length)}-${suffix}`
}
