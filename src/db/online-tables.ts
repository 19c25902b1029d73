/** The tables of scores of live traffic as drizzle sees them; the others stand in schema.ts. */

import { held, instant, made } from './columns.ts'
import { bigint, boolean, date, doublePrecision, integer, pgTable, primaryKey, text } from './orm.ts'

export const onlineOrders = pgTable('online_orders', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  route: text('route').notNull(),
  content: text('content').notNull(),
  hash: text('hash').notNull(),
  lookedTo: instant('looked_to').notNull(),
  spent: bigint('spent', { mode: 'bigint' }).notNull(),
  unpriced: integer('unpriced').notNull(),
  ...held(),
  ...made(),
})

export const onlineScores = pgTable(
  'online_scores',
  {
    requestId: text('request_id').notNull(),
    rulesHash: text('rules_hash').notNull(),
    projectId: text('project_id').notNull(),
    releaseId: text('release_id').notNull(),
    orderId: text('order_id').notNull(),
    scorer: text('scorer').notNull(),
    kind: text('kind').notNull(),
    version: integer('version').notNull(),
    outcome: text('outcome').notNull(),
    skip: text('skip'),
    value: doublePrecision('value'),
    passed: boolean('passed'),
    reason: text('reason'),
    cost: bigint('cost', { mode: 'bigint' }),
    requestedModel: text('requested_model'),
    startedAt: instant('started_at').notNull(),
    day: date('day').notNull(),
    scoredAt: instant('scored_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.requestId, table.rulesHash] })],
)
