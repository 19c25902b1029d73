/** Lets go of sums that are older than aval.yaml keeps. Safe to run at any time. */

import { dropOldRollups, keptSince } from '../monitoring/rollups/retention.ts'
import { JOBS } from '../queue/jobs.ts'
import type { RollUpDeps } from './roll-up.ts'

export const TIDY_ROLLUPS_EVERY_MS = 3_600_000

/** Nothing goes while aval.yaml has mistakes. Throws ZodError for a payload that is not empty. */
export async function runTidyRollups(
  { sql, clock, keepRollups }: Omit<RollUpDeps, 'embedded'>,
  payload: unknown,
): Promise<{ partitions: number; rows: number }> {
  JOBS['tidy-rollups'].parse(payload)
  const keep = keepRollups()
  if (keep === null) return { partitions: 0, rows: 0 }
  return await dropOldRollups(sql, keptSince(clock.nowMs(), keep))
}
