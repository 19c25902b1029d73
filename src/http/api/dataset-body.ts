/** Versions of datasets, their items and what changed between two of them, as /api spells them. */

import { z } from '@hono/zod-openapi'
import type { DatasetDiff } from '../../evals/datasets/diff.ts'
import type { DatasetVersionRow } from '../../evals/datasets/store.ts'
import type { JsonObject } from '../../lib/json.ts'
import { isPromptName, PROMPT_NAME_RULE } from '../../registry/prompts/prompt-file.ts'
import { pageOf } from './page.ts'
import { isoTime, limitText, strictShape } from './validation.ts'

/** A thousand short conversations. */
export const ITEMS_BODY_MAX_BYTES = 16 * 1024 ** 2
/** 100,000 hashes. */
export const DATASET_BODY_MAX_BYTES = 8 * 1024 ** 2
const MAX_ITEMS_AT_ONCE = 1_000

/** JSON that people made up. `z.json()` has no form in an OpenAPI document, and recurses before anything is bounded. */
const object = z
  .record(z.string(), z.unknown())
  .openapi({ type: 'object' }) as unknown as z.ZodType<JsonObject>

const versionShape = {
  id: z.string(),
  name: z.string(),
  version: z.number(),
  hash: z.string(),
  items: z.number(),
  item_schema: object.nullable(),
  description: z.string().nullable(),
  created_at: z.string(),
  created_by: z.string(),
  created_by_name: z.string().nullable(),
}
export const versionSchema = z.object(versionShape).openapi('DatasetVersion')
export const pushedSchema = z.object({ ...versionShape, created: z.boolean() }).openapi('PushedDataset')
export const hashesSchema = z.object({ hashes: z.array(z.string()) }).openapi('PushedDatasetItems')
export const itemsPage = pageOf(
  z.object({ position: z.number(), id: z.string(), hash: z.string(), item: object }).openapi('DatasetItem'),
)
export const diffSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    added: z.number(),
    removed: z.number(),
    changed: z.number(),
    same: z.number(),
    /** Items of both stand in another order. */
    moved: z.boolean(),
    schema_changed: z.boolean(),
    data: z.array(
      z.object({
        id: z.string(),
        change: z.enum(['added', 'removed', 'changed']),
        /** Of a changed item, which of its members are other ones: `metadata.team`. */
        members: z.array(z.string()),
      }),
    ),
    next_cursor: z.string().nullable(),
  })
  .openapi('DatasetDiff')

const datasetName = z.string().refine(isPromptName, `Write ${PROMPT_NAME_RULE}.`)
export const itemsBody = strictShape('field', {
  items: z
    .array(z.unknown())
    .min(1)
    .max(MAX_ITEMS_AT_ONCE)
    .openapi({ items: { type: 'object' } }),
})
export const pushBody = strictShape('field', {
  name: datasetName,
  /** Hashes of items that were pushed, in their order. */
  items: z
    .array(z.string().regex(/^[0-9a-f]{64}$/, 'Write the hashes that POST /api/datasets/items gave.'))
    .min(1)
    .max(100_000),
  item_schema: object.nullable().default(null),
  description: z
    .string()
    .trim()
    .max(2000)
    .refine((text) => !text.includes('\0') && text.isWellFormed(), 'Take out NUL characters.')
    .nullable()
    .default(null),
})

export const nameParam = z.object({
  name: datasetName.openapi({ param: { name: 'name', in: 'path' }, example: 'refund-questions' }),
})
export const versionParam = nameParam.extend({
  version: z
    .string()
    .regex(/^(?:newest|[1-9]\d{0,8})$/, 'Write the number of a version, or newest.')
    .openapi({ param: { name: 'version', in: 'path' }, example: '3' }),
})
const cursorNumber = z.coerce
  .number({ error: 'Write what next_cursor of the page before said.' })
  .int()
  .min(0)
  .max(2_147_483_647)
export const historyQuery = strictShape('filter', { limit: limitText, cursor: cursorNumber.optional() })
export const itemsQuery = strictShape('filter', { limit: limitText, cursor: cursorNumber.default(0) })
export const diffQuery = strictShape('filter', {
  /** What the version is compared with. */
  from: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9-]{0,62}(?:@[1-9]\d{0,8})?$/,
      'Write a dataset, or a version: refund-questions@2.',
    )
    .openapi({ example: 'refund-questions@2' }),
  limit: limitText,
  cursor: z.string().max(200).optional(),
})

export function toVersion(row: DatasetVersionRow): z.infer<typeof versionSchema> {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    hash: row.hash,
    items: row.items,
    item_schema: row.itemSchema === null ? null : JSON.parse(row.itemSchema),
    description: row.description,
    created_at: isoTime(row.createdAt),
    created_by: row.createdBy,
    created_by_name: row.createdByName,
  }
}

export function toDiff(
  { schemaChanged, items, nextAfter, ...counts }: DatasetDiff,
  { from, to }: { from: DatasetVersionRow; to: DatasetVersionRow },
): z.infer<typeof diffSchema> {
  return {
    from: `${from.name}@${from.version}`,
    to: `${to.name}@${to.version}`,
    ...counts,
    schema_changed: schemaChanged,
    data: items,
    next_cursor: nextAfter,
  }
}
