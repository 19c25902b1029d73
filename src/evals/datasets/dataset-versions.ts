/** The life of a dataset: its items pushed, then a version of them, listed, read. A version is never changed. */

import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { JsonValue } from '../../lib/json.ts'
import type { Actor } from '../../registry/actor.ts'
import { contentOf } from '../../registry/content.ts'
import { parseVersionRef } from '../../registry/releases/release-content.ts'
import { checkItem, findUnkept } from './check-item.ts'
import { compileItemSchema, MAX_SCHEMA_BYTES } from './item-schema.ts'
import { MAX_ITEMS } from './read-file.ts'
import {
  type DatasetKey,
  type DatasetVersionRow,
  findContents,
  findDatasetVersion,
  findDatasetVersionByHash,
  findItems,
  insertItems,
  insertNextDatasetVersion,
} from './store.ts'

type Deps = { sql: Sql; clock: Clock }
export type DatasetPush = {
  name: string
  /** Of items that were pushed before, in their order. */
  hashes: readonly string[]
  schema: JsonValue | null
  description: string | null
}
type FoundItem = { hash: string; itemId: string; bytes: number }

/** Losing once means that another push won: losing this often is a crowd. */
const MAX_TRIES = 20
/** More are no help to a person. */
const MAX_PROBLEMS = 20
/** Contents that are held while they are asked whether they fit the schema. */
const CHECKED_BYTES = 4 * 1024 * 1024
const CHECKED_AT_ONCE = 1_000

/**
 * Keeps items for versions to name, and gives the hash of each. What the project has already is kept once, so pushing
 * again is safe. `onChecked` is awaited once all are known to be items and before any is kept. Throws RequestError
 * invalid_value for the first that is none, with its place: `items.3`.
 */
export async function pushItems(
  { sql, clock }: Deps,
  projectId: string,
  values: readonly unknown[],
  onChecked: () => Promise<void> = async () => undefined,
): Promise<string[]> {
  const rows = values.map(rowOf)
  await onChecked()
  await insertItems(sql, projectId, rows, new Date(clock.nowMs()).toISOString())
  return rows.map(({ hash }) => hash)
}

function rowOf(value: unknown, at: number): { hash: string; itemId: string; content: string } {
  const checked = checkItem(value, `items.${at}`)
  if ('content' in checked) {
    return { hash: checked.content.hash, itemId: checked.item.id, content: checked.content.text }
  }
  const problems = checked.problems.slice(0, MAX_PROBLEMS).join('\n')
  throw new RequestError('invalid_value', problems, { param: `items.${at}` })
}

/**
 * Makes a version of items that are there. The same items in the same order with the same schema are the version that
 * has them, however old, with `created: false`; its description stays. Throws RequestError: invalid_value for no items,
 * for an id that comes twice and for items that do not fit the schema, not_found for items that were never pushed,
 * conflict when others win every try.
 */
export async function pushDataset(
  deps: Deps,
  author: Actor,
  wanted: DatasetPush,
): Promise<{ version: DatasetVersionRow; created: boolean }> {
  const { sql, clock } = deps
  const key = { projectId: author.projectId, name: wanted.name }
  const itemSchema = schemaText(wanted.schema)
  const { hash } = contentOf({ items: wanted.hashes, schema: wanted.schema })
  const known = await findDatasetVersionByHash(sql, key, hash)
  if (known !== null) return { version: known, created: false }
  const items = await demandItems(sql, author.projectId, wanted.hashes)
  if (wanted.schema !== null) await demandFit(sql, author.projectId, items, wanted.schema)
  const nowMs = clock.nowMs()
  const row = {
    id: newId('ds', nowMs),
    ...key,
    hash,
    itemSchema,
    description: wanted.description,
    createdBy: author.id,
    createdByName: author.name,
    createdByPerson: author.person,
    createdAt: new Date(nowMs).toISOString(),
  }
  for (let tried = 0; tried < MAX_TRIES; tried += 1) {
    const made = await insertNextDatasetVersion(sql, row, items)
    if (made !== null) return { version: made, created: true }
    const same = await findDatasetVersionByHash(sql, key, hash)
    if (same !== null) return { version: same, created: false }
  }
  throw new RequestError('conflict', `Many push ${wanted.name} at once. Push it again.`)
}

