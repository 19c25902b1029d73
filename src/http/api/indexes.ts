/** /api/indexes: plans, makes, shows and drops versions of indexes. Workers build them; a version never changes. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { RequestError } from '../../errors.ts'
import { usdText } from '../../lib/money.ts'
import type { Ring } from '../../queue/jobs.ts'
import { costOf, usageOfOperation } from '../../registry/prices/cost.ts'
import type { Price } from '../../registry/prices/price.ts'
import {
  createIndex,
  dropIndex,
  getIndex,
  type IndexDeps,
  planIndex,
} from '../../retrieval/indexes/create.ts'
import { findBuildRate, retryBuild } from '../../retrieval/indexes/retry.ts'
import { findIndexById, listIndexes } from '../../retrieval/indexes/store.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import {
  indexName,
  indexSchema,
  indexShape,
  manifestSchema,
  newIndexBody,
  toIndex,
  toManifest,
  toNewIndex,
} from './index-body.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import {
  answer,
  conflictAnswer,
  errorAnswers,
  jsonBody,
  limitText,
  pathName,
  refuseInvalid,
  strictShape,
} from './validation.ts'

export type IndexesApiDeps = IndexDeps & {
  record: Recorder
  ring: Ring
  /** Null is unknown. */
  priceOf: (projectId: string, upstream: string, model: string) => Price | null
}

const planSchema = z
  .object({
    manifest: manifestSchema,
    documents: z.number(),
    characters: z.number(),
    /** Estimates. */
    chunks: z.number(),
    tokens: z.number(),
    /** Null is unknown. */
    cost_usd: z.string().nullable(),
    /** By the newest build with this model; null before there is one. */
    seconds: z.number().nullable(),
  })
  .openapi('IndexPlan')
const madeSchema = z.object({ ...indexShape, created: z.boolean() }).openapi('MadeIndexVersion')

export const indexParams = z.object({
  name: pathName('handbook'),
  version: z
    .string()
    .regex(/^(?:newest|[1-9]\d{0,8})$/, 'Write the number of a version, or newest.')
    .openapi({ param: { name: 'version', in: 'path' }, example: '5' }),
})
const listQuery = strictShape('filter', {
  name: indexName.optional(),
  limit: limitText,
  cursor: z.string().max(200).optional(),
})

const planRoute = createRoute({
  method: 'post',
  path: '/indexes/plan',
  middleware: requireRole('admin', 'engineer'),
  request: jsonBody(newIndexBody),
  responses: {
    200: answer(
      'What the version would be made of, and what building it would take. Nothing is made.',
      planSchema,
    ),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const makeRoute = createRoute({
  method: 'post',
  path: '/indexes',
  middleware: requireRole('admin', 'engineer'),
  request: jsonBody(newIndexBody),
  responses: {
    200: answer(
      'The version that has this manifest already; a failed or dropped one is built again.',
      madeSchema,
    ),
    201: answer('The new version, waiting for a worker.', madeSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/indexes',
  middleware: requireRole(...registryReaders),
  request: { query: listQuery },
  responses: { 200: answer('Versions, newest first.', pageOf(indexSchema)), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/indexes/{name}/{version}',
  middleware: requireRole(...registryReaders),
  request: { params: indexParams },
  responses: { 200: answer('The version, and how far its build is.', indexSchema), ...errorAnswers },
})
const dropRoute = createRoute({
  method: 'delete',
  path: '/indexes/{name}/{version}',
  middleware: requireRole('admin'),
  request: { params: indexParams },
  responses: {
    200: answer('The version without its chunks; its manifest stays.', indexSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function indexesApi(deps: IndexesApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(planRoute, async (c) => {
      const { projectId } = c.var.key
      const wanted = toNewIndex(c.req.valid('json'))
      const { manifest, characters, chunks, tokens } = await planIndex(deps, projectId, wanted)
      const { upstream, model } = wanted.embedding
      const rate = await findBuildRate(deps.sql, projectId, { upstream, model })
      return c.json(
        {
          manifest: toManifest(manifest),
          documents: manifest.source.documents,
          characters,
          chunks,
          tokens,
          cost_usd: costText(deps.priceOf(projectId, upstream, model), tokens),
          seconds: rate === null || rate === 0 ? null : Math.ceil(chunks / rate),
        },
        200,
      )
    })
    .openapi(makeRoute, async (c) => {
      const { key } = c.var
      const wanted = toNewIndex(c.req.valid('json'))
      const { manifest } = await planIndex(deps, key.projectId, wanted)
      const { embedding, chunker, storage, source } = toManifest(manifest)
      await deps.record.admin(key, {
        action: 'index.create',
        target: wanted.name,
        detail: { source, embedding, chunker, storage },
      })
      const { index, created } = await createIndex(deps, actorOf(key), wanted.name, manifest)
      const now = new Date(deps.clock.nowMs()).toISOString()
      const isAgain = !created && (await retryBuild(deps.sql, index, now))
      const isWaiting = isAgain || index.state === 'queued'
      if (isWaiting) await deps.ring('build-index', { indexId: index.id }, index.id)
      const row = (await findIndexById(deps.sql, index.id)) ?? index
      return c.json({ ...toIndex(row), created }, created ? 201 : 200)
    })
    .openapi(listRoute, async (c) => {
      const { name = null, limit, cursor: before = null } = c.req.valid('query')
      const rows = await listIndexes(deps.sql, c.var.key.projectId, { name, before, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ id }) => id, toWire: toIndex }), 200)
    })
    .openapi(showRoute, async (c) =>
      c.json(toIndex(await findVersion(deps, c.var.key.projectId, c.req.valid('param'))), 200),
    )
    .openapi(dropRoute, async (c) => {
      const { key } = c.var
      const index = await findVersion(deps, key.projectId, c.req.valid('param'))
      await deps.record.admin(key, { action: 'index.drop', target: `${index.name}@${index.version}` })
      await dropIndex(deps, index)
      return c.json(toIndex((await findIndexById(deps.sql, index.id)) ?? index), 200)
    })
}

/** Throws RequestError not_found, for a version of another project too. */
export async function findVersion(
  { sql }: Pick<IndexesApiDeps, 'sql'>,
  projectId: string,
  { name, version }: { name: string; version: string },
) {
  return await getIndex(sql, projectId, { name, version: version === 'newest' ? null : Number(version) })
}

/** `handbook@5`, or `handbook` for the newest. Throws RequestError. */
export function parseIndexRef(text: string, param: string): { name: string; version: string } {
  const [, name, version = 'newest'] = /^([a-z0-9-]{1,63})(?:@([1-9]\d{0,8}))?$/.exec(text) ?? []
  if (name !== undefined) return { name, version }
  const message = `"${text.slice(0, 80)}" names no version of an index. Write handbook@5.`
  throw new RequestError('invalid_value', message, { param })
}

function costText(price: Price | null, tokens: number): string | null {
  if (price === null) return null
  const usage = usageOfOperation('embeddings', {
    inputTokens: tokens,
    outputTokens: null,
    cachedInputTokens: null,
    reasoningTokens: null,
  })
  const cost = costOf(usage, { ...price, perRequest: null, tiers: [] })
  return cost === null ? null : usdText(cost)
}
