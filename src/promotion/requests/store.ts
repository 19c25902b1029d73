/** All SQL of promotions, their runs and approvals. What the database itself refuses stands in its migration. */

import type { Db } from '../../db/client.ts'
import { onlineOrders } from '../../db/online-tables.ts'
import { and, asc, desc, eq, inArray, isNotNull, isNull, lt, sql } from '../../db/orm.ts'
import { approvals, LIVE_STATES, promotionRuns, promotions } from '../../db/promotion-tables.ts'

export type PromotionRow = typeof promotions.$inferSelect
export type ApprovalRow = typeof approvals.$inferSelect
export type PromotionRunRow = typeof promotionRuns.$inferSelect

/** False while another promotion of the label is under way. */
export async function insertPromotion(db: Db, row: PromotionRow): Promise<boolean> {
  const rows = await db
    .insert(promotions)
    .values(row)
    .onConflictDoNothing({
      target: [promotions.projectId, promotions.route, promotions.label],
      where: isNull(promotions.endedAt),
    })
    .returning({ id: promotions.id })
  return rows.length === 1
}

export async function findPromotion(db: Db, projectId: string, id: string): Promise<PromotionRow | null> {
  const rows = await db
    .select()
    .from(promotions)
    .where(and(eq(promotions.projectId, projectId), eq(promotions.id, id)))
  return rows[0] ?? null
}

/** Of any project: for jobs, which know ids alone. */
export async function findPromotionById(db: Db, id: string): Promise<PromotionRow | null> {
  const rows = await db.select().from(promotions).where(eq(promotions.id, id))
  return rows[0] ?? null
}

export async function findLivePromotion(
  db: Db,
  { projectId, route, label }: Pick<PromotionRow, 'projectId' | 'route' | 'label'>,
): Promise<PromotionRow | null> {
  const rows = await db
    .select()
    .from(promotions)
    .where(
      and(
        eq(promotions.projectId, projectId),
        eq(promotions.route, route),
        eq(promotions.label, label),
        isNull(promotions.endedAt),
      ),
    )
  return rows[0] ?? null
}

/** As it is now, and as it stays until the transaction ends. */
export async function lockPromotion(db: Db, id: string): Promise<PromotionRow | null> {
  const rows = await db.select().from(promotions).where(eq(promotions.id, id)).for('update')
  return rows[0] ?? null
}

/** Newest first. `before` is the id of the last row already seen. */
export async function listPromotions(
  db: Db,
  projectId: string,
  filter: { route: string | null; live: boolean },
  page: { before: string | null; limit: number },
): Promise<PromotionRow[]> {
  return await db
    .select()
    .from(promotions)
    .where(
      and(
        eq(promotions.projectId, projectId),
        filter.route === null ? undefined : eq(promotions.route, filter.route),
        filter.live ? isNull(promotions.endedAt) : undefined,
        page.before === null ? undefined : lt(promotions.id, page.before),
      ),
    )
    .orderBy(desc(promotions.id))
    .limit(page.limit)
}

/** Of every project. Where there are more, others each time, so that none is forgotten. */
export async function listLivePromotions(db: Db, limit: number): Promise<string[]> {
  const rows = await db
    .select({ id: promotions.id })
    .from(promotions)
    .where(isNull(promotions.endedAt))
    .orderBy(sql`random()`)
    .limit(limit)
  return rows.map(({ id }) => id)
}

/** The promotion under way that is judged by this order of live scores. */
export async function findPromotionOfOrder(
  db: Db,
  projectId: string,
  onlineOrderId: string,
): Promise<PromotionRow | null> {
  const rows = await db
    .select()
    .from(promotions)
    .where(
      and(
        eq(promotions.projectId, projectId),
        eq(promotions.onlineOrderId, onlineOrderId),
        isNull(promotions.endedAt),
      ),
    )
  return rows[0] ?? null
}

/** Orders of live scores whose canary is over. */
export async function listForgottenOrders(db: Db, limit: number): Promise<string[]> {
  const rows = await db
    .select({ id: onlineOrders.id })
    .from(promotions)
    .innerJoin(onlineOrders, eq(onlineOrders.id, promotions.onlineOrderId))
    .where(and(isNotNull(promotions.endedAt), inArray(onlineOrders.state, ['queued', 'running'])))
    .limit(limit)
  return rows.map(({ id }) => id)
}

/** Ids of live promotions whose evidence the run is part of. */
export async function listPromotionsOfRun(db: Db, runId: string): Promise<string[]> {
  const rows = await db
    .selectDistinct({ id: promotions.id })
    .from(promotions)
    .innerJoin(promotionRuns, eq(promotionRuns.promotionId, promotions.id))
    .where(
      and(
        isNull(promotions.endedAt),
        sql`${runId} IN (${promotionRuns.runId}, ${promotionRuns.baselineRunId})`,
      ),
    )
  return rows.map(({ id }) => id)
}

type Change = Partial<
  Pick<PromotionRow, 'note' | 'verdict' | 'outcome' | 'evidenceHash' | 'stage' | 'stageSince'>
> & { state: PromotionRow['state'] }

/** False when it is no longer in the state that the caller has seen. */
export async function updatePromotion(
  db: Db,
  seen: Pick<PromotionRow, 'id' | 'state'>,
  change: Change,
  now: Date,
): Promise<boolean> {
  const isLive = LIVE_STATES.some((state) => state === change.state)
  const rows = await db
    .update(promotions)
    .set({ ...change, updatedAt: now, endedAt: isLive ? null : now })
    .where(and(eq(promotions.id, seen.id), eq(promotions.state, seen.state)))
    .returning({ id: promotions.id })
  return rows.length === 1
}

/** False when it has one already. */
export async function keepOrder(db: Db, id: string, onlineOrderId: string): Promise<boolean> {
  const rows = await db
    .update(promotions)
    .set({ onlineOrderId })
    .where(and(eq(promotions.id, id), isNull(promotions.onlineOrderId)))
    .returning({ id: promotions.id })
  return rows.length === 1
}

/** A suite's runs, once they are chosen; the same suite again changes them. */
export async function putPromotionRun(db: Db, row: PromotionRunRow): Promise<void> {
  const { runId, baselineRunId } = row
  await db
    .insert(promotionRuns)
    .values(row)
    .onConflictDoUpdate({
      target: [promotionRuns.promotionId, promotionRuns.suite],
      set: { runId, baselineRunId },
    })
}

export async function listPromotionRuns(db: Db, promotionIds: readonly string[]): Promise<PromotionRunRow[]> {
  if (promotionIds.length === 0) return []
  return await db
    .select()
    .from(promotionRuns)
    .where(inArray(promotionRuns.promotionId, [...promotionIds]))
    .orderBy(asc(promotionRuns.suite))
}

export async function insertApproval(db: Db, row: ApprovalRow): Promise<void> {
  await db.insert(approvals).values(row)
}

/** In order. */
export async function listApprovals(db: Db, promotionIds: readonly string[]): Promise<ApprovalRow[]> {
  if (promotionIds.length === 0) return []
  return await db
    .select()
    .from(approvals)
    .where(inArray(approvals.promotionId, [...promotionIds]))
    .orderBy(asc(approvals.id))
}

/** Persons who made the release or anything it pins. */
export async function listAuthors(db: Db, releaseId: string): Promise<string[]> {
  const rows = await db.execute<{ author: string }>(
    sql`SELECT author FROM release_authors(${releaseId}) AS author ORDER BY author`,
  )
  return rows.map(({ author }) => author)
}
