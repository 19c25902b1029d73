/** All SQL of model cards: one for each promotion that got as far as its verdict, never changed. */

import { and, desc, eq } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { modelCards } from '../../db/promotion-tables.ts'

export type CardRow = typeof modelCards.$inferSelect

export async function insertCard(db: Db, row: CardRow): Promise<void> {
  await db.insert(modelCards).values(row)
}

/** Newest first. */
export async function listCards(
  db: Db,
  projectId: string,
  releaseId: string,
  limit: number,
): Promise<CardRow[]> {
  return await db
    .select()
    .from(modelCards)
    .where(and(eq(modelCards.projectId, projectId), eq(modelCards.releaseId, releaseId)))
    .orderBy(desc(modelCards.id))
    .limit(limit)
}
