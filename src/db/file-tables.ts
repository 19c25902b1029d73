/** The tables of uploaded files and vector stores as drizzle sees them; the others stand in schema.ts. */

import { bytea, instant, made } from './columns.ts'
import { bigint, integer, jsonb, pgTable, primaryKey, text } from './orm.ts'

export const files = pgTable('files', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  name: text('name').notNull(),
  mediaType: text('media_type'),
  purpose: text('purpose'),
  bytes: bigint('bytes', { mode: 'number' }).notNull(),
  sha256: text('sha256'),
  ...made(),
  expiresAt: instant('expires_at'),
})

export const fileParts = pgTable(
  'file_parts',
  { fileId: text('file_id').notNull(), part: integer('part').notNull(), bytes: bytea('bytes').notNull() },
  (table) => [primaryKey({ columns: [table.fileId, table.part] })],
)

export const vectorStores = pgTable('vector_stores', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  sourceId: text('source_id').notNull(),
  name: text('name').notNull(),
  description: text('description'),
  metadata: jsonb('metadata').notNull(),
  embedding: text('embedding').notNull(),
  expiresDays: integer('expires_days'),
  ...made(),
  lastActiveAt: instant('last_active_at').notNull(),
  expiredAt: instant('expired_at'),
  deletedAt: instant('deleted_at'),
  revision: bigint('revision', { mode: 'number' }).notNull(),
  built: bigint('built', { mode: 'number' }).notNull(),
  changedAt: instant('changed_at').notNull(),
  indexId: text('index_id'),
  run: text('run'),
  runAt: instant('run_at'),
  restsUntil: instant('rests_until'),
  attempts: integer('attempts').notNull(),
  error: text('error'),
  createdByPerson: text('created_by_person'),
})

export const vectorStoreFiles = pgTable(
  'vector_store_files',
  {
    storeId: text('store_id').notNull(),
    fileId: text('file_id').notNull(),
    number: bigint('number', { mode: 'number' }).notNull(),
    attributes: jsonb('attributes').notNull(),
    chunker: text('chunker'),
    state: text('state').notNull(),
    todo: text('todo'),
    usageBytes: bigint('usage_bytes', { mode: 'number' }).notNull(),
    errorCode: text('error_code'),
    error: text('error'),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.storeId, table.fileId] })],
)

export const vectorStoreBatches = pgTable('vector_store_batches', {
  id: text('id').primaryKey(),
  storeId: text('store_id').notNull(),
  createdAt: instant('created_at').notNull(),
  cancelledAt: instant('cancelled_at'),
})

export const vectorStoreBatchFiles = pgTable(
  'vector_store_batch_files',
  {
    batchId: text('batch_id').notNull(),
    storeId: text('store_id').notNull(),
    fileId: text('file_id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.batchId, table.fileId] })],
)
