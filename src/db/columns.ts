/** Columns that many tables have, as drizzle sees them. */

import { customType, integer, text, timestamp } from './orm.ts'

export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' })

/** Who made a row, and when. */
export const made = () => ({
  createdBy: text('created_by').notNull(),
  createdByName: text('created_by_name'),
  createdAt: instant('created_at').notNull(),
})

/** Work that one process at a time is at, as `held-work.ts` moves it along. */
export const held = () => ({
  state: text('state').notNull(),
  run: text('run'),
  attempts: integer('attempts').notNull(),
  error: text('error'),
  updatedAt: instant('updated_at').notNull(),
  finishedAt: instant('finished_at'),
})
