/** Exports in the database. Whoever writes an export's files holds its `run`; every write of a run that lost it does nothing. */

import type { Db } from '../../db/client.ts'
import { and, asc, count, desc, eq, gt, gte, inArray, isNotNull, lt, ne, or, sql } from '../../db/orm.ts'
import {
  auditCheckpoints,
  auditLeaves,
  auditSigningKeys,
  erasures,
  exportFiles,
  exports as exportsTable,
} from '../../db/schema.ts'
import type { RequestFilter } from '../store.ts'

export type ExportFormat = 'jsonl' | 'parquet'
type ExportState = 'queued' | 'running' | 'done' | 'failed'
/** What rows an export has; whose they are stands beside it. */
export type ExportFilter = Omit<RequestFilter, 'scope' | 'limit' | 'cursor'> & {
  sinceMs: number
  untilMs: number
}
/** One file as it is downloaded; `parts` are its chunks in the database. */
export type WrittenFile = { name: string; bytes: number; sha256: string; parts: number }

export type StoredExport = Omit<
  typeof exportsTable.$inferSelect,
  'filters' | 'format' | 'state' | 'files'
> & {
  filters: ExportFilter
  format: ExportFormat
  state: ExportState
  files: WrittenFile[]
}

type Run = { id: string; run: string }

const LIVE: ExportState[] = ['queued', 'running']

export async function insertExport(db: Db, row: typeof exportsTable.$inferInsert): Promise<StoredExport> {
  const [inserted] = await db.insert(exportsTable).values(row).returning()
  if (inserted === undefined) throw new Error('INSERT … RETURNING gave no row.')
  return typed(inserted)
}

/** Null when the project has no such export, or no longer. */
export async function findExport(db: Db, projectId: string, id: string): Promise<StoredExport | null> {
  const [found] = await db
    .select()
    .from(exportsTable)
    .where(and(eq(exportsTable.id, id), eq(exportsTable.projectId, projectId)))
  return found === undefined ? null : typed(found)
}

/** The newest first; `before` is the last id of the page before. */
export async function listExports(
  db: Db,
  projectId: string,
  page: { limit: number; before?: string | undefined },
): Promise<StoredExport[]> {
  const older = page.before === undefined ? undefined : lt(exportsTable.id, page.before)
  const found = await db
    .select()
    .from(exportsTable)
    .where(and(eq(exportsTable.projectId, projectId), older))
    .orderBy(desc(exportsTable.id))
    .limit(page.limit)
  return found.map(typed)
}

/** How many of a project's exports wait or run. */
export async function countLiveExports(db: Db, projectId: string): Promise<number> {
  return await db.$count(
    exportsTable,
    and(eq(exportsTable.projectId, projectId), inArray(exportsTable.state, LIVE)),
  )
}

/** Makes `run` the one that writes, from the start; null when there is nothing to write. Chunks of earlier runs go. */
export async function claimExport(db: Db, { id, run }: Run, now: Date): Promise<StoredExport | null> {
  const [claimed] = await db
    .update(exportsTable)
    .set({
      state: 'running',
      run,
      attempts: sql`${exportsTable.attempts} + 1`,
      updatedAt: now,
      rowsDone: 0,
      rowsTotal: null,
    })
    .where(and(eq(exportsTable.id, id), inArray(exportsTable.state, LIVE), gt(exportsTable.expiresAt, now)))
    .returning()
  if (claimed === undefined) return null
  // Of whoever holds it by now: this statement may have waited while another run took over and stored its chunks.
  const holder = db.select({ run: exportsTable.run }).from(exportsTable).where(eq(exportsTable.id, id))
  await db.delete(exportFiles).where(and(eq(exportFiles.exportId, id), ne(exportFiles.run, sql`(${holder})`)))
  return typed(claimed)
}

/** False when another run has taken over, or the export is gone. */
export async function noteProgress(
  db: Db,
  { id, run }: Run,
  progress: { rowsDone?: number; rowsTotal?: number; error?: string; state?: ExportState; updatedAt: Date },
): Promise<boolean> {
  const noted = await db
    .update(exportsTable)
    .set(progress)
    .where(and(eq(exportsTable.id, id), eq(exportsTable.run, run)))
    .returning({ id: exportsTable.id })
  return noted.length === 1
}

