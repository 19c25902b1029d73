/** The tables of sources, documents and index versions as drizzle sees them; the others stand in schema.ts. */

import { instant } from './columns.ts'
import { bigint, customType, doublePrecision, integer, jsonb, pgTable, primaryKey, text } from './orm.ts'
import { version } from './version-tables.ts'

const typeOf = (name: string) => customType<{ data: string; driverData: string }>({ dataType: () => name })
const vector = typeOf('vector')
const sparsevec = typeOf('sparsevec')
const tsvector = typeOf('tsvector')

export const sources = pgTable('sources', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  name: text('name').notNull(),
  kind: text('kind').notNull(),
  settings: text('settings').notNull(),
  createdBy: text('created_by').notNull(),
  createdByName: text('created_by_name'),
  createdAt: instant('created_at').notNull(),
})

export const documents = pgTable(
  'documents',
  {
    projectId: text('project_id').notNull(),
    hash: text('hash').notNull(),
    key: text('key').notNull(),
    title: text('title'),
    language: text('language'),
    licence: text('licence'),
    metadata: jsonb('metadata').notNull(),
    body: text('body').notNull(),
    createdAt: instant('created_at').notNull(),
    chunker: text('chunker'),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.hash] })],
)

export const sourceFiles = pgTable(
  'source_files',
  {
    sourceId: text('source_id').notNull(),
    key: text('key').notNull(),
    digest: text('digest'),
    bytes: bigint('bytes', { mode: 'number' }).notNull(),
    reason: text('reason'),
    error: text('error'),
    seenBy: text('seen_by').notNull(),
    readAt: instant('read_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.sourceId, table.key] })],
)

export const sourceDocuments = pgTable(
  'source_documents',
  {
    sourceId: text('source_id').notNull(),
    fileKey: text('file_key').notNull(),
    position: integer('position').notNull(),
    hash: text('hash').notNull(),
  },
  (table) => [primaryKey({ columns: [table.sourceId, table.fileKey, table.position] })],
)

export const sourceSyncs = pgTable('source_syncs', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  sourceId: text('source_id').notNull(),
  state: text('state').notNull(),
  run: text('run'),
  attempts: integer('attempts').notNull(),
  filesTotal: integer('files_total'),
  filesDone: integer('files_done').notNull(),
  added: integer('added').notNull(),
  changed: integer('changed').notNull(),
  removed: integer('removed').notNull(),
  failed: integer('failed').notNull(),
  snapshotId: text('snapshot_id'),
  error: text('error'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

export const sourceSnapshots = pgTable('source_snapshots', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  sourceId: text('source_id').notNull(),
  source: text('source').notNull(),
  hash: text('hash').notNull(),
  documents: integer('documents').notNull(),
  characters: bigint('characters', { mode: 'number' }).notNull(),
  createdAt: instant('created_at').notNull(),
})

export const snapshotDocuments = pgTable(
  'snapshot_documents',
  {
    snapshotId: text('snapshot_id').notNull(),
    position: integer('position').notNull(),
    hash: text('hash').notNull(),
  },
  (table) => [primaryKey({ columns: [table.snapshotId, table.position] })],
)

export const indexVersions = pgTable('index_versions', { ...version(), number: integer('number').notNull() })

export const indexBuilds = pgTable('index_builds', {
  indexId: text('index_id').primaryKey(),
  projectId: text('project_id').notNull(),
  state: text('state').notNull(),
  step: text('step'),
  run: text('run'),
  attempts: integer('attempts').notNull(),
  documentsTotal: integer('documents_total').notNull(),
  documentsDone: integer('documents_done').notNull(),
  chunksTotal: integer('chunks_total'),
  chunksDone: integer('chunks_done').notNull(),
  tokens: bigint('tokens', { mode: 'number' }).notNull(),
  meanLexemes: doublePrecision('mean_lexemes'),
  configurations: text('configurations'),
  validation: text('validation'),
  error: text('error'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})

const place = () => ({
  indexNumber: integer('index_number').notNull(),
  number: integer('number').notNull(),
})

export const chunks = pgTable(
  'chunks',
  {
    ...place(),
    document: integer('document').notNull(),
    documentHash: text('document_hash').notNull(),
    heading: text('heading'),
    body: text('body').notNull(),
    startAt: integer('start_at').notNull(),
    endAt: integer('end_at').notNull(),
    configuration: text('configuration').notNull(),
  },
  (table) => [primaryKey({ columns: [table.indexNumber, table.number] })],
)

export const chunkTerms = pgTable(
  'chunk_terms',
  { ...place(), lexemes: tsvector('lexemes').notNull(), weights: sparsevec('weights').notNull() },
  (table) => [primaryKey({ columns: [table.indexNumber, table.number] })],
)

export const chunkVectors = pgTable(
  'chunk_vectors',
  { ...place(), embedding: vector('embedding').notNull() },
  (table) => [primaryKey({ columns: [table.indexNumber, table.number] })],
)

export const indexLexemes = pgTable(
  'index_lexemes',
  {
    indexNumber: integer('index_number').notNull(),
    lexeme: text('lexeme').notNull(),
    chunks: integer('chunks').notNull(),
  },
  (table) => [primaryKey({ columns: [table.indexNumber, table.lexeme] })],
)
