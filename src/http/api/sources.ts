/** /api/sources: what documents come from. Made and changed here, read by workers; each says how far it is. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import { hasRole, type VirtualKey } from '../../keys/key.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { namesInside } from '../../providers/public-address.ts'
import type { Ring } from '../../queue/jobs.ts'
import { contentOf } from '../../registry/content.ts'
import { DocumentError } from '../../retrieval/documents/document-error.ts'
import { compileGlobs } from '../../retrieval/documents/glob.ts'
import {
  findSourceOverview,
  listSourceOverviews,
  type SourceOverview,
} from '../../retrieval/sources/overview.ts'
import { sourceSettings } from '../../retrieval/sources/settings.ts'
import { findSource, listProblems, putSource } from '../../retrieval/sources/store.ts'
import { findSync, insertSync } from '../../retrieval/sources/sync-rows.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import {
  problemSchema,
  putBody,
  putSchema,
  sourceSchema,
  syncSchema,
  toSource,
  toSync,
} from './source-body.ts'
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

export type SourcesApiDeps = {
  sql: Sql
  clock: Clock
  record: Recorder
  ring: Ring
}

/** A thousand addresses. */
export const SOURCE_BODY_MAX_BYTES = 3 * 1024 ** 2

export const sourceParam = z.object({
  name: pathName('handbook'),
})
const syncParam = sourceParam.extend({
  sync: z
    .string()
    .max(200)
    .openapi({ param: { name: 'sync', in: 'path' } }),
})
const listQuery = strictShape('filter', { limit: limitText, cursor: z.string().max(63).optional() })
const problemsQuery = strictShape('filter', { limit: limitText, cursor: z.string().max(8192).optional() })

const writers = ['admin', 'engineer'] as const

