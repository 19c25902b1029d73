/** /api/model-versions: pushes, lists and shows versions of models. Nothing here changes a version or takes one away. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Db } from '../../db/client.ts'
import type { Clock } from '../../lib/clock.ts'
import {
  modelContentOf,
  modelContentShape,
  modelName,
  trainingShape,
} from '../../registry/models/model-content.ts'
import {
  getModelVersion,
  listModelHistory,
  listModels,
  type ModelVersion,
  pushModelVersion,
} from '../../registry/models/model-versions.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
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

export type ModelVersionsApiDeps = { db: Db; clock: Clock; record: Recorder }

const tokens = z.number().nullable()
const versionShape = {
  id: z.string(),
  name: z.string(),
  version: z.number(),
  /** SHA-256 of the content in canonical JSON. */
  hash: z.string(),
  upstream: z.string(),
  model: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  context_window: tokens,
  max_output_tokens: tokens,
  capabilities: z.record(z.string(), z.boolean()),
  licence: z.string().nullable(),
  notes: z.string().nullable(),
  /** Of a version that a fine-tuning made; null for one that somebody pushed. */
  training: trainingShape.nullable(),
  created_by: z.string(),
  created_by_name: z.string().nullable(),
  created_at: z.string(),
}
const versionSchema = z.object(versionShape).openapi('ModelVersion')
const pushedSchema = z.object({ ...versionShape, created: z.boolean() }).openapi('PushedModelVersion')
const pageSchema = pageOf(versionSchema)

const pushBody = strictShape('field', { name: modelName, ...modelContentShape })
const nameParam = z.object({
  name: pathName('gpt-4o-mini'),
})
const versionParam = nameParam.extend({
  version: z
    .string()
    .regex(/^(?:newest|[1-9]\d{0,8})$/, 'Write the number of a version, or newest.')
    .openapi({ param: { name: 'version', in: 'path' }, example: '3' }),
})
const listQuery = strictShape('filter', { limit: limitText, cursor: z.string().max(63).optional() })
const historyQuery = strictShape('filter', {
  limit: limitText,
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'Write what next_cursor of the page before said.')
    .optional(),
})

const pushRoute = createRoute({
  method: 'post',
  path: '/model-versions',
  middleware: requireRole('admin', 'engineer'),
  request: jsonBody(pushBody),
  responses: {
    200: answer('The version that has this content already.', pushedSchema),
    201: answer('The new version.', pushedSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/model-versions',
  middleware: requireRole(...registryReaders),
  request: { query: listQuery },
  responses: { 200: answer('The newest version of each name, by name.', pageSchema), ...errorAnswers },
})
const historyRoute = createRoute({
  method: 'get',
  path: '/model-versions/{name}',
  middleware: requireRole(...registryReaders),
  request: { params: nameParam, query: historyQuery },
  responses: { 200: answer('The versions of the name, newest first.', pageSchema), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/model-versions/{name}/versions/{version}',
  middleware: requireRole(...registryReaders),
  request: { params: versionParam },
  responses: { 200: answer('The version.', versionSchema), ...errorAnswers },
})

/** Routes under /api; authentication has already run. */
export function modelVersionsApi(deps: ModelVersionsApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(pushRoute, async (c) => {
      const { name, ...body } = c.req.valid('json')
      const content = modelContentOf(body)
      await deps.record.admin(c.var.key, {
        action: 'model_version.push',
        target: name,
        detail: { hash: content.hash, upstream: body.upstream, model: body.model },
      })
      const { version, created } = await pushModelVersion(deps, actorOf(c.var.key), { name, content })
      return c.json({ ...toWire(version), created }, created ? 201 : 200)
    })
    .openapi(listRoute, async (c) => {
      const { limit, cursor: after = null } = c.req.valid('query')
      const rows = await listModels(deps.db, c.var.key.projectId, { after, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ name }) => name, toWire }), 200)
    })
    .openapi(historyRoute, async (c) => {
      const { limit, cursor } = c.req.valid('query')
      const { name } = c.req.valid('param')
      const before = cursor === undefined ? null : Number(cursor)
      const rows = await listModelHistory(deps.db, c.var.key.projectId, { name, before, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ version }) => String(version), toWire }), 200)
    })
    .openapi(showRoute, async (c) => {
      const { name, version } = c.req.valid('param')
      const number = version === 'newest' ? null : Number(version)
      return c.json(
        toWire(await getModelVersion(deps.db, c.var.key.projectId, { name, version: number })),
        200,
      )
    })
}

function toWire(version: ModelVersion): z.infer<typeof versionSchema> {
  const { capabilities, training = null, ...content } = version.content
  return {
    id: version.id,
    name: version.name,
    version: version.version,
    hash: version.hash,
    ...content,
    capabilities: capabilities as Record<string, boolean>,
    training,
    created_by: version.createdBy,
    created_by_name: version.createdByName,
    created_at: version.createdAt.toISOString(),
  }
}
