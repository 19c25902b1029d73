/** Tells what is to be told of alerts, and tries again what was not taken. Safe to run at any time, and twice at once. */

import type { Sql } from 'postgres'
import type { Clock } from '../lib/clock.ts'
import { deliverMessages, type SendMessage } from '../monitoring/alerts/deliver.ts'
import { noteAllDue } from '../monitoring/alerts/note-due.ts'
import type { AlertRule } from '../monitoring/alerts/rules.ts'
import { JOBS } from '../queue/jobs.ts'

/** What becomes due within it for one project is one message. */
export const DELIVER_ALERTS_EVERY_MS = 60_000

export type DeliverAlertsDeps = {
  sql: Sql
  clock: Clock
  alerts: {
    /** As aval.yaml has them now; read once for all that one run notes and sends. */
    inForce: () => { rules: readonly AlertRule[]; send: SendMessage }
    random: () => number
  }
}

/** Throws ZodError for a payload that is not empty. */
export async function runDeliverAlerts(
  { sql, clock, alerts }: DeliverAlertsDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<{ messages: number; sent: number; waiting: number; failed: number }> {
  JOBS['deliver-alerts'].parse(payload)
  const { rules, send } = alerts.inForce()
  const messages = await noteAllDue(sql, rules, clock.nowMs())
  const { random } = alerts
  return { messages, ...(await deliverMessages({ sql, clock, random, send }, signal)) }
}
