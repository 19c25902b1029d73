/** Data keys in the database. A key that is not found was destroyed, or is not there yet; what it sealed cannot be read. */

import type { Db } from '../../db/client.ts'
import { and, eq, inArray } from '../../db/orm.ts'
import { dataKeys } from '../../db/schema.ts'

export type StoredDataKey = typeof dataKeys.$inferSelect

/** The keys with these ids, as far as they exist. */
export async function findDataKeys(db: Db, ids: readonly string[]): Promise<StoredDataKey[]> {
  if (ids.length === 0) return []
  return await db
    .select()
    .from(dataKeys)
    .where(inArray(dataKeys.id, [...ids]))
}

/** Destroys every key of a subject; returns how many there were. */
export async function deleteDataKeys(db: Db, projectId: string, subject: string): Promise<number> {
  const gone = await db
    .delete(dataKeys)
    .where(and(eq(dataKeys.projectId, projectId), eq(dataKeys.subject, subject)))
    .returning({ id: dataKeys.id })
  return gone.length
}
