/** The tables of shadows as drizzle sees them. */

import { instant } from './columns.ts'
import { bigint, boolean, integer, pgTable, primaryKey, text, uuid } from './orm.ts'

export const shadows = pgTable('shadows', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  route: text('route').notNull(),
  label: text('label').notNull(),
  releaseId: text('release_id').notNull(),
  share: integer('share').notNull(),
  budget: bigint('budget', { mode: 'bigint' }).notNull(),
  allowUnpriced: boolean('allow_unpriced').notNull(),
  reason: text('reason').notNull(),
  state: text('state').notNull(),
  startedBy: text('started_by').notNull(),
  startedByName: text('started_by_name'),
  startedAt: instant('started_at').notNull(),
  endsAt: instant('ends_at').notNull(),
  stoppedBy: text('stopped_by'),
  stoppedByName: text('stopped_by_name'),
  stoppedAt: instant('stopped_at'),
  stopReason: text('stop_reason'),
})

export const shadowTallies = pgTable(
  'shadow_tallies',
  {
    shadowId: text('shadow_id').notNull(),
    writer: uuid('writer').notNull(),
    dropped: bigint('dropped', { mode: 'number' }).notNull(),
    skipped: bigint('skipped', { mode: 'number' }).notNull(),
    held: bigint('held', { mode: 'bigint' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.shadowId, table.writer] })],
)