/** Canonical. Throws RequestError for one that is too deep to be looked at, or too long. */
function schemaText(schema: JsonValue | null): string | null {
  if (schema === null) return null
  const refuse = (message: string) => new RequestError('invalid_value', message, { param: 'item_schema' })
  const unkept = findUnkept(schema)
  if (unkept !== null) throw refuse(unkept)
  const { text } = contentOf(schema)
  if (Buffer.byteLength(text) > MAX_SCHEMA_BYTES)
    throw refuse(`A schema has at most ${MAX_SCHEMA_BYTES} bytes.`)
  return text
}

/** Each hash with its item's id. Throws RequestError. */
async function demandItems(sql: Sql, projectId: string, hashes: readonly string[]): Promise<FoundItem[]> {
  const refuse = (message: string) => new RequestError('invalid_value', message, { param: 'items' })
  if (hashes.length === 0) throw refuse('A dataset has one item at least.')
  if (hashes.length > MAX_ITEMS) throw refuse(`A dataset has at most ${MAX_ITEMS} items. Make two of it.`)
  const found = await findItems(sql, projectId, hashes)
  const missing = hashes.filter((hash) => !found.has(hash))
  if (missing.length > 0) {
    const message = `${missing.length} of ${hashes.length} items were never pushed, the first is ${missing[0]?.slice(0, 64)}. POST /api/datasets/items takes them.`
    throw new RequestError('not_found', message, { param: 'items' })
  }
  const seen = new Set<string>()
  return hashes.map((hash, at) => {
    const { itemId, bytes } = found.get(hash) ?? { itemId: '', bytes: 0 }
    if (seen.has(itemId)) throw refuse(`items.${at}: the id ${JSON.stringify(itemId)} comes twice.`)
    seen.add(itemId)
    return { hash, itemId, bytes }
  })
}

/** Throws RequestError for a schema that is none, and for the items that do not fit it. */
async function demandFit(
  sql: Sql,
  projectId: string,
  items: readonly FoundItem[],
  schema: JsonValue,
): Promise<void> {
  const refuse = (problems: readonly string[], param: string) =>
    new RequestError('invalid_value', problems.slice(0, MAX_PROBLEMS).join('\n'), { param })
  const compiled = compileItemSchema(schema, 'item_schema')
  if ('problems' in compiled) throw refuse(compiled.problems, 'item_schema')
  const problems: string[] = []
  for (const some of bySize(items)) {
    const hashes = some.map(({ hash }) => hash)
    const contents = await findContents(sql, projectId, hashes)
    for (const { hash, itemId } of some) {
      const wrong = compiled.check(JSON.parse(contents.get(hash) ?? 'null'))
      if (wrong !== null) problems.push(`Item ${JSON.stringify(itemId)} ${wrong}`)
    }
    if (problems.length >= MAX_PROBLEMS) break
  }
  if (problems.length > 0) throw refuse(problems, 'items')
}

/** In their order, so many at once as come to a bound of bytes. */
function* bySize(items: readonly FoundItem[]): Generator<FoundItem[]> {
  let some: FoundItem[] = []
  let bytes = 0
  for (const item of items) {
    if (some.length > 0 && (bytes + item.bytes > CHECKED_BYTES || some.length >= CHECKED_AT_ONCE)) {
      yield some
      some = []
      bytes = 0
    }
    some.push(item)
    bytes += item.bytes
  }
  yield some
}

/** The version that `returns@3` names, or the newest for `returns`; null when the project has none such. */
export async function findDataset(
  sql: Sql,
  projectId: string,
  reference: string,
): Promise<DatasetVersionRow | null> {
  const ref = parseVersionRef(reference)
  return ref === null ? null : await findDatasetVersion(sql, { projectId, name: ref.name }, ref.version)
}

/** One version, the newest for null. Throws RequestError not_found, which says whether there is such a dataset. */
export async function getDataset(
  sql: Sql,
  key: DatasetKey,
  version: number | null,
): Promise<DatasetVersionRow> {
  const found = await findDatasetVersion(sql, key, version)
  if (found !== null) return found
  const newest = version === null ? null : await findDatasetVersion(sql, key, null)
  if (newest === null) throw unknownDataset(key.name)
  const message = `${key.name} has no version ${version}; the newest is ${newest.version}.`
  throw new RequestError('not_found', message, { param: 'version' })
}

export function unknownDataset(name: string): RequestError {
  const shown = name.slice(0, 80)
  const message = `This project has no dataset "${shown}". aval dataset list shows what there is; aval dataset push makes one of a file.`
  return new RequestError('not_found', message, { param: 'name' })
}
