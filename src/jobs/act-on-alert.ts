/** Does what policies let one alert do. Safe to run twice: what is done is not done again. */

import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'

export type ActOnAlertDeps = {
  act: (alertId: string, runSuite: (runId: string) => Promise<void>) => Promise<string>
}

/** Throws ZodError for a payload without an id, and whatever a second try may mend. */
export async function runActOnAlert(
  { act, enqueuer }: ActOnAlertDeps & { enqueuer: Enqueuer },
  payload: unknown,
): Promise<string> {
  const { alertId } = JOBS['act-on-alert'].parse(payload)
  const runSuite = (runId: string) => enqueuer.enqueue('run-suite', { runId }, { key: runId })
  return await act(alertId, runSuite)
}
