/** When work in the database counts as forgotten, so that its bell is rung again. The same for every kind of it. */

import type { Clock } from '../lib/clock.ts'

/** The gateway rings at once; after this the bell was lost. */
const QUEUED_MS = 20_000
/** Every run gives a sign of life within twenty seconds, and a dead worker's lock ends after thirty. */
const RUNNING_MS = 120_000

/** Bells that one round rings; the next one comes in a minute. */
export const MAX_RUNG = 100

/** Since when a row must have waited, or been silent. */
export function forgottenSince(clock: Clock): { queued: Date; running: Date } {
  const nowMs = clock.nowMs()
  return { queued: new Date(nowMs - QUEUED_MS), running: new Date(nowMs - RUNNING_MS) }
}
