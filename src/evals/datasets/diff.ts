/** What changed from one version of a dataset to another, item by item, each by its id. */

import { isDeepStrictEqual } from 'node:util'
import type { Sql } from 'postgres'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { countChanges, type DiffCounts, type DiffRow, listChanges } from './diff-store.ts'
import type { DatasetVersionRow } from './store.ts'

type ItemChange = {
  id: string
  change: 'added' | 'removed' | 'changed'
  /** Of a changed item: `expected`, or `metadata.team` for a member of one. */
  members: string[]
}
export type DatasetDiff = DiffCounts & {
  /** The schemas are not the same. */
  schemaChanged: boolean
  /** One page, by id. */
  items: ItemChange[]
  /** Ask on with it; null after the last. */
  nextAfter: string | null
}

/** Contents that are compared for one page. */
const PAGE_BYTES = 8 * 1024 * 1024
/** In these a single member is worth its name. */
const NAMED = new Set(['variables', 'metadata', 'labels'])

/** Both versions are of one project; they may be of two datasets. `after` is the last id of the page before. */
export async function diffDatasets(
  sql: Sql,
  { from, to }: { from: DatasetVersionRow; to: DatasetVersionRow },
  page: { after: string | null; limit: number },
): Promise<DatasetDiff> {
  const ids = { projectId: to.projectId, fromId: from.id, toId: to.id }
  const counts = await countChanges(sql, from.id, to.id)
  const rows = await listChanges(sql, ids, { after: page.after, limit: page.limit, bytes: PAGE_BYTES })
  const last = rows.at(-1)
  const more =
    last === undefined ? [] : await listChanges(sql, ids, { after: last.itemId, limit: 1, bytes: 0 })
  return {
    ...counts,
    schemaChanged: from.itemSchema !== to.itemSchema,
    items: rows.map(changeOf),
    nextAfter: more.length === 0 ? null : (last?.itemId ?? null),
  }
}

function changeOf({ itemId: id, before, after }: DiffRow): ItemChange {
  if (before === null || after === null) {
    return { id, change: before === null ? 'added' : 'removed', members: [] }
  }
  return { id, change: 'changed', members: changedMembers(JSON.parse(before), JSON.parse(after)) }
}

function changedMembers(before: JsonObject, after: JsonObject): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
  return names.flatMap((name) => {
    const [one, other] = [before[name], after[name]]
    if (isDeepStrictEqual(one, other)) return []
    if (!NAMED.has(name) || !isJsonObject(one) || !isJsonObject(other)) return [name]
    return changedMembers(one, other).map((member) => `${name}.${member}`)
  })
}
