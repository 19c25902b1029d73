/** The tables of sums as drizzle sees them: requests by where they belong, at three levels of time. */

import { bytea, instant } from './columns.ts'
import { bigint, boolean, date, pgTable, primaryKey, text, uuid } from './orm.ts'

export const rollupCursors = pgTable('rollup_cursors', {
  writer: uuid('writer').primaryKey(),
  nextSeq: bigint('next_seq', { mode: 'bigint' }).notNull(),
})

export const rollupReach = pgTable('rollup_reach', {
  single: boolean('single').primaryKey().default(true),
  wholeTo: instant('whole_to').notNull(),
})

export const rollupPlaces = pgTable('rollup_places', {
  id: uuid('id').primaryKey(),
  projectId: text('project_id').notNull(),
  origin: text('origin').notNull(),
  route: text('route'),
  releaseId: text('release_id'),
  prompt: text('prompt'),
  upstream: text('upstream'),
  model: text('model'),
  keyId: text('key_id'),
  price: text('price'),
  lastDay: date('last_day').notNull(),
})

const count = (name: string) => bigint(name, { mode: 'bigint' }).notNull()

/** Of every level alike. */
const level = () => ({
  day: date('day').notNull(),
  projectId: text('project_id').notNull(),
  at: instant('at').notNull(),
  place: uuid('place').notNull(),
  requests: count('requests'),
  completed: count('completed'),
  clientAbort: count('client_abort'),
  upstreamError: count('upstream_error'),
  upstreamCut: count('upstream_cut'),
  timeout: count('timeout'),
  rejected: count('rejected'),
  guardrail: count('guardrail'),
  gatewayCrash: count('gateway_crash'),
  filtered: count('filtered'),
  cut: count('cut'),
  told: count('told'),
  untold: count('untold'),
  inputTokens: count('input_tokens'),
  cachedInputTokens: count('cached_input_tokens'),
  outputTokens: count('output_tokens'),
  reasoningTokens: count('reasoning_tokens'),
  costMicroUsd: count('cost_micro_usd'),
  priced: count('priced'),
  unpriced: count('unpriced'),
  timed: count('timed'),
  queueUs: count('queue_us'),
  firstTokenUs: count('first_token_us'),
  generationUs: count('generation_us'),
  timedOutputTokens: count('timed_output_tokens'),
  latency: bytea('latency').notNull(),
  ttft: bytea('ttft').notNull(),
  msPerOutputToken: bytea('ms_per_output_token').notNull(),
})
export const rollupMinutes = pgTable('rollup_minutes', level(), (table) => [
  primaryKey({ columns: [table.day, table.projectId, table.at, table.place] }),
])
export const rollupHours = pgTable('rollup_hours', level(), (table) => [
  primaryKey({ columns: [table.projectId, table.at, table.place] }),
])
export const rollupDays = pgTable('rollup_days', level(), (table) => [
  primaryKey({ columns: [table.projectId, table.at, table.place] }),
])
