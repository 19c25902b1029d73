/** Every table as drizzle sees it. `migrations/` is the truth; a test compares the two column by column. */

import { bytea, instant } from './columns.ts'
import {
  bigint,
  boolean,
  date,
  doublePrecision,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  sql,
  text,
  uuid,
} from './orm.ts'

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
  owner: text('owner'),
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
  openSeqs: bigint('open_seqs', { mode: 'number' }).array().notNull().default(sql`'{}'`),
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
    subject: text('subject'),
    requestBytes: bigint('request_bytes', { mode: 'number' }).notNull(),
    responseBytes: bigint('response_bytes', { mode: 'number' }).notNull(),
    truncated: boolean('truncated').notNull(),
    occurrences: integer('occurrences').notNull(),
    dataKey: text('data_key'),
    openRecord: text('open_record'),
    closeRecord: text('close_record'),
    trail: bytea('trail'),
    replayOf: text('replay_of'),
    shadowOf: text('shadow_of'),
    releaseId: text('release_id'),
    prompt: text('prompt'),
    costMicroUsd: bigint('cost_micro_usd', { mode: 'bigint' }),
    price: text('price'),
    index: text('index'),
    retrieval: jsonb('retrieval'),
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

export const auditEvents = pgTable(
  'audit_events',
  {
    writer: uuid('writer').notNull(),
    seq: bigint('seq', { mode: 'bigint' }).notNull(),
    id: text('id').notNull(),
    kind: text('kind').notNull(),
    at: instant('at').notNull(),
    projectId: text('project_id'),
    actorId: text('actor_id'),
    actorName: text('actor_name'),
    action: text('action').notNull(),
    target: text('target'),
    purpose: text('purpose'),
    detail: jsonb('detail').notNull(),
    record: text('record').notNull(),
    trail: bytea('trail').notNull(),
  },
  (table) => [primaryKey({ columns: [table.writer, table.seq] })],
)

export const auditLeaves = pgTable(
  'audit_leaves',
  {
    writer: uuid('writer').notNull(),
    firstSeq: bigint('first_seq', { mode: 'bigint' }).notNull(),
    leaves: bytea('leaves').notNull(),
  },
  (table) => [primaryKey({ columns: [table.writer, table.firstSeq] })],
)

export const auditCheckpoints = pgTable(
  'audit_checkpoints',
  {
    writer: uuid('writer').notNull(),
    size: bigint('size', { mode: 'number' }).notNull(),
    at: instant('at').notNull(),
    note: text('note').notNull(),
  },
  (table) => [primaryKey({ columns: [table.writer, table.size] })],
)

export const auditSuperCheckpoints = pgTable('audit_super_checkpoints', {
  number: bigint('number', { mode: 'number' }).primaryKey(),
  at: instant('at').notNull(),
  heads: jsonb('heads').notNull(),
  note: text('note').notNull(),
})

export const auditSigningKeys = pgTable('audit_signing_keys', {
  verifierKey: text('verifier_key').primaryKey(),
  firstUsedAt: instant('first_used_at').notNull(),
  endorsement: text('endorsement'),
})

export const dataKeys = pgTable('data_keys', {
  id: text('id').primaryKey(),
  projectId: text('project_id'),
  subject: text('subject'),
  wrapped: bytea('wrapped').notNull(),
  createdAt: instant('created_at').notNull(),
})

export const legalHolds = pgTable('legal_holds', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  subject: text('subject'),
  reason: text('reason').notNull(),
  placedBy: text('placed_by').notNull(),
  placedAt: instant('placed_at').notNull(),
  releasedBy: text('released_by'),
  releasedAt: instant('released_at'),
  placedByName: text('placed_by_name').notNull().default(''),
  releasedByName: text('released_by_name'),
  releaseReason: text('release_reason'),
  placedByPerson: text('placed_by_person'),
  releasedByPerson: text('released_by_person'),
})

export const erasures = pgTable('erasures', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  subject: text('subject').notNull(),
  reason: text('reason').notNull(),
  requestedBy: text('requested_by').notNull(),
  requestedAt: instant('requested_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  approvedBy: text('approved_by'),
  executedAt: instant('executed_at'),
  rowsErased: bigint('rows_erased', { mode: 'number' }),
  state: text('state').notNull().default('open'),
  requestedByName: text('requested_by_name').notNull().default(''),
  approvedByName: text('approved_by_name'),
  rejectedBy: text('rejected_by'),
  decidedAt: instant('decided_at'),
  progressAt: instant('progress_at'),
  progressId: text('progress_id'),
  requestedByPerson: text('requested_by_person'),
  approvedByPerson: text('approved_by_person'),
})

export const exports = pgTable('exports', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  unowned: boolean('unowned').notNull(),
  filters: jsonb('filters').notNull(),
  format: text('format').notNull(),
  withBodies: boolean('with_bodies').notNull(),
  purpose: text('purpose').notNull(),
  createdBy: text('created_by').notNull(),
  createdByName: text('created_by_name'),
  createdAt: instant('created_at').notNull(),
  state: text('state').notNull(),
  run: uuid('run'),
  attempts: integer('attempts').notNull().default(0),
  updatedAt: instant('updated_at').notNull(),
  rowsTotal: bigint('rows_total', { mode: 'number' }),
  rowsDone: bigint('rows_done', { mode: 'number' }).notNull().default(0),
  files: jsonb('files').notNull().default([]),
  error: text('error'),
  finishedAt: instant('finished_at'),
  expiresAt: instant('expires_at').notNull(),
  wrappedKey: bytea('wrapped_key').notNull(),
})

export const exportFiles = pgTable(
  'export_files',
  {
    exportId: text('export_id').notNull(),
    run: uuid('run').notNull(),
    name: text('name').notNull(),
    part: integer('part').notNull(),
    bytes: bytea('bytes').notNull(),
  },
  (table) => [primaryKey({ columns: [table.exportId, table.run, table.name, table.part] })],
)
