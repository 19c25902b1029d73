/** The tables of datasets as drizzle sees them; the others stand in schema.ts. */

import { instant } from './columns.ts'
import { integer, pgTable, primaryKey, text } from './orm.ts'

export const datasetItems = pgTable(
  'dataset_items',
  {
    projectId: text('project_id').notNull(),
    hash: text('hash').notNull(),
    itemId: text('item_id').notNull(),
    content: text('content').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.hash] })],
)

export const datasetVersions = pgTable('dataset_versions', {
  id: text('id').primaryKey(),
  projectId: text('project_id').notNull(),
  name: text('name').notNull(),
  version: integer('version').notNull(),
  hash: text('hash').notNull(),
  items: integer('items').notNull(),
  itemSchema: text('item_schema'),
  description: text('description'),
  createdBy: text('created_by').notNull(),
  createdByName: text('created_by_name'),
  createdAt: instant('created_at').notNull(),
  createdByPerson: text('created_by_person'),
})

export const datasetVersionItems = pgTable(
  'dataset_version_items',
  {
    datasetId: text('dataset_id').notNull(),
    position: integer('position').notNull(),
    itemId: text('item_id').notNull(),
    hash: text('hash').notNull(),
  },
  (table) => [primaryKey({ columns: [table.datasetId, table.position] })],
)
