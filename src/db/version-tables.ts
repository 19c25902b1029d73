/** The tables of versions, releases and labels as drizzle sees them; the others stand in schema.ts. */

import { instant, made } from './columns.ts'
import { bigint, customType, integer, pgTable, primaryKey, text } from './orm.ts'

const transactionId = customType<{ data: string }>({ dataType: () => 'xid8' })

/** As a person, where others may not approve what they made themselves; null for rows from before. */
const person = () => ({ createdByPerson: text('created_by_person') })

/** One version of something with a name. */
export const version = () => ({
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  name: text('name').notNull(),
  version: integer('version').notNull(),
  hash: text('hash').notNull(),
  content: text('content').notNull(),
  ...made(),
  ...person(),
})

export const promptVersions = pgTable('prompt_versions', version())

export const modelVersions = pgTable('model_versions', version())

export const prices = pgTable('prices', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  upstream: text('upstream').notNull(),
  model: text('model').notNull(),
  validFrom: instant('valid_from').notNull(),
  source: text('source').notNull(),
  input: bigint('input', { mode: 'bigint' }),
  cachedInput: bigint('cached_input', { mode: 'bigint' }),
  cacheWrite: bigint('cache_write', { mode: 'bigint' }),
  output: bigint('output', { mode: 'bigint' }),
  reasoning: bigint('reasoning', { mode: 'bigint' }),
  perImage: bigint('per_image', { mode: 'bigint' }),
  perRequest: bigint('per_request', { mode: 'bigint' }),
  batchInput: bigint('batch_input', { mode: 'bigint' }),
  batchCachedInput: bigint('batch_cached_input', { mode: 'bigint' }),
  batchOutput: bigint('batch_output', { mode: 'bigint' }),
  ...made(),
})

export const releases = pgTable('releases', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  route: text('route').notNull(),
  number: integer('number').notNull(),
  hash: text('hash').notNull(),
  content: text('content').notNull(),
  ...made(),
  ...person(),
})

export const decisions = pgTable('decisions', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  route: text('route').notNull(),
  label: text('label').notNull(),
  fromReleaseId: text('from_release_id'),
  toReleaseId: text('to_release_id').notNull(),
  canaryReleaseId: text('canary_release_id'),
  canaryWeight: integer('canary_weight'),
  reason: text('reason').notNull(),
  /** Both null of decisions from before there were promotions; a rollback has no promotion. */
  kind: text('kind').$type<'promotion' | 'canary' | 'rollback' | 'break_glass'>(),
  promotionId: text('promotion_id'),
  /** The database's own, whatever is written here. */
  transactionId: transactionId('transaction_id'),
  decidedBy: text('decided_by').notNull(),
  decidedByName: text('decided_by_name'),
  decidedAt: instant('decided_at').notNull(),
})

export const labels = pgTable(
  'labels',
  {
    projectId: text('project_id').notNull(),
    route: text('route').notNull(),
    label: text('label').notNull(),
    releaseId: text('release_id').notNull(),
    canaryReleaseId: text('canary_release_id'),
    canaryWeight: integer('canary_weight'),
    decisionId: text('decision_id').notNull(),
    movedAt: instant('moved_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.route, table.label] })],
)
