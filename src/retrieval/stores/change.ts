/** What clients do to vector stores. Each change is counted; workers make a version of what a store then holds. */

import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Actor } from '../../registry/actor.ts'
import { contentOf } from '../../registry/content.ts'
import { noSuchFile } from '../files/files.ts'
import { deleteFileRow, findFileIds } from '../files/store.ts'
import { pushedSettings } from '../sources/settings.ts'
import { removeFiles } from '../sources/store.ts'
import {
  cancelBatchFiles,
  countStoreFiles,
  deleteStoreFile,
  findBatch,
  insertBatch,
  listStoresOfFile,
  type NewStoreFile,
  putStoreFiles,
  setAttributes,
} from './file-rows.ts'
import {
  changeStore,
  findShownStore,
  findStore,
  insertStore,
  lockStore,
  markChanged,
  markDeleted,
  type ShownStore,
  type StoreChange,
  type StoreRow,
} from './store.ts'

export type ChangeDeps = { sql: Sql; clock: Clock }

/** Each with files has a version of an index, which is four tables. */
const MAX_STORES = 1_000
/** As OpenAI's. */
const MAX_FILES = 10_000

export type StoreOrder = {
  name: string
  description: string | null
  metadata: string
  embedding: string
  expiresDays: number | null
  files: readonly NewStoreFile[]
}

/** Throws RequestError: not_found for a file that the project does not have, conflict for too many stores. */
export async function createStore(
  { sql, clock }: ChangeDeps,
  actor: Actor,
  id: string,
  { files, ...order }: StoreOrder,
): Promise<ShownStore> {
  const nowMs = clock.nowMs()
  const now = new Date(nowMs).toISOString()
  const { projectId } = actor
  await sql.begin(async (transaction) => {
    const row = {
      ...order,
      id,
      projectId,
      sourceId: newId('src', nowMs),
      createdBy: actor.id,
      createdByName: actor.name,
      createdByPerson: actor.person,
      now,
    }
    const settings = contentOf(pushedSettings.parse({})).text
    if (!(await insertStore(transaction, row, settings, MAX_STORES))) {
      const message = `This project has ${MAX_STORES} vector stores, and more are not allowed. Delete one: DELETE /v1/vector_stores/{id}`
      throw new RequestError('conflict', message, { headers: { 'x-should-retry': 'false' } })
    }
    if (files.length === 0) return
    await demandFiles(transaction, projectId, files, now)
    await putStoreFiles(transaction, id, files, now)
    await markChanged(transaction, id, now)
  })
  return await showStore({ sql, clock }, projectId, id)
}

/** Throws RequestError not_found, also for one of another project. */
export async function showStore(
  { sql, clock }: ChangeDeps,
  projectId: string,
  id: string,
): Promise<ShownStore> {
  const found = await findShownStore(sql, projectId, id, new Date(clock.nowMs()).toISOString())
  if (found !== null) return found
  throw noSuchStore(id)
}

/** Without its counts. Throws RequestError not_found, also for one of another project. */
export async function getStore({ sql, clock }: ChangeDeps, projectId: string, id: string): Promise<StoreRow> {
  const found = await findStore(sql, projectId, id, new Date(clock.nowMs()).toISOString())
  if (found !== null) return found
  throw noSuchStore(id)
}

function noSuchStore(id: string): RequestError {
  const message = `This project has no vector store ${JSON.stringify(id.slice(0, 100))}. GET /v1/vector_stores lists what there is.`
  return new RequestError('not_found', message, { param: 'vector_store_id' })
}

export async function editStore(
  deps: ChangeDeps,
  { projectId, id }: StoreRow,
  change: StoreChange,
): Promise<ShownStore> {
  await changeStore(deps.sql, id, change, new Date(deps.clock.nowMs()).toISOString())
  return await showStore(deps, projectId, id)
}

/**
 * Adds files, or gives those that are there other attributes or another way of being cut; as a batch when `batchId` is
 * not null. Throws RequestError: not_found for a file that the project does not have, conflict for too many.
 */
