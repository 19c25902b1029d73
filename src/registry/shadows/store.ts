/** All SQL about shadows: what was started and how it ended, and what each process counts that no row of the log says. */

import type { Db } from '../../db/client.ts'
import { and, desc, eq, lt, lte, ne, sql } from '../../db/orm.ts'
import { shadows, shadowTallies } from '../../db/shadow-tables.ts'

export type ShadowRow = typeof shadows.$inferSelect
export type ShadowTally = typeof shadowTallies.$inferSelect
export type ShadowEnd = {
  state: 'stopped' | 'spent' | 'ended'
  /** Null where a gateway ended it. */
  by: { id: string; name: string | null } | null
  at: Date
  reason: string | null
}

/** False when the route has a running shadow already. */
export async function insertShadow(db: Db, row: ShadowRow): Promise<boolean> {
  const made = await db.insert(shadows).values(row).onConflictDoNothing().returning({ id: shadows.id })
  return made.length === 1
}

export async function findShadow(db: Db, projectId: string, id: string): Promise<ShadowRow | null> {
  const rows = await db
    .select()
    .from(shadows)
    .where(and(eq(shadows.projectId, projectId), eq(shadows.id, id)))
  return rows[0] ?? null
}

export async function findRunningShadow(db: Db, projectId: string, route: string): Promise<ShadowRow | null> {
  const rows = await db
    .select()
    .from(shadows)
    .where(and(eq(shadows.projectId, projectId), eq(shadows.route, route), eq(shadows.state, 'running')))
  return rows[0] ?? null
}

/** Newest first; of one route or of all. `before` is the id of the last row already seen. */
export async function listShadows(
  db: Db,
  projectId: string,
  page: { route: string | null; before: string | null; limit: number },
): Promise<ShadowRow[]> {
  return await db
    .select()
    .from(shadows)
    .where(
      and(
        eq(shadows.projectId, projectId),
        page.route === null ? undefined : eq(shadows.route, page.route),
        page.before === null ? undefined : lt(shadows.id, page.before),
      ),
    )
    .orderBy(desc(shadows.id))
    .limit(page.limit)
}

/** Running shadows of every project, at most `limit`. */
export async function runningShadows(db: Db, limit: number): Promise<ShadowRow[]> {
  return await db.select().from(shadows).where(eq(shadows.state, 'running')).limit(limit)
}

/** The row as it ended; null when the project has no such shadow, or it does not run any more. */
export async function endShadow(
  db: Db,
  { projectId, id }: { projectId: string; id: string },
  end: ShadowEnd,
): Promise<ShadowRow | null> {
  const rows = await db
    .update(shadows)
    .set(endedBy(end))
    .where(and(eq(shadows.projectId, projectId), eq(shadows.id, id), eq(shadows.state, 'running')))
    .returning()
  return rows[0] ?? null
}

/** Ends the route's shadow whose time has passed and which no gateway was there to end. */
export async function endOverdueShadow(db: Db, projectId: string, route: string, at: Date): Promise<void> {
  await db
    .update(shadows)
    .set(endedBy({ state: 'ended', by: null, at, reason: null }))
    .where(
      and(
        eq(shadows.projectId, projectId),
        eq(shadows.route, route),
        eq(shadows.state, 'running'),
        lte(shadows.endsAt, at),
      ),
    )
}

function endedBy({ state, by, at, reason }: ShadowEnd) {
  return {
    state,
    stoppedBy: by?.id ?? null,
    stoppedByName: by?.name ?? null,
    stoppedAt: at,
    stopReason: reason,
  }
}

/** What this process start has counted until now, in place of what it had said before. */
export async function putShadowTally(db: Db, tally: ShadowTally): Promise<void> {
  const { dropped, skipped, held } = tally
  await db
    .insert(shadowTallies)
    .values(tally)
    .onConflictDoUpdate({
      target: [shadowTallies.shadowId, shadowTallies.writer],
      set: { dropped, skipped, held },
    })
}

/** The counts of all process starts, or of all but one. */
export async function sumShadowTallies(
  db: Db,
  shadowId: string,
  exceptWriter: string | null = null,
): Promise<{ dropped: number; skipped: number; held: bigint }> {
  const total = (column: 'dropped' | 'skipped' | 'held') =>
    sql<string>`coalesce(sum(${shadowTallies[column]}), 0)::text`
  const [found] = await db
    .select({ dropped: total('dropped'), skipped: total('skipped'), held: total('held') })
    .from(shadowTallies)
    .where(
      and(
        eq(shadowTallies.shadowId, shadowId),
        exceptWriter === null ? undefined : ne(shadowTallies.writer, exceptWriter),
      ),
    )
  const { dropped = '0', skipped = '0', held = '0' } = found ?? {}
  return { dropped: Number(dropped), skipped: Number(skipped), held: BigInt(held) }
}
