/** All SQL about erasures and legal holds. It decides nothing: who may do what and in which order stands in the use cases. */

import type { Db } from '../../db/client.ts'
import { and, count, desc, eq, gt, inArray, isNotNull, isNull, lt, lte, or, sql } from '../../db/orm.ts'
import { changeCounters, dataKeys, erasures, legalHolds, requests } from '../../db/schema.ts'
import { ERASURE_LOCK, ERASURES_CHANNEL, ERASURES_COUNTER } from './channel.ts'

export type ErasureRow = typeof erasures.$inferSelect
export type HoldRow = typeof legalHolds.$inferSelect
export const ERASURE_STATES = ['open', 'approved', 'executing', 'executed', 'rejected', 'expired'] as const
export type ErasureState = (typeof ERASURE_STATES)[number]

/** One page, newest first; `before` is the id of the last row already seen. */
export type PageOf = { projectId: string; before: string | null; limit: number }

/** Orders everything about holds and erasures of one project until this transaction ends. */
export async function lockProject(db: Db, projectId: string): Promise<void> {
  await db.execute(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`aval erasure ${projectId}`}, 0))`)
}

/** Waits for the batches under way and keeps the next ones out until this transaction ends. */
export async function lockShippers(db: Db): Promise<void> {
  await db.execute(sql`SET LOCAL lock_timeout = '10s'`)
  await db.execute(sql`SELECT pg_advisory_xact_lock(${ERASURE_LOCK}::bigint)`)
}

export async function insertErasure(
  db: Db,
  row: Pick<
    ErasureRow,
    | 'id'
    | 'projectId'
    | 'subject'
    | 'reason'
    | 'requestedBy'
    | 'requestedByName'
    | 'requestedByPerson'
    | 'requestedAt'
    | 'expiresAt'
  >,
): Promise<ErasureRow> {
  const [inserted] = await db.insert(erasures).values(row).returning()
  if (inserted === undefined) throw new Error('The database gave no row back.')
  return inserted
}

/** Closes requests of a project that nobody approved in time. */
export async function expireErasures(db: Db, projectId: string, now: Date): Promise<void> {
  await db
    .update(erasures)
    .set({ state: 'expired' })
    .where(and(eq(erasures.projectId, projectId), eq(erasures.state, 'open'), lte(erasures.expiresAt, now)))
}

/** The erasure of a subject that has neither been refused nor finished. */
export async function findUnfinished(db: Db, projectId: string, subject: string): Promise<ErasureRow | null> {
  const [row] = await db
    .select()
    .from(erasures)
    .where(
      and(
        eq(erasures.projectId, projectId),
        eq(erasures.subject, subject),
        inArray(erasures.state, ['open', 'approved', 'executing']),
      ),
    )
  return row ?? null
}

/** One erasure of one project, locked until the transaction ends. */
export async function lockErasure(db: Db, projectId: string, id: string): Promise<ErasureRow | null> {
  const [row] = await db
    .select()
    .from(erasures)
    .where(and(eq(erasures.projectId, projectId), eq(erasures.id, id)))
    .for('update')
  return row ?? null
}

export async function updateErasure(
  db: Db,
  id: string,
  changes: Partial<Omit<ErasureRow, 'id'>>,
): Promise<ErasureRow> {
  const [row] = await db.update(erasures).set(changes).where(eq(erasures.id, id)).returning()
  if (row === undefined) throw new Error(`Erasure ${id} is gone.`)
  return row
}

export async function listErasureRows(db: Db, { projectId, before, limit }: PageOf): Promise<ErasureRow[]> {
  return await db
    .select()
    .from(erasures)
    .where(and(eq(erasures.projectId, projectId), before === null ? undefined : lt(erasures.id, before)))
    .orderBy(desc(erasures.id))
    .limit(limit)
}

/** Erasures that were approved before `decidedBefore` and are not finished: their process died, or is slow. */
export async function listUnfinished(db: Db, decidedBefore: Date, limit: number): Promise<ErasureRow[]> {
  return await db
    .select()
    .from(erasures)
    .where(and(inArray(erasures.state, ['approved', 'executing']), lt(erasures.decidedAt, decidedBefore)))
    .orderBy(erasures.id)
    .limit(limit)
}

/** Whose keys were destroyed since. */
export async function listErasedSince(
  db: Db,
  since: Date,
): Promise<{ projectId: string; subject: string; executedAt: Date }[]> {
  const rows = await db
    .select({
      projectId: erasures.projectId,
      subject: erasures.subject,
      executedAt: erasures.executedAt,
    })
    .from(erasures)
    .where(and(isNotNull(erasures.executedAt), gt(erasures.executedAt, since)))
  return rows.flatMap(({ executedAt, ...row }) => (executedAt === null ? [] : [{ ...row, executedAt }]))
}

/** How much of a subject there is: requests with a row, and the ids of its keys, the oldest first. */
export async function measureSubject(
  db: Db,
  projectId: string,
  subject: string,
): Promise<{ rows: number; dataKeys: string[] }> {
  const [found] = await db
    .select({ rows: count() })
    .from(requests)
    .where(and(eq(requests.projectId, projectId), eq(requests.subject, subject)))
  const keys = await db
    .select({ id: dataKeys.id })
    .from(dataKeys)
    .where(and(eq(dataKeys.projectId, projectId), eq(dataKeys.subject, subject)))
    .orderBy(dataKeys.id)
  return { rows: found?.rows ?? 0, dataKeys: keys.map(({ id }) => id) }
}

type Run = { rows: number; progressAt: Date; progressId: string; erased: number }

/**
 * Takes the bodies of at most `limit` rows, the newest first, that began up to `until`; null when there are no more
 * rows. `erased` counts rows that still had a body. The transaction has to be one of its own.
 */
export async function eraseBodies(
  db: Db,
  row: Pick<ErasureRow, 'projectId' | 'subject' | 'progressAt' | 'progressId'> & { until: Date },
  limit: number,
): Promise<Run | null> {
  const { progressAt, progressId } = row
  const places = await db
    .select({
      day: requests.day,
      writer: requests.writer,
      seq: requests.seq,
      id: requests.id,
      startedAt: requests.startedAt,
    })
    .from(requests)
    .where(
      and(
        eq(requests.projectId, row.projectId),
        eq(requests.subject, row.subject),
        lte(requests.startedAt, row.until),
        progressAt === null
          ? undefined
          : sql`(${requests.startedAt}, ${requests.id}) < (${progressAt.toISOString()}::timestamptz, ${progressId})`,
      ),
    )
    .orderBy(desc(requests.startedAt), desc(requests.id))
    .limit(limit)
  const last = places.at(-1)
  if (last === undefined) return null
  await db.execute(sql`SET LOCAL aval.maintenance = 'erase'`)
  const lines = places.map(
    ({ day, writer, seq }) => sql`(${day}::date, ${writer}::uuid, ${String(seq)}::bigint)`,
  )
  const gone = await db.execute(sql`
    UPDATE request_bodies b SET request_text = NULL, request_raw = NULL, response_text = NULL, response_raw = NULL
    FROM (VALUES ${sql.join(lines, sql`, `)}) AS place (day, writer, seq)
    WHERE b.day = place.day AND b.writer = place.writer AND b.seq = place.seq
      AND num_nonnulls(b.request_text, b.request_raw, b.response_text, b.response_raw) > 0
    RETURNING b.seq`)
  // What was said of an answer may quote it. After the bodies: a judgement that is being written holds them until it is there.
  const ids = places.map(({ id }) => sql`${id}`)
  await db.execute(sql`
    UPDATE online_scores SET reason = NULL
    WHERE request_id IN (${sql.join(ids, sql`, `)}) AND outcome <> 'skipped' AND reason IS NOT NULL`)
  return { rows: places.length, progressAt: last.startedAt, progressId: last.id, erased: gone.length }
}

/** Tells every gateway, when and only when the transaction commits, that a subject's keys are gone. */
export async function announceErasure(db: Db): Promise<void> {
  await db
    .update(changeCounters)
    .set({ version: sql`${changeCounters.version} + 1` })
    .where(eq(changeCounters.subject, ERASURES_COUNTER))
  await db.execute(sql`SELECT pg_notify(${ERASURES_CHANNEL}, '')`)
}

/** The counter of erasures; 0 before the first. */
export async function readErasuresVersion(db: Db): Promise<bigint> {
  const [row] = await db
    .select({ version: changeCounters.version })
    .from(changeCounters)
    .where(eq(changeCounters.subject, ERASURES_COUNTER))
  return row?.version ?? 0n
}

export async function insertHold(
  db: Db,
  row: Pick<
    HoldRow,
    'id' | 'projectId' | 'subject' | 'reason' | 'placedBy' | 'placedByName' | 'placedByPerson' | 'placedAt'
  >,
): Promise<HoldRow> {
  const [inserted] = await db.insert(legalHolds).values(row).returning()
  if (inserted === undefined) throw new Error('The database gave no row back.')
  return inserted
}

/** The oldest hold in force that covers a subject, its own or its project's; null when there is none. */
export async function findHold(db: Db, projectId: string, subject: string): Promise<HoldRow | null> {
  const [row] = await db
    .select()
    .from(legalHolds)
    .where(
      and(
        eq(legalHolds.projectId, projectId),
        isNull(legalHolds.releasedAt),
        or(isNull(legalHolds.subject), eq(legalHolds.subject, subject)),
      ),
    )
    .orderBy(legalHolds.id)
    .limit(1)
  return row ?? null
}

/** One hold of one project, locked until the transaction ends. */
export async function lockHold(db: Db, projectId: string, id: string): Promise<HoldRow | null> {
  const [row] = await db
    .select()
    .from(legalHolds)
    .where(and(eq(legalHolds.projectId, projectId), eq(legalHolds.id, id)))
    .for('update')
  return row ?? null
}

export async function updateHold(
  db: Db,
  id: string,
  release: Pick<
    HoldRow,
    'releasedBy' | 'releasedByName' | 'releasedByPerson' | 'releasedAt' | 'releaseReason'
  >,
): Promise<HoldRow> {
  const [row] = await db.update(legalHolds).set(release).where(eq(legalHolds.id, id)).returning()
  if (row === undefined) throw new Error(`Hold ${id} is gone.`)
  return row
}

export async function listHoldRows(db: Db, { projectId, before, limit }: PageOf): Promise<HoldRow[]> {
  return await db
    .select()
    .from(legalHolds)
    .where(and(eq(legalHolds.projectId, projectId), before === null ? undefined : lt(legalHolds.id, before)))
    .orderBy(desc(legalHolds.id))
    .limit(limit)
}
