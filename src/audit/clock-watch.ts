/**
 * Puts on the log that the wall clock jumped. Order is by writer and number and needs no clock, but whoever reads times
 * has to know where they cannot be compared.
 */

import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { EventLog } from './record.ts'

/** Time servers correct by less at once; a person or a restored machine jumps by more. */
const JUMP_MS = 500
const LOOK_EVERY_MS = 1000

/** Looks once a second; returns how to stop. `onFailure` hears of a jump that the log did not take. */
export function watchClock(log: EventLog, clock: Clock, onFailure: (error: unknown) => void): () => void {
  let offsetMs = clock.nowMs() - clock.monotonicMs()
  const timer = setInterval(() => {
    const atMs = clock.nowMs()
    const now = atMs - clock.monotonicMs()
    const jumpMs = Math.round(now - offsetMs)
    if (Math.abs(jumpMs) < JUMP_MS) return
    offsetMs = now
    const system = { projectId: null, actorId: null, actorName: null, purpose: null, target: null }
    const record = { id: newId('evt', atMs), kind: 'clock', atMs, ...system } as const
    log.event({ ...record, action: 'clock.jumped', detail: { jump_ms: jumpMs } }).catch(onFailure)
  }, LOOK_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}
