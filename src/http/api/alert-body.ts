/** Alerts and silences as /api shows them, and what is asked for. */

import { z } from '@hono/zod-openapi'
import type { Alert, Subject } from '../../monitoring/alerts/alert.ts'
import type { DeliveryRow } from '../../monitoring/alerts/delivery-rows.ts'
import { toMessageBar, unitOf } from '../../monitoring/alerts/message.ts'
import { MAX_SILENCE_MS, type Silence } from '../../monitoring/alerts/silence.ts'
import type { AlertActionRow } from '../../promotion/actions/store.ts'
import { explanationSchema, toExplanation } from './explanation-body.ts'
import { durationText, instantText, limitText, strictShape } from './validation.ts'

const nameText = z.string().min(1).max(200)
const FLAG = 'Write true or false.'
const flag = z.enum(['true', 'false'], { error: FLAG }).transform((text) => text === 'true')
const ofSeries = { route: nameText.optional(), upstream: nameText.optional(), metric: nameText.optional() }
const ONE_SUBJECT = 'Name a route or an upstream, not both.'

export const alertQuery = strictShape('filter', {
  open: flag.optional(),
  ...ofSeries,
  since: instantText.optional(),
  limit: limitText,
  cursor: z.string().max(40).optional(),
}).refine(({ route, upstream }) => route === undefined || upstream === undefined, {
  error: ONE_SUBJECT,
  path: ['upstream'],
})
export const ackBody = strictShape('field', { note: z.string().trim().min(1).max(500) })
const reasonText = z.string().trim().min(3).max(500)
const LONG = 'A silence lasts from 1m to 30d.'
export const silenceBody = strictShape('field', {
  /** Its route or upstream, and its metric. */
  alert: z.string().max(40).optional(),
  ...ofSeries,
  for: durationText.refine((ms) => ms >= 60_000 && ms <= MAX_SILENCE_MS, LONG),
  reason: reasonText,
})
  .refine(({ route, upstream }) => route === undefined || upstream === undefined, {
    error: ONE_SUBJECT,
    path: ['upstream'],
  })
  .refine(
    ({ alert, route, upstream, metric }) =>
      (alert === undefined) !== [route, upstream, metric].every((one) => one === undefined),
    { error: 'Name an alert, or a route, an upstream or a metric.', path: ['alert'] },
  )
export const silenceQuery = strictShape('filter', {
  /** Those in force now alone. */
  active: flag.optional(),
  limit: limitText,
  cursor: z.string().max(40).optional(),
})
export const testBody = strictShape('field', { channel: z.string().min(1).max(63) })

export const subjectSchema = z.object({ kind: z.enum(['route', 'upstream']), name: z.string() })
const ackSchema = z.object({
  at: z.string(),
  by: z.string(),
  by_name: z.string().nullable(),
  note: z.string().nullable(),
})
export const barSchema = z.object({
  rule: z.string(),
  side: z.enum(['above', 'below']),
  /** In the alert's unit. */
  limit: z.number(),
  over_seconds: z.number(),
  for_seconds: z.number(),
})
const alertShape = {
  id: z.string(),
  subject: subjectSchema,
  metric: z.string(),
  unit: z.string().nullable(),
  /** In which way it changed: jump, level, spread, creep, data or bar. */
  change: z.string(),
  began_at: z.string(),
  opened_at: z.string(),
  ended_at: z.string().nullable(),
  value: z.number().nullable(),
  usual: z.number().nullable(),
  excess: z.number(),
  /** The bar of a rule that opened it; null for what a detector or a comparison found. */
  bar: barSchema.nullable(),
  acknowledged: ackSchema.nullable(),
  /** The silence that keeps it quiet, or that kept its beginning quiet. */
  silenced_by: z.string().nullable(),
}
export const alertSchema = z.object(alertShape).openapi('Alert')
const deliverySchema = z.object({
  event: z.enum(['opened', 'still_open', 'ended']),
  nth: z.number(),
  channel: z.string(),
  state: z.enum(['silenced', 'waiting', 'sent', 'failed']),
  message: z.string().nullable(),
  silence: z.string().nullable(),
  tries: z.number(),
  note: z.string().nullable(),
  at: z.string(),
  next_try_at: z.string().nullable(),
  finished_at: z.string().nullable(),
})
/** What it did by the policy of a label, or why it could not. */
const actionSchema = z.object({
  action: z.enum(['freeze', 'roll_back', 'run_suite', 'review', 'dataset']),
  label: z.string(),
  policy: z.string(),
  outcome: z.enum(['done', 'refused', 'failed']),
  note: z.string(),
  /** What came of it: runs, a decision, a queue, a dataset's version. */
  targets: z.array(z.string()),
  frozen_until: z.string().nullable(),
  at: z.string(),
})
export const shownAlertSchema = z
  .object({
    ...alertShape,
    explanation: explanationSchema.nullable(),
    deliveries: z.array(deliverySchema),
    actions: z.array(actionSchema),
  })
  .openapi('ShownAlert')
