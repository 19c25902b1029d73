/** Every project's traffic given to its detectors and held against bars, as far as it has settled. Safe to run at any time, in several processes, and to be killed. */

import type { Sql } from 'postgres'
import type { Clock } from '../../lib/clock.ts'
import type { BarRule } from '../bars/bar.ts'
import { readReach } from '../rollups/log-rows.ts'
import { listBusyProjects } from '../rollups/read.ts'
import { nextBucket, settledTo } from './buckets.ts'
import { endSilent } from './end-silent.ts'
import { SILENT_AFTER_MS } from './series.ts'
import { forgetSeries, listSilentProjects, readCursor } from './series-rows.ts'
import { type Watched, watchBucket } from './watch-bucket.ts'

export type WatchedAll = Watched & { buckets: number }
export type Look = {
  /** Of all rules that have one, as they are now; null where nobody knows, and then all stays as it stands at them. */
  bars: readonly BarRule[] | null
  clock: Clock
  random: () => number
  signal: AbortSignal
  /** Told how far the log is summed up, milliseconds, where that is more than ten minutes ago. */
  late: (reachMs: number) => void
  /** Told of each project that could not be read; the next look tries it again. */
  failed: (projectId: string, error: unknown) => void
}

/** Those with the most requests; and what one look takes on, so that the next one begins in time. */
const MAX_PROJECTS = 200
const MAX_BUCKETS = 24
const MAX_LOOK_MS = 45_000
const LATE_MS = 600_000

/**
 * Projects come in another order each time, so that none that takes long, or cannot be read, keeps the same ones waiting. Buckets that
 * are not reached are for the next look. None is read that the log may still hold something of: half a bucket would be read
 * for good. A project that cannot be read is told to `failed`. Rejects with what the database says of anything else; what was kept by
 * then stays.
 */
export async function watchSeries(sql: Sql, look: Look): Promise<WatchedAll> {
  const { clock, random, signal, late, failed, bars } = look
  const all: WatchedAll = { buckets: 0, points: 0, opened: [], ended: 0 }
  const reachMs = await readReach(sql)
  if (reachMs === null) return all
  if (clock.nowMs() - reachMs > LATE_MS) late(reachMs)
  const settledMs = settledTo(Math.min(clock.nowMs(), reachMs))
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
  for (const projectId of shuffled(busy, random)) {
    if (isOver()) break
    await attempt(projectId, failed, () =>
      watchProject(sql, { projectId, settledMs, clock, bars, isOver }, all),
    )
  }
  await forgetSeries(sql, settledMs)
  return all
}

function shuffled(projects: readonly string[], random: () => number): string[] {
  const drawn = projects.map((project) => ({ project, place: random() }))
  return drawn.toSorted((a, b) => a.place - b.place).map(({ project }) => project)
}

/** One project that cannot be read must not keep those behind it waiting. */
async function attempt(projectId: string, failed: Look['failed'], work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    failed(projectId, error)
  }
}

type ProjectLook = Pick<Look, 'clock' | 'bars'> & {
  projectId: string
  settledMs: number
  isOver: () => boolean
}

/** Adds to `all`. */
async function watchProject(
  sql: Sql,
  { projectId, settledMs, clock, bars, isOver }: ProjectLook,
  all: WatchedAll,
): Promise<void> {
  for (let read = 0; read < MAX_BUCKETS && !isOver(); read += 1) {
    const cursorMs = await readCursor(sql, projectId)
    const atMs = nextBucket(cursorMs, settledMs)
    if (atMs >= settledMs) return
    const watched = await watchBucket(sql, { projectId, atMs, cursorMs, bars }, clock.nowMs())
    if (watched === null) return
    all.buckets += 1
    all.points += watched.points
    all.opened.push(...watched.opened)
    all.ended += watched.ended
  }
}
