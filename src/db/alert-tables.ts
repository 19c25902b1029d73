/** The tables of what is watched, of alerts and of whom they are told, as drizzle sees them. */

import { instant, made } from './columns.ts'
import { doublePrecision, integer, jsonb, pgTable, primaryKey, text } from './orm.ts'

export const monitorSeries = pgTable(
  'monitor_series',
  {
    projectId: text('project_id').notNull(),
    subjectKind: text('subject_kind').notNull(),
    subject: text('subject').notNull(),
    metric: text('metric').notNull(),
    detector: jsonb('detector').notNull(),
    state: text('state').notNull(),
    since: instant('since').notNull(),
    newestAt: instant('newest_at'),
    value: doublePrecision('value'),
    usual: doublePrecision('usual'),
    updatedAt: instant('updated_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.subjectKind, table.subject, table.metric] })],
)

export const alerts = pgTable('alerts', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  subjectKind: text('subject_kind').notNull(),
  subject: text('subject').notNull(),
  metric: text('metric').notNull(),
  change: text('change').notNull(),
  beganAt: instant('began_at').notNull(),
  openedAt: instant('opened_at').notNull(),
  endedAt: instant('ended_at'),
  value: doublePrecision('value'),
  usual: doublePrecision('usual'),
  excess: doublePrecision('excess').notNull(),
  explanation: jsonb('explanation'),
  ackedAt: instant('acked_at'),
  ackedBy: text('acked_by'),
  ackedByName: text('acked_by_name'),
  note: text('note'),
  actedAt: instant('acted_at'),
  actSince: instant('act_since'),
  actNextAt: instant('act_next_at'),
  bar: jsonb('bar'),
  logged: text('logged').notNull().default('none'),
})

export const monitorBars = pgTable(
  'monitor_bars',
  {
    projectId: text('project_id').notNull(),
    rule: text('rule').notNull(),
    subjectKind: text('subject_kind').notNull(),
    subject: text('subject').notNull(),
    bar: jsonb('bar').notNull(),
    state: text('state').notNull(),
    since: instant('since').notNull(),
    turningAt: instant('turning_at'),
    newestAt: instant('newest_at').notNull(),
    value: doublePrecision('value').notNull(),
    heardAt: instant('heard_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.rule, table.subjectKind, table.subject] })],
)

export const silences = pgTable('silences', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  subjectKind: text('subject_kind'),
  subject: text('subject'),
  metric: text('metric'),
  reason: text('reason').notNull(),
  ...made(),
  until: instant('until').notNull(),
  endedAt: instant('ended_at'),
  endedBy: text('ended_by'),
  endedByName: text('ended_by_name'),
})

export const alertMessages = pgTable('alert_messages', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  channel: text('channel').notNull(),
  content: text('content').notNull(),
  state: text('state').notNull(),
  tries: integer('tries').notNull(),
  nextTryAt: instant('next_try_at').notNull(),
  run: text('run'),
  heldUntil: instant('held_until'),
  note: text('note'),
  createdAt: instant('created_at').notNull(),
  finishedAt: instant('finished_at'),
})

export const alertDeliveries = pgTable(
  'alert_deliveries',
  {
    alertId: text('alert_id').notNull(),
    event: text('event').notNull(),
    nth: integer('nth').notNull(),
    channel: text('channel').notNull(),
    projectId: text('project_id').notNull(),
    messageId: text('message_id'),
    silenceId: text('silence_id'),
    at: instant('at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.alertId, table.event, table.nth, table.channel] })],
)
