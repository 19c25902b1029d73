/** All SQL about projects and virtual keys. Inserts and reads rows as they are; never sees a secret. */

import type { Db } from '../db/client.ts'
import { and, asc, desc, eq, gt, isNull, lt, or, sql } from '../db/orm.ts'
import { changeCounters, projects, virtualKeys } from '../db/schema.ts'
import type { KeyEntry } from './declared.ts'
import { ROLES, type Role } from './key.ts'

/** Any constant nobody else uses; the letters are "aval", 3 = first keys. */
const FIRST_KEYS_LOCK = 0x6176_616c_03

/** The NOTIFY channel of key changes. */
export const KEYS_CHANNEL = 'aval_keys'
const SUBJECT = 'keys'

export type KeyRow = typeof virtualKeys.$inferSelect

/** Makes the project unless it is there; its id follows from its name. */
export async function ensureProject(
  db: Db,
  project: { id: string; name: string; createdAt: Date },
): Promise<void> {
  await db.insert(projects).values(project).onConflictDoNothing()
}

export async function insertKey(db: Db, row: KeyRow): Promise<void> {
  await db.insert(virtualKeys).values(row)
}

/** One key of one project; a key of another project is not found. */
export async function findKey(db: Db, projectId: string, id: string): Promise<KeyRow | null> {
  const rows = await db
    .select()
    .from(virtualKeys)
    .where(and(eq(virtualKeys.projectId, projectId), eq(virtualKeys.id, id)))
  return rows[0] ?? null
}

/** Keys of a project, newest first, at most `limit`; `before` is the id of the last row already seen. */
export async function listKeyRows(
  db: Db,
  projectId: string,
  page: { before: string | null; limit: number },
): Promise<KeyRow[]> {
  // Ids sort by time, and the index starts with the project; created_at only breaks what clocks of two replicas mix up.
  return await db
    .select()
    .from(virtualKeys)
    .where(
      and(
        eq(virtualKeys.projectId, projectId),
        page.before === null ? undefined : lt(virtualKeys.id, page.before),
      ),
    )
    .orderBy(desc(virtualKeys.id))
    .limit(page.limit)
}

/** Marks a key revoked; a second time keeps the first time. Returns the row, null when the project has no such key. */
export async function revokeKeyRow(db: Db, projectId: string, id: string, at: Date): Promise<KeyRow | null> {
  const rows = await db
    .update(virtualKeys)
    .set({ revokedAt: sql`coalesce(${virtualKeys.revokedAt}, ${at.toISOString()}::timestamptz)` })
    .where(and(eq(virtualKeys.projectId, projectId), eq(virtualKeys.id, id)))
    .returning()
  return rows[0] ?? null
}

/** Points a live, unreplaced key at its successor and ends it at `expiresAt` or earlier; false when someone was faster. */
export async function replaceKeyRow(
  db: Db,
  replacement: { projectId: string; id: string; replacedBy: string; now: Date; expiresAt: Date },
): Promise<boolean> {
  const rows = await db
    .update(virtualKeys)
    .set({
      replacedBy: replacement.replacedBy,
      expiresAt: sql`least(${virtualKeys.expiresAt}, ${replacement.expiresAt.toISOString()}::timestamptz)`,
    })
    .where(
      and(
        eq(virtualKeys.projectId, replacement.projectId),
        eq(virtualKeys.id, replacement.id),
        isNull(virtualKeys.replacedBy),
        liveAt(replacement.now),
      ),
    )
    .returning({ id: virtualKeys.id })
  return rows.length === 1
}

/** Bumps the counter that replicas poll and wakes those that listen, when and only when the transaction commits. */
export async function announceKeyChange(db: Db): Promise<void> {
  await db
    .update(changeCounters)
    .set({ version: sql`${changeCounters.version} + 1` })
    .where(eq(changeCounters.subject, SUBJECT))
  await db.execute(sql`SELECT pg_notify(${KEYS_CHANNEL}, '')`)
}

/** The counter of key changes; 0 before the first. */
export async function readKeysVersion(db: Db): Promise<bigint> {
  const rows = await db
    .select({ version: changeCounters.version })
    .from(changeCounters)
    .where(eq(changeCounters.subject, SUBJECT))
  return rows[0]?.version ?? 0n
}

/** Keys that are neither revoked nor expired, by id, at most `limit`, after the id `after`. */
export async function listLiveKeys(
  db: Db,
  page: { after: string; limit: number; now: Date },
): Promise<KeyEntry[]> {
  const rows = await db
    .select()
    .from(virtualKeys)
    .where(and(gt(virtualKeys.id, page.after), liveAt(page.now)))
    .orderBy(asc(virtualKeys.id))
    .limit(page.limit)
  return rows.map((row) => ({ digest: row.digest, key: toVirtualKey(row) }))
}

function liveAt(now: Date) {
  return and(isNull(virtualKeys.revokedAt), or(isNull(virtualKeys.expiresAt), gt(virtualKeys.expiresAt, now)))
}

/** A row as the gateway holds it in memory. Roles this version does not know grant nothing. */
export function toVirtualKey(row: KeyRow) {
  return {
    id: row.id,
    name: row.name,
    owner: row.owner,
    projectId: row.projectId,
    roles: row.roles.filter((role): role is Role => ROLES.some((known) => known === role)),
    allowedRoutes: row.allowedRoutes,
    rpm: row.rpm,
    concurrency: row.concurrency,
    expiresAtMs: row.expiresAt?.getTime() ?? null,
  }
}

/** Holds every other first start back until this transaction ends, so that exactly one of them makes keys. */
export async function lockFirstKeys(db: Db): Promise<void> {
  await db.execute(sql`SELECT pg_advisory_xact_lock(${FIRST_KEYS_LOCK})`)
}

/** True once any key was ever made, revoked ones included. */
export async function hasAnyKey(db: Db): Promise<boolean> {
  const found = await db.select({ id: virtualKeys.id }).from(virtualKeys).limit(1)
  return found.length > 0
}
