/** Puts the opening and the end of alerts on the log, each once; killed between the log and the row, once more, and never not at all. */

import type { Sql } from 'postgres'
import type { EventLog, EventRecord } from '../../audit/record.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Alert } from './alert.ts'
import { holdUnlogged, listUnlogged, markLogged } from './logged-rows.ts'
import { toMessageBar, unitOf } from './message.ts'

export type LogEventsDeps = {
  sql: Sql
  clock: Clock
  /** Opened with the first event that there is. */
  log: () => Promise<EventLog>
}

/** Of one round; the next one goes on. */
const MAX_ALERTS = 500

/** How many events it logged, those of one alert in their order. Rejects when the log or the database takes no more; what is logged stays so. */
export async function logAlertEvents(
  { sql, clock, log }: LogEventsDeps,
  signal: AbortSignal,
): Promise<number> {
  let events = 0
  for (const id of await listUnlogged(sql, MAX_ALERTS)) {
    if (signal.aborted) break
    const opened = await log()
    events += await sql.begin(async (transaction) => {
      const held = await holdUnlogged(transaction, id)
      if (held === null) return 0
      const { alert, logged } = held
      const due = [
        ...(logged === 'none' ? (['opened'] as const) : []),
        ...(alert.endedAtMs === null ? [] : (['ended'] as const)),
      ]
      for (const event of due) {
        await opened.event(toEvent(alert, event, clock.nowMs()))
        await markLogged(transaction, id, event)
      }
      return due.length
    })
  }
  return events
}

/** Names and figures. `atMs` is when it was logged; when it happened stands in the detail. Pure but for the id. */
function toEvent(alert: Alert, event: 'opened' | 'ended', atMs: number): EventRecord {
  const { id, projectId, subject, metric, change, value, usual, bar } = alert
  return {
    id: newId('evt', atMs),
    kind: 'admin',
    atMs,
    projectId,
    actorId: null,
    actorName: 'monitoring',
    action: `alert.${event}`,
    target: id,
    purpose: null,
    detail: {
      subject: { kind: subject.kind, name: subject.name },
      metric,
      change,
      unit: unitOf(alert),
      value,
      usual,
      ...(bar !== null && { bar: toMessageBar(bar) }),
      began_at: iso(alert.beganAtMs),
      opened_at: iso(alert.openedAtMs),
      ...(event === 'ended' && alert.endedAtMs !== null && { ended_at: iso(alert.endedAtMs) }),
    },
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
