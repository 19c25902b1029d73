/** Sums up what has come into the log since the last time. Safe to run twice and from several workers: one is at it, the others end. */

import type { Sql } from 'postgres'
import type { Clock } from '../lib/clock.ts'
import { keptSince, type RollupKeep } from '../monitoring/rollups/retention.ts'
import { rollUp } from '../monitoring/rollups/roll-up.ts'
import { JOBS } from '../queue/jobs.ts'

export type RollUpDeps = {
  sql: Sql
  clock: Clock
  embedded: boolean
  /** How long sums are kept; null while aval.yaml has mistakes: then none is too old. */
  keepRollups: () => RollupKeep | null
}

export const ROLL_UP_EVERY_MS = 10_000
/** A log that nobody summed up so far is caught up with over several turns. */
const MAX_BATCHES = 100

/** Throws ZodError for a payload that is not empty. */
export async function runRollUp(
  { sql, clock, embedded, keepRollups }: RollUpDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<{ requests: number }> {
  JOBS['roll-up'].parse(payload)
  const kept = () => keptSince(clock.nowMs(), keepRollups())
  const { requests } = await rollUp(sql, { keptSince: kept, embedded, maxBatches: MAX_BATCHES, signal })
  return { requests }
}
