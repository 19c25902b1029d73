/** Every table as drizzle sees it. `migrations/` is the truth; a test compares the two column by column. */

import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  date,
  doublePrecision,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'

const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' })
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

export const projects = pgTable('projects', {
  id: text('id').primaryKey(),
  name: text('name').notNull().unique(),
  createdAt: instant('created_at').notNull(),
})

export const virtualKeys = pgTable('virtual_keys', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  name: text('name').notNull(),
  roles: text('roles').array().notNull(),
  allowedRoutes: text('allowed_routes').array(),
  digest: bytea('digest').notNull(),
  rpm: integer('rpm'),
  concurrency: integer('concurrency'),
  createdAt: instant('created_at').notNull(),
  expiresAt: instant('expires_at'),
  revokedAt: instant('revoked_at'),
  replacedBy: text('replaced_by'),
})

export const changeCounters = pgTable('change_counters', {
  subject: text('subject').primaryKey(),
  version: bigint('version', { mode: 'bigint' }).notNull(),
})

export const shipCursors = pgTable('ship_cursors', {
  writer: uuid('writer').primaryKey(),
  nextSeq: bigint('next_seq', { mode: 'bigint' }).notNull(),
  sealed: boolean('sealed').notNull().default(sql`false`),
  updatedAt: instant('updated_at').notNull(),
})

export const requests = pgTable(
  'requests',
  {
    day: date('day').notNull(),
    writer: uuid('writer').notNull(),
    seq: bigint('seq', { mode: 'bigint' }).notNull(),
    id: text('id').notNull(),
    projectId: text('project_id'),
    keyId: text('key_id'),
    keyName: text('key_name'),
    method: text('method').notNull(),
    path: text('path').notNull(),
    operation: text('operation').notNull(),
    requestedModel: text('requested_model'),
    route: text('route'),
    upstream: text('upstream'),
    model: text('model'),
    stream: boolean('stream').notNull(),
    outcome: text('outcome').notNull(),
    status: integer('status').notNull(),
    errorCode: text('error_code'),
    finishReason: text('finish_reason'),
    startedAt: instant('started_at').notNull(),
    durationMs: doublePrecision('duration_ms').notNull(),
    ttftMs: doublePrecision('ttft_ms'),
    inputTokens: bigint('input_tokens', { mode: 'number' }),
    outputTokens: bigint('output_tokens', { mode: 'number' }),
    cachedInputTokens: bigint('cached_input_tokens', { mode: 'number' }),
    reasoningTokens: bigint('reasoning_tokens', { mode: 'number' }),
    attempts: jsonb('attempts').notNull(),
    clientRequestId: text('client_request_id'),
    endUser: text('end_user'),
    requestBytes: bigint('request_bytes', { mode: 'number' }).notNull(),
    responseBytes: bigint('response_bytes', { mode: 'number' }).notNull(),
    truncated: boolean('truncated').notNull(),
    occurrences: integer('occurrences').notNull(),
  },
  (table) => [primaryKey({ columns: [table.day, table.writer, table.seq] })],
)

export const requestBodies = pgTable(
  'request_bodies',
  {
    day: date('day').notNull(),
    writer: uuid('writer').notNull(),
    seq: bigint('seq', { mode: 'bigint' }).notNull(),
    requestText: text('request_text'),
    requestRaw: bytea('request_raw'),
    responseText: text('response_text'),
    responseRaw: bytea('response_raw'),
  },
  (table) => [primaryKey({ columns: [table.day, table.writer, table.seq] })],
)
