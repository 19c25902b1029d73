/** All SQL of what alerts did by policies, and of the freezes that come of it. */

import { and, asc, desc, eq, gt, notInArray, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { alertActions } from '../../db/promotion-tables.ts'
import { decisions } from '../../db/version-tables.ts'
import type { AlertFreeze } from '../freeze.ts'

export type AlertActionRow = typeof alertActions.$inferSelect
export type LabelPlace = { projectId: string; route: string; label: string }

/** Of an alert: a route has few labels, and each action is there once for each. */
const MAX_ACTIONS = 500
/** By whom decisions are made that no person made. */
const MACHINES = ['policy', 'canary'] as const

/** False when that action of the alert has a row for the label already. */
export async function insertAction(db: Db, row: AlertActionRow): Promise<boolean> {
  const rows = await db
    .insert(alertActions)
    .values(row)
    .onConflictDoNothing({
      target: [alertActions.alertId, alertActions.route, alertActions.label, alertActions.action],
    })
    .returning({ id: alertActions.id })
  return rows.length === 1
}

/** In the order in which they were done. */
export async function readActions(db: Db, projectId: string, alertId: string): Promise<AlertActionRow[]> {
  return await db
    .select()
    .from(alertActions)
    .where(and(eq(alertActions.projectId, projectId), eq(alertActions.alertId, alertId)))
    .orderBy(asc(alertActions.id))
    .limit(MAX_ACTIONS)
}

/** The newest freeze that holds a label; null when none does. An acknowledged alert holds nothing. */
export async function findAlertFreeze(
  db: Db,
  { projectId, route, label }: LabelPlace,
  nowMs: number,
): Promise<AlertFreeze | null> {
  const rows = await db.execute<{
    alert_id: string
    metric: string
    subject: string
    until_ms: number | null
  }>(sql`
    SELECT a.alert_id, l.metric, l.subject, (extract(epoch FROM a.frozen_until) * 1000)::double precision AS until_ms
    FROM alert_actions a JOIN alerts l ON l.id = a.alert_id
    WHERE a.project_id = ${projectId} AND a.route = ${route} AND a.label = ${label} AND a.action = 'freeze'
      AND a.outcome = 'done' AND l.acked_at IS NULL
      AND CASE WHEN a.frozen_until IS NULL THEN l.ended_at IS NULL
        ELSE a.frozen_until > ${new Date(nowMs).toISOString()}::timestamptz END
    ORDER BY a.id DESC LIMIT 1`)
  const [row] = rows
  if (row === undefined) return null
  return { alertId: row.alert_id, metric: row.metric, subject: row.subject, untilMs: row.until_ms }
}

/** The last rollback of a label by a policy, when no person has moved the label or acknowledged that alert since. */
export async function findUnanswered(db: Db, place: LabelPlace): Promise<AlertActionRow | null> {
  const { projectId, route, label } = place
  const [last] = await db
    .select()
    .from(alertActions)
    .where(
      and(
        eq(alertActions.projectId, projectId),
        eq(alertActions.route, route),
        eq(alertActions.label, label),
        eq(alertActions.action, 'roll_back'),
        eq(alertActions.outcome, 'done'),
      ),
    )
    .orderBy(desc(alertActions.id))
    .limit(1)
  const [decision] = last?.targets ?? []
  if (last === undefined || decision === undefined) return null
  const byPerson = await db
    .select({ id: decisions.id })
    .from(decisions)
    .where(
      and(
        eq(decisions.projectId, projectId),
        eq(decisions.route, route),
        eq(decisions.label, label),
        gt(decisions.id, decision),
        notInArray(decisions.decidedBy, [...MACHINES]),
      ),
    )
    .limit(1)
  const acked = await db.execute(
    sql`SELECT 1 FROM alerts WHERE id = ${last.alertId} AND acked_at IS NOT NULL`,
  )
  return byPerson.length + acked.length > 0 ? null : last
}

/** Whose an alert is; null when there is none such. For jobs, which know ids alone. */
export async function projectOfAlert(db: Db, id: string): Promise<string | null> {
  const [row] = await db.execute<{ project_id: string }>(sql`SELECT project_id FROM alerts WHERE id = ${id}`)
  return row?.project_id ?? null
}

/** Alerts whose policies have not all been asked, those of every project; others each time, so that none is forgotten. */
export async function listUnacted(db: Db, limit: number): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(
    sql`SELECT id FROM (SELECT id FROM alerts WHERE acted_at IS NULL ORDER BY id DESC LIMIT 10000) AS newest
        ORDER BY random() LIMIT ${limit}`,
  )
  return rows.map(({ id }) => id)
}

export async function markActed(db: Db, id: string, nowMs: number): Promise<void> {
  const now = new Date(nowMs).toISOString()
  await db.execute(
    sql`UPDATE alerts SET acted_at = ${now}::timestamptz WHERE id = ${id} AND acted_at IS NULL`,
  )
}
