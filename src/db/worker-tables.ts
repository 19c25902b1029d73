/** The tables of workers' signs of life and of what processes have under way, as drizzle sees them; the others stand in schema.ts. */

import { instant } from './columns.ts'
import { jsonb, pgTable, text } from './orm.ts'

export const workerSigns = pgTable('worker_signs', {
  worker: text('worker').primaryKey(),
  seenAt: instant('seen_at').notNull(),
  queue: jsonb('queue').notNull(),
})

export const upstreamLoads = pgTable('upstream_loads', {
  process: text('process').primaryKey(),
  kind: text('kind').notNull(),
  seenAt: instant('seen_at').notNull(),
  upstreams: jsonb('upstreams').notNull(),
})