/** Ends a run: its files are there, or `error` says why not. False when another run has taken over. */
export async function finishExport(
  db: Db,
  { id, run }: Run,
  end: { files: WrittenFile[]; rowsDone: number; now: Date } | { error: string; now: Date },
): Promise<boolean> {
  const failed = 'error' in end
  const ended = await db
    .update(exportsTable)
    .set({
      updatedAt: end.now,
      finishedAt: end.now,
      ...(failed
        ? { state: 'failed', error: end.error }
        : { state: 'done', error: null, files: end.files, rowsDone: end.rowsDone }),
    })
    .where(and(eq(exportsTable.id, id), eq(exportsTable.run, run), eq(exportsTable.state, 'running')))
    .returning({ id: exportsTable.id })
  if (ended.length === 0) return false
  const useless = failed ? undefined : ne(exportFiles.run, run)
  await db.delete(exportFiles).where(and(eq(exportFiles.exportId, id), useless))
  return true
}

export async function insertChunk(db: Db, chunk: typeof exportFiles.$inferInsert): Promise<void> {
  await db.insert(exportFiles).values(chunk)
}

/** Null when it is not there. */
export async function findChunk(
  db: Db,
  { id, run }: Run,
  name: string,
  part: number,
): Promise<Buffer | null> {
  const [found] = await db
    .select({ bytes: exportFiles.bytes })
    .from(exportFiles)
    .where(
      and(
        eq(exportFiles.exportId, id),
        eq(exportFiles.run, run),
        eq(exportFiles.name, name),
        eq(exportFiles.part, part),
      ),
    )
  return found?.bytes ?? null
}

/** Exports whose job was lost: waiting, or running without a sign of life, since before these instants. */
export async function listForgottenExports(
  db: Db,
  since: { queued: Date; running: Date },
  limit: number,
): Promise<string[]> {
  const found = await db
    .select({ id: exportsTable.id })
    .from(exportsTable)
    .where(
      or(
        and(eq(exportsTable.state, 'queued'), lt(exportsTable.updatedAt, since.queued)),
        and(eq(exportsTable.state, 'running'), lt(exportsTable.updatedAt, since.running)),
      ),
    )
    .orderBy(asc(exportsTable.id))
    .limit(limit)
  return found.map(({ id }) => id)
}

/** Deletes exports whose time is over, with their files and the key these were sealed under. */
export async function deleteExpiredExports(db: Db, now: Date): Promise<number> {
  const gone = await db
    .delete(exportsTable)
    .where(lt(exportsTable.expiresAt, now))
    .returning({ id: exportsTable.id })
  return gone.length
}

/** True when a subject of the project was erased at or after this instant. */
export async function hasErasureSince(db: Db, projectId: string, at: Date): Promise<boolean> {
  const [found] = await db
    .select({ erasures: count() })
    .from(erasures)
    .where(
      and(eq(erasures.projectId, projectId), isNotNull(erasures.executedAt), gte(erasures.executedAt, at)),
    )
  return (found?.erasures ?? 0) > 0
}

/** The newest signed head of a writer. */
export async function findNewestHead(db: Db, writer: string): Promise<{ size: number; note: string } | null> {
  const [found] = await db
    .select({ size: auditCheckpoints.size, note: auditCheckpoints.note })
    .from(auditCheckpoints)
    .where(eq(auditCheckpoints.writer, writer))
    .orderBy(desc(auditCheckpoints.size))
    .limit(1)
  return found ?? null
}

/** Public keys that have signed heads, the first first. */
export async function listSigningKeys(db: Db): Promise<string[]> {
  const found = await db.select().from(auditSigningKeys).orderBy(asc(auditSigningKeys.firstUsedAt))
  return found.map(({ verifierKey }) => verifierKey)
}

/** A writer's leaf hashes in the runs they were shipped in, from the first record on. */
export async function* leafRuns(
  db: Db,
  writer: string,
): AsyncGenerator<{ firstSeq: number; leaves: Buffer }> {
  let after = -1n
  for (;;) {
    const page = await db
      .select({ firstSeq: auditLeaves.firstSeq, leaves: auditLeaves.leaves })
      .from(auditLeaves)
      .where(and(eq(auditLeaves.writer, writer), gt(auditLeaves.firstSeq, after)))
      .orderBy(asc(auditLeaves.firstSeq))
      .limit(LEAF_RUNS)
    for (const { firstSeq, leaves } of page) yield { firstSeq: Number(firstSeq), leaves }
    const last = page.at(-1)
    if (last === undefined || page.length < LEAF_RUNS) return
    after = last.firstSeq
  }
}

/** A run is one batch of the shipper: some 500 leaves. */
const LEAF_RUNS = 100

function typed(row: typeof exportsTable.$inferSelect): StoredExport {
  return {
    ...row,
    // All four are what this file wrote; the table's CHECKs hold format and state.
    filters: row.filters as ExportFilter,
    format: row.format as ExportFormat,
    state: row.state as ExportState,
    files: row.files as WrittenFile[],
  }
}
