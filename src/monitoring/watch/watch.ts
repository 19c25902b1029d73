/** Every project's traffic given to its detectors, as far as it has settled. Safe to run at any time, in several processes, and to be killed. */

import type { Sql } from 'postgres'
import type { Clock } from '../../lib/clock.ts'
import { countBehind } from '../rollups/log-rows.ts'
import { listBusyProjects } from '../rollups/read.ts'
import { BATCH_RECORDS } from '../rollups/roll-up.ts'
import { nextBucket, settledTo } from './buckets.ts'
import { endSilent } from './end-silent.ts'
import { SILENT_AFTER_MS } from './series.ts'
import { forgetSeries, inTurn, listSilentProjects, readCursor } from './series-rows.ts'
import { type Watched, watchBucket } from './watch-bucket.ts'

export type WatchedAll = Watched & { buckets: number }
export type Look = {
  clock: Clock
  signal: AbortSignal
  embedded: boolean
  /** Told of each project that could not be read; the next look tries it again. */
  failed: (projectId: string, error: unknown) => void
}

/** Those with the most requests; and what one look takes on, so that the next one begins in time. */
const MAX_PROJECTS = 200
const MAX_BUCKETS = 24
const MAX_LOOK_MS = 45_000

/**
 * Buckets that are not reached are for the next look, which begins with those that wait the longest. None is read while more of the log
 * than a batch waits to be summed up: a bucket that is half there would be read for good. Rejects when the database is out of reach; what
 * was kept by then stays.
 */
export async function watchSeries(sql: Sql, look: Look): Promise<WatchedAll> {
  const { clock, signal, embedded, failed } = look
  const all: WatchedAll = { buckets: 0, points: 0, opened: [], ended: 0 }
  if ((await countBehind(sql)) > (embedded ? BATCH_RECORDS.embedded : BATCH_RECORDS.server)) return all
  const settledMs = settledTo(clock.nowMs())
  const begunMs = clock.monotonicMs()
  const isOver = () => signal.aborted || clock.monotonicMs() - begunMs > MAX_LOOK_MS
  const busy = await listBusyProjects(sql, settledMs - SILENT_AFTER_MS, settledMs, MAX_PROJECTS)
  const silent = await listSilentProjects(sql, settledMs - SILENT_AFTER_MS, MAX_PROJECTS)
  for (const projectId of silent.filter((one) => !busy.includes(one))) {
    if (isOver()) break
    await attempt(projectId, failed, async () => {
      all.ended += await endSilent(sql, projectId, settledMs, clock.nowMs())
    })
  }
  for (const projectId of await inTurn(sql, busy)) {
    if (isOver()) break
    await attempt(projectId, failed, () => watchProject(sql, { projectId, settledMs, clock, isOver }, all))
  }
  await forgetSeries(sql, settledMs)
  return all
}

/** One project that cannot be read must not keep those behind it waiting. */
async function attempt(projectId: string, failed: Look['failed'], work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    failed(projectId, error)
  }
}

type ProjectLook = { projectId: string; settledMs: number; clock: Clock; isOver: () => boolean }

/** Adds to `all`. */
async function watchProject(
  sql: Sql,
  { projectId, settledMs, clock, isOver }: ProjectLook,
  all: WatchedAll,
): Promise<void> {
  for (let read = 0; read < MAX_BUCKETS && !isOver(); read += 1) {
    const cursorMs = await readCursor(sql, projectId)
    const atMs = nextBucket(cursorMs, settledMs)
    if (atMs >= settledMs) return
    const watched = await watchBucket(sql, { projectId, atMs, cursorMs }, clock.nowMs())
    if (watched === null) return
    all.buckets += 1
    all.points += watched.points
    all.opened.push(...watched.opened)
    all.ended += watched.ended
  }
}
