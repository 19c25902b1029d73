/** Puts what became of alerts on the log. Safe to run at any time, and twice at once. */

import { type LogEventsDeps, logAlertEvents } from '../monitoring/alerts/log-events.ts'
import { JOBS } from '../queue/jobs.ts'

export const LOG_ALERTS_EVERY_MS = 60_000

/** Throws ZodError for a payload that is not empty, and whatever a second try may mend, such as a worker without the log's keys. */
export async function runLogAlerts(
  { sql, clock, log }: LogEventsDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<{ events: number }> {
  JOBS['log-alerts'].parse(payload)
  return { events: await logAlertEvents({ sql, clock, log }, signal) }
}
