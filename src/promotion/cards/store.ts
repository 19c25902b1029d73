/** All SQL of model cards: one for each promotion that got as far as its verdict, never changed; and what came of it since. */

import type { Db } from '../../db/client.ts'
import { and, count, desc, eq, or } from '../../db/orm.ts'
import { canaryLooks, modelCards } from '../../db/promotion-tables.ts'
import { decisions } from '../../db/version-tables.ts'
import type { DecisionRow } from '../store.ts'

export type CardRow = typeof modelCards.$inferSelect
type CardKey = Pick<CardRow, 'projectId' | 'releaseId'>

export async function insertCard(db: Db, row: CardRow): Promise<void> {
  await db.insert(modelCards).values(row)
}

/** The release's newest card, or that of one promotion; null without one. */
export async function findCard(
  db: Db,
  { projectId, releaseId }: CardKey,
  promotionId: string | null,
): Promise<CardRow | null> {
  const rows = await db
    .select()
    .from(modelCards)
    .where(
      and(
        eq(modelCards.projectId, projectId),
        eq(modelCards.releaseId, releaseId),
        promotionId === null ? undefined : eq(modelCards.promotionId, promotionId),
      ),
    )
    .orderBy(desc(modelCards.id))
    .limit(1)
  return rows[0] ?? null
}

/** Decisions by which labels came to serve the release, to some users or to all, newest first. */
export async function listMovesTo(
  db: Db,
  { projectId, releaseId }: CardKey,
  limit: number,
): Promise<DecisionRow[]> {
  return await db
    .select()
    .from(decisions)
    .where(
      and(
        eq(decisions.projectId, projectId),
        or(eq(decisions.toReleaseId, releaseId), eq(decisions.canaryReleaseId, releaseId)),
      ),
    )
    .orderBy(desc(decisions.id))
    .limit(limit)
}

/** How often the promotion's canary was looked at. */
export async function countLooks(db: Db, promotionId: string): Promise<number> {
  const [all] = await db
    .select({ count: count() })
    .from(canaryLooks)
    .where(eq(canaryLooks.promotionId, promotionId))
  return all?.count ?? 0
}
