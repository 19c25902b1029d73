/** The only SQL that writes labels and decisions. */

import type { Db } from '../db/client.ts'
import { and, asc, desc, eq, inArray, isNull, like, lt, notExists, or, sql } from '../db/orm.ts'
import { auditEvents } from '../db/schema.ts'
import { decisions, labels } from '../db/version-tables.ts'

export type DecisionRow = typeof decisions.$inferSelect
export type LabelValues = typeof labels.$inferInsert

export async function insertDecision(db: Db, row: DecisionRow): Promise<void> {
  await db.insert(decisions).values(row)
}

/** Writes a label that does not exist; false when somebody made it first. */
export async function insertLabel(db: Db, row: LabelValues): Promise<boolean> {
  const rows = await db.insert(labels).values(row).onConflictDoNothing().returning({ route: labels.route })
  return rows.length === 1
}

/** Moves a label that points where the caller believes it does; false when it does not. */
export async function swapLabel(
  db: Db,
  row: LabelValues,
  seen: { releaseId: string; canaryReleaseId: string | null; decisionId: string },
): Promise<boolean> {
  const rows = await db
    .update(labels)
    .set({
      releaseId: row.releaseId,
      canaryReleaseId: row.canaryReleaseId ?? null,
      canaryWeight: row.canaryWeight ?? null,
      decisionId: row.decisionId,
      movedAt: row.movedAt,
    })
    .where(
      and(
        eq(labels.projectId, row.projectId),
        eq(labels.route, row.route),
        eq(labels.label, row.label),
        eq(labels.releaseId, seen.releaseId),
        eq(labels.decisionId, seen.decisionId),
        seen.canaryReleaseId === null
          ? isNull(labels.canaryReleaseId)
          : eq(labels.canaryReleaseId, seen.canaryReleaseId),
      ),
    )
    .returning({ route: labels.route })
  return rows.length === 1
}

export async function findDecision(db: Db, id: string): Promise<DecisionRow | null> {
  const rows = await db.select().from(decisions).where(eq(decisions.id, id))
  return rows[0] ?? null
}

/** With which a promotion began to move the label; null before it has. */
export async function firstDecisionOf(db: Db, promotionId: string): Promise<DecisionRow | null> {
  const rows = await db
    .select()
    .from(decisions)
    .where(eq(decisions.promotionId, promotionId))
    .orderBy(asc(decisions.id))
    .limit(1)
  return rows[0] ?? null
}

/** Of one label, newest first. */
export async function listMoves(
  db: Db,
  { projectId, route, label }: Pick<DecisionRow, 'projectId' | 'route' | 'label'>,
  limit: number,
): Promise<DecisionRow[]> {
  return await db
    .select()
    .from(decisions)
    .where(and(eq(decisions.projectId, projectId), eq(decisions.route, route), eq(decisions.label, label)))
    .orderBy(desc(decisions.id))
    .limit(limit)
}

/** Where a label stands after a decision that somebody must look at. */
export type NotedMove = { projectId: string; route: string; label: string; decision: string; at: Date }

/** Labels whose last decision broke the glass, those of every project. */
export async function listBrokenGlass(db: Db, limit: number): Promise<NotedMove[]> {
  return await db
    .select({
      projectId: labels.projectId,
      route: labels.route,
      label: labels.label,
      decision: decisions.id,
      at: decisions.decidedAt,
    })
    .from(labels)
    .innerJoin(decisions, eq(decisions.id, labels.decisionId))
    .where(eq(decisions.kind, 'break_glass'))
    .limit(limit)
}

/**
 * Moves of the last 30 days that the log has no asking for, those of every project, the newest first. What moves a label says so on
 * the log just before: whoever asks names the label, what a promotion does by itself names the promotion, and an alert that takes a
 * label back names the label and the decision it goes back from (one that was refused names none). The newest five minutes may still
 * be on their way into the database; a gateway or worker that could not ship its log for longer than that has moves here all the same.
 */
export async function listUnloggedDecisions(db: Db, limit: number): Promise<NotedMove[]> {
  const { id, projectId, route, label, promotionId, decidedAt } = decisions
  const place = sql`${route} || '@' || ${label}`
  const before = sql`(SELECT max(earlier.id) FROM decisions AS earlier
    WHERE earlier.project_id = ${projectId} AND earlier.route = ${route} AND earlier.label = ${label} AND earlier.id < ${id})`
  return await db
    .select({ projectId, route, label, decision: id, at: decidedAt })
    .from(decisions)
    .where(
      and(
        sql`${decidedAt} BETWEEN now() - interval '30 days' AND now() - interval '5 minutes'`,
        notExists(
          db
            .select({ id: auditEvents.id })
            .from(auditEvents)
            .where(
              and(
                eq(auditEvents.kind, 'admin'),
                eq(auditEvents.projectId, projectId),
                sql`${auditEvents.at} BETWEEN ${decidedAt} - interval '10 minutes' AND ${decidedAt} + interval '1 minute'`,
                or(
                  and(eq(auditEvents.target, promotionId), like(auditEvents.action, 'promotion.%')),
                  and(
                    inArray(auditEvents.action, ['label.set', 'label.roll_back']),
                    eq(auditEvents.target, place),
                  ),
                  and(
                    eq(auditEvents.action, 'alert.roll_back'),
                    sql`${auditEvents.detail} ->> 'label' = ${place}`,
                    sql`${auditEvents.detail} ->> 'from' = ${before}`,
                  ),
                ),
              ),
            ),
        ),
      ),
    )
    .orderBy(desc(id))
    .limit(limit)
}

/** Newest first; of one route or of all. */
export async function listDecisions(
  db: Db,
  projectId: string,
  page: { route: string | null; before: string | null; limit: number },
): Promise<DecisionRow[]> {
  return await db
    .select()
    .from(decisions)
    .where(
      and(
        eq(decisions.projectId, projectId),
        page.route === null ? undefined : eq(decisions.route, page.route),
        page.before === null ? undefined : lt(decisions.id, page.before),
      ),
    )
    .orderBy(desc(decisions.id))
    .limit(page.limit)
}
