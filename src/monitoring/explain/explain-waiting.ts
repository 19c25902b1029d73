/** Explains the alerts that wait for it: each once, and an old one no more, so that none that cannot be explained keeps others waiting. */

import type { Sql } from 'postgres'
import { listUnexplained, setExplanation } from '../alerts/alert-rows.ts'
import { explainAlert } from './explain.ts'

/** Of one round; a minute later comes the next. */
const MAX_ALERTS = 20
/** An alert that has not been explained by then is left: what it would be compared with is going. */
const MAX_AGE_MS = 86_400_000

/** How many were explained. `failed` is told of each that could not be; the next round tries it again. */
export async function explainWaiting(
  sql: Sql,
  nowMs: number,
  signal: AbortSignal,
  failed: (alertId: string, error: unknown) => void,
): Promise<number> {
  let explained = 0
  for (const alert of await listUnexplained(sql, { sinceMs: nowMs - MAX_AGE_MS, limit: MAX_ALERTS })) {
    if (signal.aborted) break
    try {
      await setExplanation(sql, alert, await explainAlert(sql, alert))
      explained += 1
    } catch (error) {
      // One that cannot be read in time must not keep those behind it waiting.
      failed(alert.id, error)
    }
  }
  return explained
}
