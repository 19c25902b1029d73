/** The tables of how far traffic is watched, of compared windows and of judges looked after, as drizzle sees them. */

import { held, instant } from './columns.ts'
import { bigint, boolean, date, doublePrecision, integer, jsonb, pgTable, primaryKey, text } from './orm.ts'

export const monitorCursors = pgTable('monitor_cursors', {
  projectId: text('project_id').primaryKey(),
  nextAt: instant('next_at').notNull(),
})

export const dataChecks = pgTable('data_checks', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  route: text('route').notNull(),
  baselineFrom: instant('baseline_from').notNull(),
  recentFrom: instant('recent_from').notNull(),
  recentTo: instant('recent_to').notNull(),
  askedBy: text('asked_by'),
  askedByName: text('asked_by_name'),
  createdAt: instant('created_at').notNull(),
  ...held(),
})

export const dataFindings = pgTable(
  'data_findings',
  {
    checkId: text('check_id').notNull(),
    projectId: text('project_id').notNull(),
    route: text('route').notNull(),
    feature: text('feature').notNull(),
    method: text('method').notNull(),
    recentSize: integer('recent_size').notNull(),
    baselineSize: integer('baseline_size').notNull(),
    seed: bigint('seed', { mode: 'bigint' }).notNull(),
    statistic: doublePrecision('statistic'),
    p: doublePrecision('p'),
    adjustedP: doublePrecision('adjusted_p'),
    effect: doublePrecision('effect'),
    bar: doublePrecision('bar'),
    verdict: text('verdict').notNull(),
    detail: jsonb('detail').notNull(),
    foundAt: instant('found_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.checkId, table.feature] })],
)

export const judgeSentinels = pgTable(
  'judge_sentinels',
  {
    orderId: text('order_id').notNull(),
    rulesHash: text('rules_hash').notNull(),
    requestId: text('request_id').notNull(),
    projectId: text('project_id').notNull(),
    value: doublePrecision('value').notNull(),
    passed: boolean('passed'),
    scoredAt: instant('scored_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.orderId, table.rulesHash, table.requestId] })],
)

export const sentinelScores = pgTable(
  'sentinel_scores',
  {
    orderId: text('order_id').notNull(),
    rulesHash: text('rules_hash').notNull(),
    requestId: text('request_id').notNull(),
    onDay: date('on_day').notNull(),
    outcome: text('outcome').notNull(),
    skip: text('skip'),
    value: doublePrecision('value'),
    passed: boolean('passed'),
    cost: bigint('cost', { mode: 'bigint' }),
    scoredAt: instant('scored_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.orderId, table.rulesHash, table.onDay, table.requestId] })],
)

export const judgeChecks = pgTable(
  'judge_checks',
  {
    orderId: text('order_id').notNull(),
    rulesHash: text('rules_hash').notNull(),
    onDay: date('on_day').notNull(),
    projectId: text('project_id').notNull(),
    route: text('route').notNull(),
    scorer: text('scorer').notNull(),
    sentinels: integer('sentinels').notNull(),
    scored: integer('scored').notNull(),
    agreement: doublePrecision('agreement'),
    judgeShift: doublePrecision('judge_shift'),
    judgeLow: doublePrecision('judge_low'),
    judgeHigh: doublePrecision('judge_high'),
    liveShift: doublePrecision('live_shift'),
    liveLow: doublePrecision('live_low'),
    liveHigh: doublePrecision('live_high'),
    liveScored: integer('live_scored').notNull(),
    verdict: text('verdict').notNull(),
    reason: text('reason').notNull(),
    checkedAt: instant('checked_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.orderId, table.rulesHash, table.onDay] })],
)

export const sentinelRounds = pgTable('sentinel_rounds', {
  orderId: text('order_id').primaryKey(),
  state: text('state').notNull(),
  run: text('run'),
  attempts: integer('attempts').notNull(),
  error: text('error'),
  updatedAt: instant('updated_at').notNull(),
})
