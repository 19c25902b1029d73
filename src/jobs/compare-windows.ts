/** Compares what routes are asked now with what they were asked before, one after another. Safe to run twice and at any time. */

import { HELD } from '../db/held-work.ts'
import { detectLanguage } from '../evals/scorers/language.ts'
import type { CheckDeps } from '../monitoring/data/check-deps.ts'
import { listOpenChecks } from '../monitoring/data/check-rows.ts'
import { executeCheck } from '../monitoring/data/execute-check.ts'
import { queueDueChecks } from '../monitoring/data/queue-check.ts'
import { JOBS } from '../queue/jobs.ts'

export type CompareWindowsDeps = Omit<CheckDeps, 'signal' | 'languageOf' | 'size'>

export const COMPARE_WINDOWS_EVERY_MS = 3_600_000
/** Of one round; the next one goes on. */
const MAX_CHECKS = 100

/** Returns how many came to an end. Throws ZodError for a payload that is not empty, and whatever a second try may mend. */
export async function runCompareWindows(
  deps: CompareWindowsDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<{ due: number; done: number }> {
  JOBS['compare-windows'].parse(payload)
  const { sql, clock } = deps
  const due = await queueDueChecks(sql, clock.nowMs())
  const tried = new Set<string>()
  const failures: unknown[] = []
  let done = 0
  while (tried.size < MAX_CHECKS) {
    signal.throwIfAborted()
    // What was asked for meanwhile found this round under way, and was left to it.
    const open = await listOpenChecks(sql, clock.nowMs() - HELD.silentMs, MAX_CHECKS)
    const id = open.find((one) => !tried.has(one))
    if (id === undefined) break
    tried.add(id)
    try {
      if ((await executeCheck({ ...deps, languageOf: detectLanguage, signal }, id)) === 'done') done += 1
    } catch (error) {
      // The others do not wait for one that fails; the round is tried again with it.
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
  return { due, done }
}
