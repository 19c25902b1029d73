/** Every project's traffic given to its detectors, as far as it has settled. Safe to run at any time, in several processes, and to be killed. */

import type { Sql } from 'postgres'
import type { Clock } from '../../lib/clock.ts'
import { listBusyProjects } from '../rollups/read.ts'
import { nextBucket, settledTo } from './buckets.ts'
import { readCursor } from './series-rows.ts'
import { type Watched, watchBucket } from './watch-bucket.ts'

export type WatchedAll = Watched & { buckets: number }

/** Those with the most requests; and what one look takes on, so that the next one begins in time. */
const MAX_PROJECTS = 200
const MAX_BUCKETS = 24
const MAX_LOOK_MS = 45_000
/** A project is looked at until it was silent for a day. */
const BUSY_WITHIN_MS = 86_400_000

/** Buckets that are not reached are for the next look. Rejects when the database is out of reach; what was kept by then stays. */
export async function watchSeries(sql: Sql, clock: Clock, signal: AbortSignal): Promise<WatchedAll> {
  const settledMs = settledTo(clock.nowMs())
  const begunMs = clock.monotonicMs()
  const all: WatchedAll = { buckets: 0, points: 0, opened: [], ended: 0 }
  const isOver = () => signal.aborted || clock.monotonicMs() - begunMs > MAX_LOOK_MS
  for (const projectId of await listBusyProjects(sql, settledMs - BUSY_WITHIN_MS, settledMs, MAX_PROJECTS)) {
    for (let read = 0; read < MAX_BUCKETS && !isOver(); read += 1) {
      const cursorMs = await readCursor(sql, projectId)
      const atMs = nextBucket(cursorMs, settledMs)
      if (atMs >= settledMs) break
      const watched = await watchBucket(sql, { projectId, atMs, cursorMs }, clock.nowMs())
      if (watched === null) break
      all.buckets += 1
      all.points += watched.points
      all.opened.push(...watched.opened)
      all.ended += watched.ended
    }
  }
  return all
}
