/** All SQL of looks at canaries. */

import type { Db } from '../../db/client.ts'
import { desc, eq } from '../../db/orm.ts'
import { canaryLooks } from '../../db/promotion-tables.ts'
import { newId } from '../../lib/ids.ts'

export type LookRow = typeof canaryLooks.$inferSelect

export async function insertLook(
  db: Db,
  look: Omit<LookRow, 'id' | 'lookedAt'>,
  nowMs: number,
): Promise<void> {
  await db.insert(canaryLooks).values({ ...look, id: newId('look', nowMs), lookedAt: new Date(nowMs) })
}

export async function lastLook(db: Db, promotionId: string): Promise<LookRow | null> {
  const [row] = await listLooks(db, promotionId, 1)
  return row ?? null
}

/** Newest first. */
export async function listLooks(db: Db, promotionId: string, limit: number): Promise<LookRow[]> {
  return await db
    .select()
    .from(canaryLooks)
    .where(eq(canaryLooks.promotionId, promotionId))
    .orderBy(desc(canaryLooks.id))
    .limit(limit)
}