export async function addFiles(
  { sql, clock }: ChangeDeps,
  { projectId, id }: StoreRow,
  files: readonly NewStoreFile[],
  batchId: string | null,
): Promise<void> {
  const now = new Date(clock.nowMs()).toISOString()
  // Once each, as given last: a statement cannot put one row twice.
  const last = [...new Map(files.map((file) => [file.fileId, file])).values()]
  await sql.begin(async (transaction) => {
    if (!(await lockStore(transaction, projectId, id))) throw expired(id)
    await demandFiles(transaction, projectId, last, now)
    await putStoreFiles(transaction, id, last, now)
    if ((await countStoreFiles(transaction, id)) > MAX_FILES) {
      const message = `A vector store takes ${MAX_FILES} files, and ${id} would have more. Make another one.`
      throw new RequestError('conflict', message, {
        param: 'file_id',
        headers: { 'x-should-retry': 'false' },
      })
    }
    if (batchId !== null) {
      const ids = last.map(({ fileId }) => fileId)
      await insertBatch(transaction, { id: batchId, storeId: id, now }, ids)
    }
    await markChanged(transaction, id, now)
  })
}

/** Throws RequestError not_found for the first file that the project does not have. */
async function demandFiles(
  transaction: Parameters<typeof findFileIds>[0],
  projectId: string,
  files: readonly NewStoreFile[],
  now: string,
): Promise<void> {
  const ids = files.map(({ fileId }) => fileId)
  const known = await findFileIds(transaction, projectId, ids, now)
  const missing = ids.find((id) => !known.has(id))
  if (missing !== undefined) throw noSuchFile(missing)
}

/** False when the store has no such file. */
export async function removeFile(
  { sql, clock }: ChangeDeps,
  { projectId, id, sourceId }: StoreRow,
  fileId: string,
): Promise<boolean> {
  return await sql.begin(async (transaction) => {
    if (!(await lockStore(transaction, projectId, id))) return false
    if (!(await deleteStoreFile(transaction, id, fileId))) return false
    await removeFiles(transaction, sourceId, [fileId])
    await markChanged(transaction, id, new Date(clock.nowMs()).toISOString())
    return true
  })
}

/** False when the store has no such file. */
export async function changeAttributes(
  { sql, clock }: ChangeDeps,
  { projectId, id }: StoreRow,
  fileId: string,
  attributes: string,
): Promise<boolean> {
  return await sql.begin(async (transaction) => {
    if (!(await lockStore(transaction, projectId, id))) return false
    if (!(await setAttributes(transaction, id, fileId, attributes))) return false
    await markChanged(transaction, id, new Date(clock.nowMs()).toISOString())
    return true
  })
}

/** Files of the batch that are not done are taken out; those that are done stay. */
export async function cancelBatch(
  { sql, clock }: ChangeDeps,
  { projectId, id, sourceId }: StoreRow,
  batchId: string,
): Promise<void> {
  const now = new Date(clock.nowMs()).toISOString()
  await sql.begin(async (transaction) => {
    if (!(await lockStore(transaction, projectId, id))) return
    if ((await findBatch(transaction, id, batchId)) === null) return
    const stopped = await cancelBatchFiles(transaction, batchId, now)
    await removeFiles(transaction, sourceId, stopped)
    await markChanged(transaction, id, now)
  })
}

export async function deleteStore({ sql, clock }: ChangeDeps, { id }: StoreRow): Promise<void> {
  await markDeleted(sql, id, new Date(clock.nowMs()).toISOString())
}

/** Takes it out of every store that has it, too. Gives these stores. */
export async function deleteFile(
  { sql, clock }: ChangeDeps,
  projectId: string,
  fileId: string,
): Promise<string[]> {
  const now = new Date(clock.nowMs()).toISOString()
  return await sql.begin(async (transaction) => {
    const stores = await listStoresOfFile(transaction, fileId)
    for (const { id, sourceId } of stores) {
      await deleteStoreFile(transaction, id, fileId)
      await removeFiles(transaction, sourceId, [fileId])
      await markChanged(transaction, id, now)
    }
    await deleteFileRow(transaction, { projectId, id: fileId })
    return stores.map(({ id }) => id)
  })
}

function expired(id: string): RequestError {
  const message = `The vector store ${id} has expired: nobody used it for as long as it was to live. Make another one, with expires_after or without.`
  return new RequestError('conflict', message, { headers: { 'x-should-retry': 'false' } })
}

/** Throws RequestError conflict. */
export function demandLive(store: StoreRow): void {
  if (store.expired) throw expired(store.id)
}