const putRoute = createRoute({
  method: 'post',
  path: '/sources',
  middleware: requireRole(...writers),
  request: jsonBody(putBody),
  responses: {
    200: answer('The source of this name, with these settings now.', putSchema),
    201: answer('The new source. Nothing is read before a sync.', putSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/sources',
  middleware: requireRole(...registryReaders),
  request: { query: listQuery },
  responses: { 200: answer('Sources of the project, by name.', pageOf(sourceSchema)), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/sources/{name}',
  middleware: requireRole(...registryReaders),
  request: { params: sourceParam },
  responses: { 200: answer('The source, and how far its newest sync is.', sourceSchema), ...errorAnswers },
})
const problemsRoute = createRoute({
  method: 'get',
  path: '/sources/{name}/problems',
  middleware: requireRole(...registryReaders),
  request: { params: sourceParam, query: problemsQuery },
  responses: {
    200: answer('Files that gave no document, by key, each with the reason.', pageOf(problemSchema)),
    ...errorAnswers,
  },
})
const syncRoute = createRoute({
  method: 'post',
  path: '/sources/{name}/sync',
  middleware: requireRole(...writers),
  request: { params: sourceParam },
  responses: {
    202: answer('The sync, waiting for a worker: a new one, or the one that waited already.', syncSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const showSyncRoute = createRoute({
  method: 'get',
  path: '/sources/{name}/syncs/{sync}',
  middleware: requireRole(...registryReaders),
  request: { params: syncParam },
  responses: { 200: answer('The sync and how far it is.', syncSchema), ...errorAnswers },
})

/** Routes under /api; authentication has already run. */
export function sourcesApi(deps: SourcesApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(putRoute, async (c) => {
      const { name, kind, ...given } = c.req.valid('json')
      const { key } = c.var
      const settings = sourceSettings[kind].parse(given)
      demandPatterns(settings)
      demandAdminInside(key, kind, settings)
      await deps.record.admin(key, { action: 'source.put', target: name, detail: { kind, settings } })
      const created = await put(deps, key, { name, kind, settings })
      const source = toSource(await getSource(deps.sql, key.projectId, name))
      return c.json({ ...source, created }, created ? 201 : 200)
    })
    .openapi(listRoute, async (c) => {
      const { limit, cursor: after = null } = c.req.valid('query')
      const rows = await listSourceOverviews(deps.sql, c.var.key.projectId, { after, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ name }) => name, toWire: toSource }), 200)
    })
    .openapi(showRoute, async (c) =>
      c.json(toSource(await getSource(deps.sql, c.var.key.projectId, c.req.valid('param').name)), 200),
    )
    .openapi(problemsRoute, async (c) => {
      const { limit, cursor: after = null } = c.req.valid('query')
      const { id } = await demandSource(deps.sql, c.var.key.projectId, c.req.valid('param').name)
      const rows = await listProblems(deps.sql, id, { after, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ key }) => key, toWire: (one) => one }), 200)
    })
    .openapi(syncRoute, async (c) => {
      const { key } = c.var
      const source = await demandSource(deps.sql, key.projectId, c.req.valid('param').name)
      if (source.kind === 'pushed') {
        const message = `Source "${source.name}" is pushed into, so there is nothing to read. Push documents: aval source push ${source.name} FILE.jsonl`
        throw new RequestError('conflict', message)
      }
      await deps.record.admin(key, { action: 'source.sync', target: source.name })
      const nowMs = deps.clock.nowMs()
      const sync = await insertSync(deps.sql, {
        id: newId('syn', nowMs),
        projectId: source.projectId,
        sourceId: source.id,
        now: new Date(nowMs).toISOString(),
      })
      await deps.ring('sync-source', { syncId: sync.id }, sync.id)
      return c.json(toSync(sync), 202)
    })
    .openapi(showSyncRoute, async (c) => {
      const { name, sync: id } = c.req.valid('param')
      const source = await demandSource(deps.sql, c.var.key.projectId, name)
      const sync = await findSync(deps.sql, id)
      if (sync !== null && sync.sourceId === source.id) return c.json(toSync(sync), 200)
      const message = `Source "${name}" has no sync ${id.slice(0, 60)}. GET /api/sources/${name} shows the newest.`
      throw new RequestError('not_found', message)
    })
}

/** Throws RequestError not_found, for a source of another project too. */
export async function demandSource(sql: Sql, projectId: string, name: string) {
  const found = await findSource(sql, projectId, name)
  if (found === null) throw noSource(name)
  return found
}

export async function getSource(sql: Sql, projectId: string, name: string): Promise<SourceOverview> {
  const found = await findSourceOverview(sql, projectId, name)
  if (found === null) throw noSource(name)
  return found
}

function noSource(name: string): RequestError {
  const message = `This project has no source "${name}". aval source list shows what there is; aval source add makes one.`
  return new RequestError('not_found', message, { param: 'name' })
}

/** Throws RequestError for a pattern that is none, before a sync would find it. */
function demandPatterns(settings: object): void {
  for (const [param, patterns] of Object.entries(settings)) {
    if (param !== 'include' && param !== 'exclude') continue
    try {
      compileGlobs(patterns)
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error
      throw new RequestError('invalid_value', `${param}: ${error.message}`, { param, cause: error })
    }
  }
}

/** A worker's disk, and addresses that lead inside, show what only whoever runs Aval may show. */
function demandAdminInside(key: VirtualKey, kind: string, settings: object): void {
  if (hasRole(key, 'admin')) return
  const urls = 'urls' in settings ? (settings.urls as string[]) : []
  const inside = urls.find((url) => namesInside(new URL(url)))
  if (kind !== 'folder' && inside === undefined) return
  const what = inside === undefined ? "reads the worker's disk" : `leads inside (${inside.slice(0, 100)})`
  throw new RequestError(
    'permission_denied',
    `A source that ${what} needs the role admin; key ${key.id} has ${key.roles.join(', ')}. Ask an admin to add it.`,
  )
}

async function put(
  { sql, clock }: SourcesApiDeps,
  key: VirtualKey,
  { name, kind, settings }: { name: string; kind: SourceOverview['kind']; settings: object },
): Promise<boolean> {
  const nowMs = clock.nowMs()
  const stored = await putSource(sql, {
    id: newId('src', nowMs),
    projectId: key.projectId,
    name,
    kind,
    settings: contentOf(settings).text,
    createdBy: key.id,
    createdByName: key.name,
    createdAt: new Date(nowMs).toISOString(),
  })
  if (stored !== null) return stored.created
  const message = `Source "${name}" is there with another kind than ${kind}, and a kind stays. Choose another name.`
  throw new RequestError('conflict', message, { param: 'kind' })
}
