/**
 * How hard the shipper may work while requests need the processor. Rows are safe in the spool and can wait a little;
 * callers cannot. Bounded: a backlog that gets old is shipped at full speed whatever else happens.
 */

import { performance } from 'node:perf_hooks'
import type { Progress } from './progress.ts'

/** Above this share of its time in callbacks the event loop is what requests wait for. */
const BUSY_SHARE = 0.7
const LOOK_EVERY_MS = 100
/** While the gateway is busy the shipper rests three times as long as it worked: a quarter of one core at most. */
const REST_PER_WORK = 3
/** A rest ends soon after the load does, however slow the last batch was. */
const MAX_REST_MS = 500
/** Older rows than this are wanted more than the last bit of throughput. */
const MAX_AGE_SECONDS = 15

/** Milliseconds the shipper rests after `workedMs` of work; 0 = go on at once. */
export function restMs(load: { busy: boolean; oldestSeconds: number; workedMs: number }): number {
  if (!load.busy || load.oldestSeconds >= MAX_AGE_SECONDS) return 0
  return Math.min(MAX_REST_MS, load.workedMs * REST_PER_WORK)
}

/** Keeps `progress.busy` true to the event loop of the calling thread; returns how to stop. */
export function watchLoad(progress: Progress): () => void {
  let before = performance.eventLoopUtilization()
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization()
    progress.busy = performance.eventLoopUtilization(now, before).utilization > BUSY_SHARE
    before = now
  }, LOOK_EVERY_MS)
  timer.unref()
  return () => {
    clearInterval(timer)
    progress.busy = false
  }
}