export const silenceSchema = z
  .object({
    id: z.string(),
    subject: subjectSchema.nullable(),
    metric: z.string().nullable(),
    reason: z.string(),
    created_by: z.string(),
    created_by_name: z.string().nullable(),
    created_at: z.string(),
    until: z.string(),
    ended: z.object({ at: z.string(), by: z.string(), by_name: z.string().nullable() }).nullable(),
  })
  .openapi('Silence')
export const testSchema = z.object({
  channel: z.string(),
  outcome: z.enum(['sent', 'retry', 'refused']),
  note: z.string().nullable(),
})

export function toAlert(alert: Alert, silencedBy: string | null): z.infer<typeof alertSchema> {
  const { acked } = alert
  return {
    id: alert.id,
    subject: alert.subject,
    metric: alert.metric,
    unit: unitOf(alert),
    change: alert.change,
    began_at: iso(alert.beganAtMs),
    opened_at: iso(alert.openedAtMs),
    ended_at: isoOrNull(alert.endedAtMs),
    value: alert.value,
    usual: alert.usual,
    excess: alert.excess,
    bar: alert.bar === null ? null : toMessageBar(alert.bar),
    acknowledged:
      acked === null ? null : { at: iso(acked.atMs), by: acked.by, by_name: acked.byName, note: acked.note },
    silenced_by: silencedBy,
  }
}

export function toShownAlert(
  alert: Alert,
  silencedBy: string | null,
  { deliveries, actions }: { deliveries: readonly DeliveryRow[]; actions: readonly AlertActionRow[] },
): z.infer<typeof shownAlertSchema> {
  return {
    ...toAlert(alert, silencedBy),
    explanation: alert.explanation === null ? null : toExplanation(alert.explanation),
    deliveries: deliveries.map((one) => ({
      event: one.event,
      nth: one.nth,
      channel: one.channel,
      state: one.state,
      message: one.messageId,
      silence: one.silenceId,
      tries: one.tries,
      note: one.note,
      at: iso(one.atMs),
      next_try_at: isoOrNull(one.nextTryAtMs),
      finished_at: isoOrNull(one.finishedAtMs),
    })),
    actions: actions.map((one) => ({
      action: one.action,
      label: `${one.route}@${one.label}`,
      policy: one.policy,
      outcome: one.outcome,
      note: one.note,
      targets: one.targets,
      frozen_until: one.frozenUntil?.toISOString() ?? null,
      at: one.actedAt.toISOString(),
    })),
  }
}

export function toSilence(silence: Silence): z.infer<typeof silenceSchema> {
  const { ended } = silence
  return {
    id: silence.id,
    subject: silence.subject,
    metric: silence.metric,
    reason: silence.reason,
    created_by: silence.createdBy,
    created_by_name: silence.createdByName,
    created_at: iso(silence.createdAtMs),
    until: iso(silence.untilMs),
    ended: ended === null ? null : { at: iso(ended.atMs), by: ended.by, by_name: ended.byName },
  }
}

/** The one that a query or a body names. */
export function subjectOf({
  route,
  upstream,
}: {
  route?: string | undefined
  upstream?: string | undefined
}): Subject | null {
  if (route !== undefined) return { kind: 'route', name: route }
  return upstream === undefined ? null : { kind: 'upstream', name: upstream }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms)
}
