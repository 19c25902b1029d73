/** The table of workers' signs of life as drizzle sees it; the others stand in schema.ts. */

import { instant } from './columns.ts'
import { jsonb, pgTable, text } from './orm.ts'

export const workerSigns = pgTable('worker_signs', {
  worker: text('worker').primaryKey(),
  seenAt: instant('seen_at').notNull(),
  queue: jsonb('queue').notNull(),
})
