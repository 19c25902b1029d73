/** What is to be told of an alert now, to which channel: what happened, when that lasted long enough, and once. Pure. */

import type { Alert } from './alert.ts'
import { type AlertRule, tellingsOf } from './rules.ts'

export type AlertEvent = 'opened' | 'still_open' | 'ended'
/** `nth`: the first, second … reminder; otherwise 0. */
export type Due = { alertId: string; event: AlertEvent; nth: number; channel: string }
/** Told, or kept quiet by a silence. */
export type Told = Due & { silenced: boolean }

/** For what explains an alert: it is found within the same round of the watch, or it may never be. */
const EXPLAIN_WAIT_MS = 2 * 60_000
/** An alert that was over for longer when somebody could first be told is told to nobody. */
const LATE_MS = 60 * 60_000
/** Of one alert, per channel. */
const MAX_REMINDERS = 20

/**
 * In the order in which they happened. `told` is of this alert alone. Whoever was told of the beginning is told of the end, also
 * under a silence: an incident that was opened elsewhere would stay open for ever. What a silence kept quiet is due again when
 * the alert outlasts it. An end follows in a later round than its beginning.
 */
export function dueOf(
  alert: Alert,
  rules: readonly AlertRule[],
  told: readonly Told[],
  nowMs: number,
): Due[] {
  const due: Due[] = []
  for (const [channel, telling] of tellingsOf(rules, alert)) {
    const own = told.filter((one) => one.channel === channel)
    const knows = own.some(({ event, silenced }) => event === 'opened' && !silenced)
    const wasKept = own.some(({ event, silenced }) => event === 'opened' && silenced)
    const opens = !knows && isDue(alert, telling.forMs, wasKept, nowMs)
    if (opens) due.push({ alertId: alert.id, event: 'opened', nth: 0, channel })
    const nth = knows ? reminderOf(alert, telling.remindMs, nowMs) : 0
    if (nth > 0 && !own.some((one) => one.nth >= nth)) {
      due.push({ alertId: alert.id, event: 'still_open', nth, channel })
    }
  }
  if (alert.endedAtMs === null) return due
  const knowing = told.filter(({ event, silenced }) => event === 'opened' && !silenced)
  for (const { channel } of knowing) {
    const knows = told.some(({ event, channel: to }) => event === 'ended' && to === channel)
    if (!knows) due.push({ alertId: alert.id, event: 'ended', nth: 0, channel })
  }
  return due
}

function isDue(
  { openedAtMs, endedAtMs, explanation }: Alert,
  forMs: number,
  wasKept: boolean,
  nowMs: number,
) {
  if (endedAtMs !== null) {
    return !wasKept && endedAtMs - openedAtMs >= forMs && nowMs - endedAtMs <= LATE_MS
  }
  const waitMs = explanation === null ? Math.max(forMs, EXPLAIN_WAIT_MS) : forMs
  return nowMs - openedAtMs >= waitMs
}

/** The newest reminder that is due; 0 for none. Somebody who acknowledged an alert needs none. */
function reminderOf({ openedAtMs, endedAtMs, acked }: Alert, remindMs: number | null, nowMs: number): number {
  if (remindMs === null || endedAtMs !== null || acked !== null) return 0
  return Math.min(MAX_REMINDERS, Math.floor((nowMs - openedAtMs) / remindMs))
}
