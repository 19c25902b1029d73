/** Goes on with one run of a suite. Safe to run twice: one worker is at a run, and another one ends at once. */

import type { Ask } from '../evals/runs/ask.ts'
import { type ExecuteDeps, executeRun } from '../evals/runs/execute.ts'
import { readyScorers } from '../evals/scorers/ready-scorers.ts'
import { JOBS } from '../queue/jobs.ts'

export type RunSuiteDeps = Pick<ExecuteDeps, 'sql' | 'clock'> & {
  /** The data plane of this process, with the upstreams as aval.yaml has them now. */
  ask: () => Promise<Ask>
}

/** Returns how it ended. Throws ZodError for a payload without an id, and whatever a second try may mend. */
export async function runRunSuite(
  { sql, clock, ask }: RunSuiteDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<string> {
  const { runId } = JOBS['run-suite'].parse(payload)
  const given = { sql, clock, signal, random: Math.random, ask: await ask(), prepare: readyScorers }
  return await executeRun(given, runId)
}
