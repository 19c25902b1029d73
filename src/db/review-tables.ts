/** The tables of reviews and calibrations as drizzle sees them; the others stand in schema.ts. */

import { instant, made } from './columns.ts'
import { boolean, doublePrecision, integer, pgTable, primaryKey, text } from './orm.ts'

const task = () => ({ queueId: text('queue_id').notNull(), number: integer('number').notNull() })

export const reviewQueues = pgTable('review_queues', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  name: text('name').notNull(),
  runId: text('run_id').notNull(),
  content: text('content').notNull(),
  hash: text('hash').notNull(),
  rulesHash: text('rules_hash').notNull(),
  reviewers: integer('reviewers').notNull(),
  tasks: integer('tasks').notNull(),
  ...made(),
})

export const reviewTasks = pgTable(
  'review_tasks',
  {
    ...task(),
    runId: text('run_id').notNull(),
    position: integer('position').notNull(),
    repeat: integer('repeat').notNull(),
  },
  (table) => [primaryKey({ columns: [table.queueId, table.number] })],
)

export const reviewPlaces = pgTable(
  'review_places',
  {
    ...task(),
    place: integer('place').notNull(),
    person: text('person').notNull(),
    personName: text('person_name'),
    heldUntil: instant('held_until').notNull(),
  },
  (table) => [primaryKey({ columns: [table.queueId, table.number, table.place] })],
)

export const reviewRatings = pgTable(
  'review_ratings',
  {
    ...task(),
    person: text('person').notNull(),
    revision: integer('revision').notNull(),
    value: doublePrecision('value').notNull(),
    note: text('note'),
    createdBy: text('created_by').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.queueId, table.number, table.person, table.revision] })],
)

export const reviewSkips = pgTable(
  'review_skips',
  {
    ...task(),
    person: text('person').notNull(),
    reason: text('reason').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.queueId, table.number, table.person] })],
)

export const reviewCalibrations = pgTable('review_calibrations', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  queueId: text('queue_id').notNull(),
  rulesHash: text('rules_hash').notNull(),
  content: text('content').notNull(),
  hash: text('hash').notNull(),
  qualifies: boolean('qualifies').notNull(),
  ...made(),
})
