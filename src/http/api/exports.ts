/** /api/exports: orders an export of the log, shows how far it is, and hands out its files. For auditors, of their own project alone. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { ExportOrder } from '../../audit/export/exports.ts'
import { filtersToWire } from '../../audit/export/manifest.ts'
import type { ExportFilter, StoredExport, WrittenFile } from '../../audit/export/store.ts'
import { RequestError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageFrom, pageOf, pageQuery } from './page.ts'
import { type RequestsApiDeps, requestFilters, toFilter } from './requests.ts'
import { scopeOf } from './scope.ts'
import { answer, errorAnswers, instantText, jsonBody, refuseInvalid, strictShape } from './validation.ts'

export type ExportsApiDeps = Pick<RequestsApiDeps, 'clock' | 'record' | 'pseudonym'> & {
  /** Takes the order and tells the workers. */
  createExport(order: ExportOrder): Promise<StoredExport>
  /** Null when the project has no such export. */
  findExport(projectId: string, id: string): Promise<StoredExport | null>
  listExports(
    projectId: string,
    page: { limit: number; before?: string | undefined },
  ): Promise<StoredExport[]>
  /** Throws RequestError when it may not be read. */
  findFile(stored: StoredExport, name: string): Promise<WrittenFile>
  readFile(stored: StoredExport, file: WrittenFile): AsyncIterator<Buffer>
}

const exportSchema = z
  .object({
    id: z.string(),
    state: z.enum(['queued', 'running', 'done', 'failed']),
    format: z.enum(['jsonl', 'parquet']),
    bodies: z.boolean(),
    filters: z.record(z.string(), z.string()),
    purpose: z.string(),
    created_by: z.string(),
    created_by_name: z.string().nullable(),
    created_at: z.string(),
    finished_at: z.string().nullable(),
    expires_at: z.string(),
    rows_total: z.number().nullable(),
    rows_done: z.number(),
    files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
    error: z.string().nullable(),
  })
  .openapi('Export')

const orderBody = strictShape('field', {
  ...requestFilters,
  since: instantText,
  format: z.enum(['jsonl', 'parquet']).default('jsonl'),
  bodies: z.boolean().default(false),
  purpose: z.string().trim().min(1).max(500),
})
const exportId = z
  .string()
  .max(200)
  .openapi({ param: { name: 'id', in: 'path' } })
const fileName = z
  .string()
  .max(200)
  .openapi({ param: { name: 'name', in: 'path' } })

const createExportRoute = createRoute({
  method: 'post',
  path: '/exports',
  middleware: requireRole('auditor'),
  request: jsonBody(orderBody),
  responses: { 201: answer('The export, waiting for a worker.', exportSchema), ...errorAnswers },
})
const listExportsRoute = createRoute({
  method: 'get',
  path: '/exports',
  middleware: requireRole('auditor'),
  request: { query: pageQuery },
  responses: {
    200: answer('Exports of this project, newest first.', pageOf(exportSchema)),
    ...errorAnswers,
  },
})
const getExportRoute = createRoute({
  method: 'get',
  path: '/exports/{id}',
  middleware: requireRole('auditor'),
  request: { params: z.object({ id: exportId }) },
  responses: { 200: answer('The export and how far it is.', exportSchema), ...errorAnswers },
})
const getFileRoute = createRoute({
  method: 'get',
  path: '/exports/{id}/files/{name}',
  middleware: requireRole('auditor'),
  request: { params: z.object({ id: exportId, name: fileName }) },
  responses: {
    200: {
      description: 'The bytes of one file.',
      content: { 'application/octet-stream': { schema: z.string() } },
    },
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function exportsApi(deps: ExportsApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(createExportRoute, async (c) => {
      const { format, bodies, purpose, ...sent } = c.req.valid('json')
      const { key } = c.var
      const filters = toExportFilter(deps, key.projectId, sent)
      const id = newId('exp', deps.clock.nowMs())
      await deps.record.access(key, {
        action: 'requests.export',
        target: id,
        purpose,
        detail: { filters: filtersToWire(filters), format, bodies },
      })
      const created = await deps.createExport({
        id,
        scope: scopeOf(key.projectId),
        filters,
        format,
        withBodies: bodies,
        purpose,
        createdBy: key.id,
        createdByName: key.name,
      })
      return c.json(toWire(created), 201)
    })
    .openapi(listExportsRoute, async (c) => {
      const { limit, cursor } = c.req.valid('query')
      const found = await deps.listExports(c.var.key.projectId, { limit: limit + 1, before: cursor })
      return c.json(pageFrom(found, limit, { cursorOf: ({ id }) => id, toWire }), 200)
    })
    .openapi(getExportRoute, async (c) =>
      c.json(toWire(await getExport(deps, c.var.key.projectId, c.req.valid('param').id)), 200),
    )
    .openapi(getFileRoute, async (c) => {
      const { id, name } = c.req.valid('param')
      const stored = await getExport(deps, c.var.key.projectId, id)
      const file = await deps.findFile(stored, name)
      await deps.record.access(c.var.key, {
        action: 'exports.download',
        target: id,
        purpose: stored.purpose,
        detail: { file: name, bytes: file.bytes, sha256: file.sha256 },
      })
      return new Response(streamOf(deps.readFile(stored, file)), {
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': String(file.bytes),
          'content-disposition': `attachment; filename="${file.name}"`,
        },
      }) as never
    })
}

async function getExport(deps: ExportsApiDeps, projectId: string, id: string): Promise<StoredExport> {
  const found = await deps.findExport(projectId, id)
  if (found !== null) return found
  throw new RequestError(
    'not_found',
    `This project has no export "${id}"; three days after it was asked for it is deleted. GET /api/exports lists them.`,
  )
}

/** An export ends at a fixed instant, so that it has the same rows whenever its job runs. */
function toExportFilter(
  deps: ExportsApiDeps,
  projectId: string,
  sent: Parameters<typeof toFilter>[2],
): ExportFilter {
  const {
    scope: _scope,
    limit: _limit,
    cursor: _cursor,
    text: _text,
    ...filter
  } = toFilter(deps, projectId, {
    ...sent,
    until: sent.until ?? new Date(deps.clock.nowMs()).toISOString(),
  })
  return { ...filter, sinceMs: filter.sinceMs ?? 0, untilMs: filter.untilMs ?? deps.clock.nowMs() }
}

/** A failure in the middle breaks the connection: the length was announced, so nobody takes the rest for whole. */
function streamOf(chunks: AsyncIterator<Buffer>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { value, done } = await chunks.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    cancel: async () => void (await chunks.return?.()),
  })
}

function toWire(stored: StoredExport): z.infer<typeof exportSchema> {
  return {
    id: stored.id,
    state: stored.state,
    format: stored.format,
    bodies: stored.withBodies,
    filters: filtersToWire(stored.filters),
    purpose: stored.purpose,
    created_by: stored.createdBy,
    created_by_name: stored.createdByName,
    created_at: stored.createdAt.toISOString(),
    finished_at: stored.finishedAt?.toISOString() ?? null,
    expires_at: stored.expiresAt.toISOString(),
    rows_total: stored.rowsTotal,
    rows_done: stored.rowsDone,
    files: stored.files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    error: stored.error,
  }
}
