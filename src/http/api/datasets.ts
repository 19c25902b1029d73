/** /api/datasets: items first, then versions that name them; lists, shows and compares versions. Nothing is ever changed or removed. */

import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { diffDatasets } from '../../evals/datasets/diff.ts'
import {
  type DatasetVersionRow,
  listDatasetVersions,
  listNewestDatasets,
  readItems,
} from '../../evals/datasets/store.ts'
import type { Clock } from '../../lib/clock.ts'
import type { JsonObject } from '../../lib/json.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import {
  diffQuery,
  diffSchema,
  hashesSchema,
  historyQuery,
  itemsBody,
  itemsPage,
  itemsQuery,
  nameParam,
  pushBody,
  pushedSchema,
  toDiff,
  toVersion,
  versionParam,
  versionSchema,
} from './dataset-body.ts'
import { pageFrom, pageOf, pageQuery, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import { answer, conflictAnswer, errorAnswers, jsonBody, refuseInvalid } from './validation.ts'

export type DatasetsApiDeps = { sql: Sql; clock: Clock; record: Recorder }

/** Of items on one page, so that an answer of large ones stays small. */
const PAGE_BYTES = 8 * 1024 ** 2

/** Loaded when it is first needed: what checks an item knows every scorer, which would weigh on a gateway without datasets. */
const versions = async () => await import('../../evals/datasets/dataset-versions.ts')

const writers = ['admin', 'engineer'] as const
const page = pageOf(versionSchema)

const itemsRoute = createRoute({
  method: 'post',
  path: '/datasets/items',
  middleware: requireRole(...writers),
  request: jsonBody(itemsBody),
  responses: {
    200: answer(
      'The hash of each, in their order. They belong to no dataset before a version names them.',
      hashesSchema,
    ),
    ...errorAnswers,
  },
})
const pushRoute = createRoute({
  method: 'post',
  path: '/datasets',
  middleware: requireRole(...writers),
  request: jsonBody(pushBody),
  responses: {
    200: answer('A version already has these items in this order, and this schema.', pushedSchema),
    201: answer('The new version, whole.', pushedSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/datasets',
  middleware: requireRole(...registryReaders),
  request: { query: pageQuery },
  responses: { 200: answer('The newest version of each dataset, by name.', page), ...errorAnswers },
})
const historyRoute = createRoute({
  method: 'get',
  path: '/datasets/{name}',
  middleware: requireRole(...registryReaders),
  request: { params: nameParam, query: historyQuery },
  responses: { 200: answer('Versions of the dataset, newest first.', page), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/datasets/{name}/versions/{version}',
  middleware: requireRole(...registryReaders),
  request: { params: versionParam },
  responses: { 200: answer('The version, without its items.', versionSchema), ...errorAnswers },
})
const readRoute = createRoute({
  method: 'get',
  path: '/datasets/{name}/versions/{version}/items',
  middleware: requireRole(...registryReaders),
  request: { params: versionParam, query: itemsQuery },
  responses: {
    200: answer('Items in their order; fewer than asked for where they are large.', itemsPage),
    ...errorAnswers,
  },
})
const diffRoute = createRoute({
  method: 'get',
  path: '/datasets/{name}/versions/{version}/diff',
  middleware: requireRole(...registryReaders),
  request: { params: versionParam, query: diffQuery },
  responses: {
    200: answer('What changed from the other version to this one, by item.', diffSchema),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function datasetsApi(deps: DatasetsApiDeps) {
  const { sql, record } = deps
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(itemsRoute, async (c) => {
      const { items } = c.req.valid('json')
      const { key } = c.var
      const onChecked = () => record.admin(key, { action: 'dataset.items', detail: { items: items.length } })
      return c.json(
        { hashes: await (await versions()).pushItems(deps, key.projectId, items, onChecked) },
        200,
      )
    })
    .openapi(pushRoute, async (c) => {
      const { name, items: hashes, item_schema: schema, description } = c.req.valid('json')
      const { key } = c.var
      await record.admin(key, { action: 'dataset.push', target: name, detail: { items: hashes.length } })
      const wanted = { name, hashes, schema, description }
      const { version, created } = await (await versions()).pushDataset(deps, actorOf(key), wanted)
      return c.json({ ...toVersion(version), created }, created ? 201 : 200)
    })
    .openapi(listRoute, async (c) => {
      const { limit, cursor: after = null } = c.req.valid('query')
      const rows = await listNewestDatasets(sql, c.var.key.projectId, { after, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ name }) => name, toWire: toVersion }), 200)
    })
    .openapi(historyRoute, async (c) => {
      const { limit, cursor: before = null } = c.req.valid('query')
      const dataset = { projectId: c.var.key.projectId, name: c.req.valid('param').name }
      const rows = await listDatasetVersions(sql, dataset, { before, limit: limit + 1 })
      if (rows.length === 0 && before === null) throw (await versions()).unknownDataset(dataset.name)
      return c.json(
        pageFrom(rows, limit, { cursorOf: ({ version }) => String(version), toWire: toVersion }),
        200,
      )
    })
    .openapi(showRoute, async (c) => {
      return c.json(toVersion(await versionOf(sql, c.var.key.projectId, c.req.valid('param'))), 200)
    })
    .openapi(readRoute, async (c) => {
      const { limit, cursor: from } = c.req.valid('query')
      const { key } = c.var
      const version = await versionOf(sql, key.projectId, c.req.valid('param'))
      // Items may be what people asked: whoever begins to read them is on the log, once.
      if (from === 0) {
        const target = `${version.name}@${version.version}`
        await record.access(key, { action: 'dataset.read', target, detail: { items: version.items } })
      }
      const items = await readItems(sql, version.id, { from, limit, bytes: PAGE_BYTES })
      const data = items.map(({ position, itemId: id, hash, item }) => ({
        position,
        id,
        hash,
        item: item as JsonObject,
      }))
      const next = from + items.length
      return c.json(
        { data, next_cursor: items.length > 0 && next < version.items ? String(next) : null },
        200,
      )
    })
    .openapi(diffRoute, async (c) => {
      const { from: reference, limit, cursor: after = null } = c.req.valid('query')
      const { projectId } = c.var.key
      const to = await versionOf(sql, projectId, c.req.valid('param'))
      const from = await (await versions()).findDataset(sql, projectId, reference)
      if (from === null) throw (await versions()).unknownDataset(reference)
      return c.json(toDiff(await diffDatasets(sql, { from, to }, { after, limit }), { from, to }), 200)
    })
}

async function versionOf(
  sql: Sql,
  projectId: string,
  { name, version }: { name: string; version: string },
): Promise<DatasetVersionRow> {
  return await (await versions()).getDataset(
    sql,
    { projectId, name },
    version === 'newest' ? null : Number(version),
  )
}
