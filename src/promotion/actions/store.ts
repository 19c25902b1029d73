/** All SQL of what alerts did by policies, and of the freezes that come of it. */

import { alerts } from '../../db/alert-tables.ts'
import type { Db } from '../../db/client.ts'
import { and, asc, desc, eq, gt, isNotNull, isNull, lte, notInArray, or, sql } from '../../db/orm.ts'
import { alertActions } from '../../db/promotion-tables.ts'
import { decisions } from '../../db/version-tables.ts'
import type { AlertFreeze } from '../freeze.ts'

export type AlertActionRow = typeof alertActions.$inferSelect
export type LabelPlace = { projectId: string; route: string; label: string }

/** Of an alert: a route has few labels, and each action is there once for each. */
const MAX_ACTIONS = 500
/** Among which those that are rung for are chosen: far more than a worker leaves undone. */
const MAX_UNACTED = 10_000
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
  const lasts = and(isNull(alertActions.frozenUntil), isNull(alerts.endedAt))
  const [row] = await db
    .select({
      alertId: alertActions.alertId,
      metric: alerts.metric,
      subject: alerts.subject,
      until: alertActions.frozenUntil,
    })
    .from(alertActions)
    .innerJoin(alerts, eq(alerts.id, alertActions.alertId))
    .where(
      and(
        eq(alertActions.projectId, projectId),
        eq(alertActions.route, route),
        eq(alertActions.label, label),
        eq(alertActions.action, 'freeze'),
        eq(alertActions.outcome, 'done'),
        isNull(alerts.ackedAt),
        or(lasts, gt(alertActions.frozenUntil, new Date(nowMs))),
      ),
    )
    .orderBy(desc(alertActions.id))
    .limit(1)
  if (row === undefined) return null
  const { until, ...freeze } = row
  return { ...freeze, untilMs: until?.getTime() ?? null }
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
  const acked = await db
    .select({ id: alerts.id })
    .from(alerts)
    .where(and(eq(alerts.id, last.alertId), isNotNull(alerts.ackedAt)))
  return byPerson.length + acked.length > 0 ? null : last
}

/** Keeps an alert as it is until the transaction ends; false when it is over or somebody has acknowledged it. */
export async function holdOpenAlert(transaction: Db, id: string): Promise<boolean> {
  const rows = await transaction
    .select({ id: alerts.id })
    .from(alerts)
    .where(and(eq(alerts.id, id), isNull(alerts.ackedAt), isNull(alerts.endedAt)))
    .for('update')
  return rows.length === 1
}

/** Since when what an alert is to do fails, and when it is tried again; null while nothing fails. */
export type Trying = { actSince: Date | null; actNextAt: Date | null }

/** Whose an alert is, and how it goes with it; null when there is none such. For jobs, which know ids alone. */
export async function findToAct(db: Db, id: string): Promise<({ projectId: string } & Trying) | null> {
  const { projectId, actSince, actNextAt } = alerts
  const [row] = await db.select({ projectId, actSince, actNextAt }).from(alerts).where(eq(alerts.id, id))
  return row ?? null
}

export async function noteTrying(db: Db, id: string, trying: Trying): Promise<void> {
  await db.update(alerts).set(trying).where(eq(alerts.id, id))
}

/**
 * Alerts whose policies have not all been asked, those of every project; others each time, so that none is forgotten. None whose
 * next try is later than now.
 */
export async function listUnacted(db: Db, limit: number, nowMs: number): Promise<string[]> {
  const newest = db
    .select({ id: alerts.id })
    .from(alerts)
    .where(and(isNull(alerts.actedAt), or(isNull(alerts.actNextAt), lte(alerts.actNextAt, new Date(nowMs)))))
    .orderBy(desc(alerts.id))
    .limit(MAX_UNACTED)
    .as('newest')
  const rows = await db.select({ id: newest.id }).from(newest).orderBy(sql`random()`).limit(limit)
  return rows.map(({ id }) => id)
}

export async function markActed(db: Db, id: string, nowMs: number): Promise<void> {
  await db
    .update(alerts)
    .set({ actedAt: new Date(nowMs), actSince: null, actNextAt: null })
    .where(and(eq(alerts.id, id), isNull(alerts.actedAt)))
}
