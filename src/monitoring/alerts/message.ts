/** What a receiver is told: names and figures alone. Never a text that a person, a prompt or a model wrote. Pure. */

import { METRICS, type Unit } from '../../lib/watched-metrics.ts'
import type { Alert, AlertBar, Subject } from './alert.ts'
import type { AlertEvent } from './due.ts'

/** Snake case: it is the body of a webhook as it stands. */
export type AlertMessage = {
  type: 'alerts' | 'test'
  /** When it was put together, ISO 8601. */
  timestamp: string
  data: {
    /** `default` */
    project: string
    channel: string
    events: MessageEvent[]
    /** How many others became due with them; they are in the list of alerts. */
    more: number
  }
}

export type MessageEvent = {
  event: AlertEvent
  alert_id: string
  subject: Subject
  metric: string
  unit: Unit | 'count' | null
  change: string
  value: number | null
  usual: number | null
  /** Of an alert that a rule's bar opened alone. */
  bar?: MessageBar
  began_at: string
  opened_at: string
  ended_at: string | null
  acknowledged: boolean
  /** Largest first. */
  causes: { cause: string; amount: number }[]
  changes: { kind: string; at: string; target: string }[]
}

/** `limit`: in the event's unit. */
export type MessageBar = {
  rule: string
  side: 'above' | 'below'
  limit: number
  over_seconds: number
  for_seconds: number
}

/** More than a person reads in one message. */
const MAX_EVENTS = 10
const MAX_CAUSES = 5
const MAX_CHANGES = 3

/** The first events and how many others there are. */
export function toMessage(
  { projectId, channel, atMs }: { projectId: string; channel: string; atMs: number },
  events: readonly { event: AlertEvent; alert: Alert }[],
): AlertMessage {
  const shown = events.slice(0, MAX_EVENTS)
  return {
    type: 'alerts',
    timestamp: iso(atMs),
    data: {
      project: projectId.replace(/^prj_/, ''),
      channel,
      events: shown.map(({ event, alert }) => toEvent(event, alert)),
      more: events.length - shown.length,
    },
  }
}

/** Says that messages arrive. */
export function testMessage(projectId: string, channel: string, atMs: number): AlertMessage {
  const { data } = toMessage({ projectId, channel, atMs }, [])
  return { type: 'test', timestamp: iso(atMs), data }
}

function toEvent(event: AlertEvent, alert: Alert): MessageEvent {
  const { explanation } = alert
  return {
    event,
    alert_id: alert.id,
    subject: alert.subject,
    metric: alert.metric,
    unit: unitOf(alert),
    change: alert.change,
    value: alert.value,
    usual: alert.usual,
    ...(alert.bar !== null && { bar: toMessageBar(alert.bar) }),
    began_at: iso(alert.beganAtMs),
    opened_at: iso(alert.openedAtMs),
    ended_at: alert.endedAtMs === null ? null : iso(alert.endedAtMs),
    acknowledged: alert.acked !== null,
    causes: (explanation?.causes ?? [])
      .toSorted((one, other) => Math.abs(other.amount) - Math.abs(one.amount))
      .slice(0, MAX_CAUSES)
      .map(({ cause, amount }) => ({ cause, amount })),
    changes: (explanation?.changes ?? [])
      .slice(0, MAX_CHANGES)
      .map(({ kind, atMs, target }) => ({ kind, at: iso(atMs), target })),
  }
}

/** As messages and /api show it. */
export function toMessageBar({ rule, side, limit, overMs, forMs }: AlertBar): MessageBar {
  return { rule, side, limit, over_seconds: overMs / 1000, for_seconds: forMs / 1000 }
}

/** Null where nobody knows it. */
export function unitOf({ metric, explanation }: Pick<Alert, 'metric' | 'explanation'>): MessageEvent['unit'] {
  if (Object.hasOwn(METRICS, metric)) return METRICS[metric as keyof typeof METRICS].unit
  if (metric.startsWith('score:')) return 'score'
  return explanation?.unit ?? null
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
