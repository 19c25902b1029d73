/** /v1/vector_stores: stores themselves, in the shapes of OpenAI's clients. Workers make what is searched. */

import { type Context, Hono } from 'hono'
import { RequestError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import { splitModelName } from '../../lib/model-name.ts'
import { createStore, deleteStore, editStore, getStore, showStore } from '../../retrieval/stores/change.ts'
import { listStores, type ShownStore, type StoreRow } from '../../retrieval/stores/store.ts'
import { actorOf } from '../actor.ts'
import type { ApiEnv } from '../auth.ts'
import { readJson, readQuery } from './json-body.ts'
import { listQuery, toList } from './openai-list.ts'
import { demandModel, mayCall } from './store-access.ts'
import {
  chunkerOf,
  createStoreBody,
  EMBEDDING_MEMBER,
  embeddingOf,
  toNewFile,
  updateStoreBody,
} from './store-body.ts'
import { toStore } from './store-wire.ts'
import type { StoresDeps } from './stores-deps.ts'

const pageQuery = listQuery({})
/** What a client that polls is told to wait; without it the official one waits five seconds. */
const POLL_AFTER_MS = '500'

/** Routes below `/v1/vector_stores`; authentication, roles and limits have already run. */
export function vectorStores(deps: StoresDeps) {
  const app = new Hono<ApiEnv>({ strict: false })
  app.post('/', async (c) => c.json(toStore(await create(deps, c))))
  app.get('/', async (c) => {
    const { limit, order, after = null, before = null } = readQuery(c, pageQuery)
    const { key } = c.var
    const now = new Date(deps.clock.nowMs()).toISOString()
    const rows = await listStores(deps.sql, key.projectId, { order, after, before, limit: limit + 1 }, now)
    const page = toList(rows, { limit, before }, toStore)
    // Those that the key may not call are left out, as in the list of models; the page's ends stay where they are.
    return c.json({ ...page, data: page.data.filter((store) => mayCall(key, store.embedding_model)) })
  })
  app.get('/:id', async (c) => {
    const row = await showStore(deps, c.var.key.projectId, c.req.param('id'))
    demandModel(c.var.key, row.embedding)
    const store = toStore(row)
    if (store.status === 'in_progress') tellWhenToPoll(c)
    return c.json(store)
  })
  app.post('/:id', async (c) => c.json(toStore(await update(deps, c))))
  app.delete('/:id', async (c) => {
    const store = await storeOf(deps, c)
    await deps.record.admin(c.var.key, { action: 'vector_store.delete', target: store.id })
    await deleteStore(deps, store)
    deps.ring(store.id)
    return c.json({ id: store.id, object: 'vector_store.deleted', deleted: true })
  })
  return app
}

/** The store of the path. Throws RequestError not_found, or permission_denied for a key that may not call its model. */
export async function storeOf(deps: StoresDeps, c: Context<ApiEnv>): Promise<StoreRow> {
  const store = await getStore(deps, c.var.key.projectId, c.req.param('id') ?? '')
  demandModel(c.var.key, store.embedding)
  return store
}

export function tellWhenToPoll(c: Context<ApiEnv>): void {
  c.header('openai-poll-after-ms', POLL_AFTER_MS)
}

async function create(deps: StoresDeps, c: Context<ApiEnv>): Promise<ShownStore> {
  const body = await readJson(c, createStoreBody)
  const { key } = c.var
  const embedding = embeddingOf(body.metadata)
  demandModel(key, embedding)
  demandUpstream(deps, embedding)
  const fileIds = [...new Set(body.file_ids ?? [])]
  const strategy = body.chunking_strategy
  const files = fileIds.map((file_id) => ({
    ...toNewFile({ file_id }),
    chunker: chunkerOf(strategy ?? null),
  }))
  const id = newId('vs', deps.clock.nowMs())
  await deps.record.admin(key, {
    action: 'vector_store.create',
    target: id,
    detail: { embedding_model: embedding, files: files.length },
  })
  const store = await createStore(deps, actorOf(key), id, {
    name: body.name ?? '',
    description: body.description ?? null,
    metadata: JSON.stringify(body.metadata ?? {}),
    embedding,
    expiresDays: body.expires_after?.days ?? null,
    files,
  })
  if (files.length > 0) deps.ring(id)
  return store
}

function demandUpstream({ embedderOf }: StoresDeps, embedding: string): void {
  const { upstream, model } = splitModelName(embedding) ?? { upstream: embedding, model: '' }
  if (embedderOf(upstream, model) !== null) return
  const message = `metadata.${EMBEDDING_MEMBER}: no upstream "${upstream}" is configured. GET /v1/models lists what there is.`
  throw new RequestError('model_not_found', message, { param: `metadata.${EMBEDDING_MEMBER}` })
}

async function update(deps: StoresDeps, c: Context<ApiEnv>): Promise<ShownStore> {
  const body = await readJson(c, updateStoreBody)
  const store = await storeOf(deps, c)
  const named = body.metadata?.[EMBEDDING_MEMBER]
  if (named !== undefined && named !== store.embedding) {
    const message = `metadata.${EMBEDDING_MEMBER}: ${store.id} is embedded by ${store.embedding}, and stays so. Make another store for ${JSON.stringify(named.slice(0, 100))}.`
    throw new RequestError('invalid_value', message, { param: `metadata.${EMBEDDING_MEMBER}` })
  }
  await deps.record.admin(c.var.key, {
    action: 'vector_store.update',
    target: store.id,
    detail: { changed: Object.keys(body) },
  })
  const { name, metadata, expires_after } = body
  return await editStore(deps, store, {
    name: name ?? undefined,
    metadata: metadata === undefined ? undefined : JSON.stringify(metadata ?? {}),
    expiresDays: expires_after === undefined ? undefined : (expires_after?.days ?? null),
  })
}
