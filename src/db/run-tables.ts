/** The tables of runs of suites as drizzle sees them; the others stand in schema.ts. */

import { held, instant, made } from './columns.ts'
import { bigint, boolean, doublePrecision, integer, jsonb, pgTable, primaryKey, text } from './orm.ts'

export const evalRuns = pgTable('eval_runs', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  suite: text('suite').notNull(),
  content: text('content').notNull(),
  hash: text('hash').notNull(),
  measureHash: text('measure_hash').notNull(),
  datasetId: text('dataset_id').notNull(),
  subject: text('subject').notNull(),
  releaseId: text('release_id'),
  items: integer('items').notNull(),
  repeats: integer('repeats').notNull(),
  scorers: integer('scorers').notNull(),
  budget: bigint('budget', { mode: 'bigint' }),
  forgottenCost: bigint('forgotten_cost', { mode: 'bigint' }).notNull(),
  forgottenUnpriced: integer('forgotten_unpriced').notNull(),
  tags: jsonb('tags').notNull(),
  note: text('note'),
  gitCommit: text('git_commit'),
  idempotencyKey: text('idempotency_key'),
  wakesAt: instant('wakes_at'),
  ...held(),
  ...made(),
})

export const evalRunItems = pgTable(
  'eval_run_items',
  {
    runId: text('run_id').notNull(),
    position: integer('position').notNull(),
    item: integer('item').notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.position] })],
)

export const evalResults = pgTable(
  'eval_results',
  {
    runId: text('run_id').notNull(),
    position: integer('position').notNull(),
    repeat: integer('repeat').notNull(),
    outcome: text('outcome').notNull(),
    requestId: text('request_id'),
    output: text('output'),
    toolCalls: text('tool_calls').notNull(),
    contexts: text('contexts').notNull(),
    retrieved: text('retrieved'),
    finishReason: text('finish_reason'),
    latencyMs: doublePrecision('latency_ms'),
    cost: bigint('cost', { mode: 'bigint' }),
    free: boolean('free').notNull(),
    errorCode: text('error_code'),
    error: text('error'),
    tries: integer('tries').notNull(),
    createdAt: instant('created_at').notNull(),
    answerKey: text('answer_key'),
    cachedFrom: text('cached_from'),
    cachedAt: instant('cached_at'),
  },
  (table) => [primaryKey({ columns: [table.runId, table.position, table.repeat] })],
)

export const evalScores = pgTable(
  'eval_scores',
  {
    runId: text('run_id').notNull(),
    position: integer('position').notNull(),
    repeat: integer('repeat').notNull(),
    scorer: text('scorer').notNull(),
    version: integer('version').notNull(),
    outcome: text('outcome').notNull(),
    value: doublePrecision('value'),
    passed: boolean('passed'),
    reason: text('reason').notNull(),
    details: text('details'),
    cost: bigint('cost', { mode: 'bigint' }),
    createdAt: instant('created_at').notNull(),
    judgementKey: text('judgement_key'),
    cachedFrom: text('cached_from'),
    cachedAt: instant('cached_at'),
  },
  (table) => [primaryKey({ columns: [table.runId, table.position, table.repeat, table.scorer] })],
)

export const evalBatches = pgTable('eval_batches', {
  id: text('id').primaryKey(),
  runId: text('run_id').notNull(),
  part: integer('part').notNull(),
  upstream: text('upstream').notNull(),
  model: text('model').notNull(),
  state: text('state').notNull(),
  requests: integer('requests').notNull(),
  bytes: bigint('bytes', { mode: 'bigint' }).notNull(),
  digest: text('digest'),
  fileId: text('file_id'),
  batchId: text('batch_id'),
  submittingAt: instant('submitting_at'),
  deadline: instant('deadline'),
  status: text('status'),
  completed: integer('completed'),
  failed: integer('failed'),
  looks: integer('looks').notNull(),
  cancelledAt: instant('cancelled_at'),
  note: text('note'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  endedAt: instant('ended_at'),
})

export const evalBatchRequests = pgTable(
  'eval_batch_requests',
  {
    batchId: text('batch_id').notNull(),
    line: integer('line').notNull(),
    position: integer('position').notNull(),
    repeat: integer('repeat').notNull(),
    requestId: text('request_id').notNull(),
    body: text('body'),
    sentDigest: text('sent_digest').notNull(),
    retrieval: text('retrieval'),
    tries: integer('tries').notNull(),
    recordedAt: instant('recorded_at'),
    state: text('state').notNull(),
    answerKey: text('answer_key'),
  },
  (table) => [primaryKey({ columns: [table.batchId, table.line] })],
)
