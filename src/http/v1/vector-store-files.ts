/** /v1/vector_stores/{id}/files and /file_batches: which files a store holds, and how far each is. */

import { type Context, Hono } from 'hono'
import { z } from 'zod'
import { RequestError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import { addFiles, cancelBatch, changeAttributes, removeFile } from '../../retrieval/stores/change.ts'
import {
  type BatchRow,
  findBatch,
  findStoreFile,
  listStoreFiles,
  readTexts,
  type StoreFileRow,
} from '../../retrieval/stores/file-rows.ts'
import type { StoreRow } from '../../retrieval/stores/store.ts'
import type { ApiEnv } from '../auth.ts'
import { readJson, readQuery } from './json-body.ts'
import { listQuery, toList } from './openai-list.ts'
import { addFileBody, attributesBody, batchBody, toBatchFiles, toNewFile } from './store-body.ts'
import { toBatch, toStoreFile } from './store-wire.ts'
import type { StoresDeps } from './stores-deps.ts'
import { storeOf, tellWhenToPoll } from './vector-stores.ts'

const pageQuery = listQuery({
  filter: z.enum(['in_progress', 'completed', 'failed', 'cancelled']).optional(),
})
const contentQuery = z.object({ page: z.coerce.number().int().min(0).max(1_000_000_000).default(0) })
/** Texts of one answer: a table is a text for each row. */
const TEXTS_AT_ONCE = 1_000
const MAX_TEXT_CHARACTERS = 16 * 1024 ** 2

/** Routes below `/v1/vector_stores`; authentication, roles and limits have already run. */
export function vectorStoreFiles(deps: StoresDeps) {
  const app = new Hono<ApiEnv>({ strict: false })
  app.post('/:id/files', async (c) => {
    const body = await readJson(c, addFileBody)
    const store = await storeOf(deps, c)
    const detail = { files: [body.file_id] }
    await deps.record.admin(c.var.key, { action: 'vector_store.add', target: store.id, detail })
    await addFiles(deps, store, [toNewFile(body)], null)
    deps.ring(store.id)
    return c.json(toStoreFile(await fileOf(deps, store, body.file_id)))
  })
  app.get('/:id/files', async (c) => {
    const store = await storeOf(deps, c)
    return c.json(await listPage(deps, c, store, null))
  })
  app.get('/:id/files/:file', async (c) => {
    const file = toStoreFile(await fileOf(deps, await storeOf(deps, c), c.req.param('file')))
    if (file.status === 'in_progress') tellWhenToPoll(c)
    return c.json(file)
  })
  app.post('/:id/files/:file', async (c) => {
    const { attributes } = await readJson(c, attributesBody)
    const store = await storeOf(deps, c)
    const file = await fileOf(deps, store, c.req.param('file'))
    await deps.record.admin(c.var.key, {
      action: 'vector_store.attributes',
      target: store.id,
      detail: { file: file.fileId, names: Object.keys(attributes ?? {}) },
    })
    await changeAttributes(deps, store, file.fileId, JSON.stringify(attributes ?? {}))
    deps.ring(store.id)
    return c.json(toStoreFile(await fileOf(deps, store, file.fileId)))
  })
  app.delete('/:id/files/:file', async (c) => {
    const store = await storeOf(deps, c)
    const file = await fileOf(deps, store, c.req.param('file'))
    const detail = { files: [file.fileId] }
    await deps.record.admin(c.var.key, { action: 'vector_store.remove', target: store.id, detail })
    await removeFile(deps, store, file.fileId)
    deps.ring(store.id)
    return c.json({ id: file.fileId, object: 'vector_store.file.deleted', deleted: true })
  })
  app.get('/:id/files/:file/content', async (c) => c.json(await contentPage(deps, c)))
  return app
}

/** Routes below `/v1/vector_stores`; authentication, roles and limits have already run. */
export function fileBatches(deps: StoresDeps) {
  const app = new Hono<ApiEnv>({ strict: false })
  app.post('/:id/file_batches', async (c) => {
    const files = toBatchFiles(await readJson(c, batchBody))
    const store = await storeOf(deps, c)
    const batchId = newId('vsfb', deps.clock.nowMs())
    // A batch may have two thousand, and its rows say which.
    const detail = { batch: batchId, files: files.length }
    await deps.record.admin(c.var.key, { action: 'vector_store.add', target: store.id, detail })
    await addFiles(deps, store, files, batchId)
    deps.ring(store.id)
    return c.json(toBatch(await batchOf(deps, store, batchId)))
  })
  app.get('/:id/file_batches/:batch', async (c) => {
    const batch = toBatch(await batchOf(deps, await storeOf(deps, c), c.req.param('batch')))
    if (batch.status === 'in_progress') tellWhenToPoll(c)
    return c.json(batch)
  })
  app.post('/:id/file_batches/:batch/cancel', async (c) => {
    const store = await storeOf(deps, c)
    const batch = await batchOf(deps, store, c.req.param('batch'))
    const detail = { batch: batch.id }
    await deps.record.admin(c.var.key, { action: 'vector_store.cancel', target: store.id, detail })
    await cancelBatch(deps, store, batch.id)
    deps.ring(store.id)
    return c.json(toBatch(await batchOf(deps, store, batch.id)))
  })
  app.get('/:id/file_batches/:batch/files', async (c) => {
    const store = await storeOf(deps, c)
    const batch = await batchOf(deps, store, c.req.param('batch'))
    return c.json(await listPage(deps, c, store, batch.id))
  })
  return app
}

async function listPage(deps: StoresDeps, c: Context<ApiEnv>, store: StoreRow, batchId: string | null) {
  const { limit, order, after = null, before = null, filter: state = null } = readQuery(c, pageQuery)
  const page = { batchId, state, order, after, before, limit: limit + 1 }
  return toList(await listStoreFiles(deps.sql, store.id, page), { limit, before }, toStoreFile)
}

/** What was read of a file, a text for the file or for each row of its table. `page` goes on where an answer ended. */
async function contentPage(deps: StoresDeps, c: Context<ApiEnv>) {
  const { page: from } = readQuery(c, contentQuery)
  const store = await storeOf(deps, c)
  const file = await fileOf(deps, store, c.req.param('file') ?? '')
  await deps.record.access(c.var.key, {
    action: 'vector_store.read',
    target: store.id,
    detail: { file: file.fileId },
  })
  const { projectId, sourceId } = store
  const place = { projectId, sourceId, fileId: file.fileId, from, limit: TEXTS_AT_ONCE + 1 }
  const rows = await readTexts(deps.sql, place)
  let characters = 0
  const shown = rows.slice(0, TEXTS_AT_ONCE).filter(({ text }, at) => {
    characters += text.length
    return at === 0 || characters <= MAX_TEXT_CHARACTERS
  })
  const next = rows[shown.length]
  return {
    object: 'vector_store.file_content.page' as const,
    file_id: file.fileId,
    attributes: JSON.parse(file.attributes) as object,
    data: shown.map(({ text }) => ({ type: 'text' as const, text })),
    has_more: next !== undefined,
    next_page: next === undefined ? null : String(next.position),
  }
}

async function fileOf(deps: StoresDeps, store: StoreRow, fileId: string): Promise<StoreFileRow> {
  const found = await findStoreFile(deps.sql, store.id, fileId)
  if (found !== null) return found
  const message = `The vector store ${store.id} has no file ${JSON.stringify(fileId.slice(0, 100))}. GET /v1/vector_stores/${store.id}/files lists what it has.`
  throw new RequestError('not_found', message, { param: 'file_id' })
}

async function batchOf(deps: StoresDeps, store: StoreRow, batchId: string): Promise<BatchRow> {
  const found = await findBatch(deps.sql, store.id, batchId)
  if (found !== null) return found
  const message = `The vector store ${store.id} has no batch ${JSON.stringify(batchId.slice(0, 100))}.`
  throw new RequestError('not_found', message, { param: 'batch_id' })
}
