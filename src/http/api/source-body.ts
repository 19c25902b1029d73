/** Sources and their syncs as /api spells them, and what of one is said when it is made. */

import { z } from '@hono/zod-openapi'
import type { SourceOverview } from '../../retrieval/sources/overview.ts'
import { folderSettings, pushedSettings, sourceName, urlsSettings } from '../../retrieval/sources/settings.ts'
import type { SyncRow } from '../../retrieval/sources/sync-rows.ts'
import { isoTime, strictShape } from './validation.ts'

export const syncSchema = z
  .object({
    id: z.string(),
    state: z.enum(['queued', 'running', 'done', 'failed']),
    files_total: z.number().nullable(),
    files_done: z.number(),
    added: z.number(),
    changed: z.number(),
    removed: z.number(),
    failed: z.number(),
    attempts: z.number(),
    error: z.string().nullable(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .openapi('SourceSync')
const sourceShape = {
  id: z.string(),
  name: z.string(),
  kind: z.enum(['folder', 'urls', 'pushed']),
  settings: z.record(z.string(), z.unknown()),
  /** What it has now. */
  documents: z.number(),
  /** Files that gave no document. */
  problems: z.number(),
  sync: syncSchema.nullable(),
  /** What an index would be made of; of a pushed source it is taken when one is made. */
  snapshot: z
    .object({ hash: z.string(), documents: z.number(), characters: z.number(), created_at: z.string() })
    .nullable(),
  created_by: z.string(),
  created_by_name: z.string().nullable(),
  created_at: z.string(),
}
export const sourceSchema = z.object(sourceShape).openapi('Source')
export const putSchema = z.object({ ...sourceShape, created: z.boolean() }).openapi('PutSource')
export const problemSchema = z.object({ key: z.string(), reason: z.string(), error: z.string() })

export const putBody = z.discriminatedUnion(
  'kind',
  [
    strictShape('field', { name: sourceName, kind: z.literal('folder'), ...folderSettings.shape }),
    strictShape('field', { name: sourceName, kind: z.literal('urls'), ...urlsSettings.shape }),
    strictShape('field', { name: sourceName, kind: z.literal('pushed'), ...pushedSettings.shape }),
  ],
  { error: 'Write folder, urls or pushed.' },
)
export function toSource(row: SourceOverview): z.infer<typeof sourceSchema> {
  const { snapshot, sync } = row
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    settings: JSON.parse(row.settings) as Record<string, unknown>,
    documents: row.documents,
    problems: row.problems,
    sync: sync === null ? null : toSync(sync),
    snapshot:
      snapshot === null
        ? null
        : {
            hash: snapshot.hash,
            documents: snapshot.documents,
            characters: snapshot.characters,
            created_at: isoTime(snapshot.createdAt),
          },
    created_by: row.createdBy,
    created_by_name: row.createdByName,
    created_at: isoTime(row.createdAt),
  }
}

export function toSync(row: SyncRow): z.infer<typeof syncSchema> {
  return {
    id: row.id,
    state: row.state,
    files_total: row.filesTotal,
    files_done: row.filesDone,
    added: row.added,
    changed: row.changed,
    removed: row.removed,
    failed: row.failed,
    attempts: row.attempts,
    error: row.error,
    created_at: isoTime(row.createdAt),
    updated_at: isoTime(row.updatedAt),
  }
}
