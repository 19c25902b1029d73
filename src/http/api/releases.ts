/** /api/releases: makes and shows releases. What a release serves is decided by labels, see labels.ts. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { JsonObject } from '../../lib/json.ts'
import { createRelease } from '../../registry/releases/create.ts'
import { parseRelease, parseReleaseNumber, refText } from '../../registry/releases/release-content.ts'
import { someRetrievalSettings } from '../../registry/releases/retrieval-settings.ts'
import { findRelease, listLabels, listReleases, type ReleaseRow } from '../../registry/releases/store.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import { answer, errorAnswers, jsonBody, limitText, refuseInvalid, strictShape } from './validation.ts'

export type ReleasesApiDeps = {
  db: Db
  clock: Clock
  record: Recorder
  /** Resolves when this gateway serves what was changed. */
  changed: () => Promise<void>
}

export const routeName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'Write lower-case letters, digits and inner hyphens, at most 63.',
  )
export const releaseText = z
  .string()
  .transform((text, context) => {
    const number = parseReleaseNumber(text)
    if (number !== null) return number
    context.addIssue({ code: 'custom', message: `"${text.slice(0, 40)}" is no release. Write r12.` })
    return z.NEVER
  })
  .openapi({ type: 'string', example: 'r12' })

const releaseShape = {
  id: z.string(),
  route: z.string(),
  release: z.string(),
  hash: z.string(),
  prompt: z.string().nullable(),
  index: z.string().nullable(),
  retrieval: z.record(z.string(), z.unknown()).nullable(),
  targets: z.array(z.object({ model: z.string(), weight: z.number().nullable() })),
  parameters: z.record(z.string(), z.unknown()),
  retries: z.number(),
  /** Every ingredient with its own hash, as the release's hash covers it. */
  content: z.string(),
  labels: z.array(z.string()),
  created_by: z.string(),
  created_by_name: z.string().nullable(),
  created_at: z.string(),
}
const releaseSchema = z.object(releaseShape).openapi('Release')
const madeSchema = z.object({ ...releaseShape, created: z.boolean() }).openapi('MadeRelease')

const ref = z.string().min(1).max(100)
const newReleaseBody = strictShape('field', {
  route: routeName,
  from: releaseText.nullable().default(null),
  prompt: ref.nullable().default(null),
  index: ref.nullable().default(null),
  retrieval: someRetrievalSettings.nullable().default(null),
  models: z
    .array(strictShape('field', { model: ref, weight: z.int().min(1).max(10_000).nullable().default(null) }))
    .min(1)
    .max(20)
    .nullable()
    .default(null),
  parameters: z.record(z.string().max(100), z.unknown()).nullable().default(null),
  retries: z.int().min(0).max(10).nullable().default(null),
})
const listQuery = strictShape('filter', {
  route: routeName.optional(),
  limit: limitText,
  cursor: z.string().max(200).optional(),
})
const releaseParams = z.object({ route: z.string(), release: z.string() })

const createReleaseRoute = createRoute({
  method: 'post',
  path: '/releases',
  middleware: requireRole('admin', 'engineer'),
  request: jsonBody(newReleaseBody),
  responses: {
    200: answer('The same combination was a release already.', madeSchema),
    201: answer('The new release.', madeSchema),
    ...errorAnswers,
  },
})
const listReleasesRoute = createRoute({
  method: 'get',
  path: '/releases',
  middleware: requireRole(...registryReaders),
  request: { query: listQuery },
  responses: {
    200: answer('Newest first.', pageOf(releaseSchema)),
    ...errorAnswers,
  },
})
const getReleaseRoute = createRoute({
  method: 'get',
  path: '/releases/{route}/{release}',
  middleware: requireRole(...registryReaders),
  request: { params: releaseParams },
  responses: { 200: answer('The release.', releaseSchema), ...errorAnswers },
})

/** Routes under /api; authentication has already run. */
export function releasesApi(deps: ReleasesApiDeps) {
  const { db, record } = deps
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(createReleaseRoute, async (c) => {
      const body = c.req.valid('json')
      const { key } = c.var
      await record.admin(key, {
        action: 'release.create',
        target: body.route,
        detail: {
          prompt: body.prompt,
          index: body.index,
          retrieval: body.retrieval,
          models: body.models,
          from: body.from,
          parameters: body.parameters,
        },
      })
      const { models } = body
      const { release, created } = await createRelease(deps, actorOf(key), {
        ...body,
        models: models === null ? null : models.map(({ model, weight }) => ({ ref: model, weight })),
        parameters: body.parameters as JsonObject | null,
      })
      await deps.changed()
      const labels = await labelsOf(db, release.projectId, release.route)
      return c.json({ ...toWire(release, labels), created }, created ? 201 : 200)
    })
    .openapi(listReleasesRoute, async (c) => {
      const { route, limit, cursor } = c.req.valid('query')
      const { projectId } = c.var.key
      const rows = await listReleases(db, projectId, {
        route: route ?? null,
        before: cursor ?? null,
        limit: limit + 1,
      })
      const labels = await labelsOf(db, projectId, route ?? null)
      return c.json(
        pageFrom(rows, limit, { cursorOf: ({ id }) => id, toWire: (row) => toWire(row, labels) }),
        200,
      )
    })
    .openapi(getReleaseRoute, async (c) => {
      const { route, release } = c.req.valid('param')
      const { projectId } = c.var.key
      const number = parseReleaseNumber(release)
      const found = number === null ? null : await findRelease(db, projectId, route, number)
      if (found === null) {
        const message = `There is no release ${release.slice(0, 40)} of "${route.slice(0, 63)}". GET /api/releases lists what there is.`
        throw new RequestError('not_found', message)
      }
      return c.json(toWire(found, await labelsOf(db, projectId, route)), 200)
    })
}

/** More labels than any project has routes in use. */
const MAX_LABELS = 10_000

/** By release id: `production`, or `production (canary 1 %)`. */
async function labelsOf(db: Db, projectId: string, route: string | null): Promise<Map<string, string[]>> {
  const names = new Map<string, string[]>()
  const add = (id: string, name: string) => names.set(id, [...(names.get(id) ?? []), name])
  for (const row of await listLabels(db, projectId, { route, limit: MAX_LABELS })) {
    add(row.releaseId, row.label)
    if (row.canaryReleaseId !== null) {
      add(row.canaryReleaseId, `${row.label} (canary ${(row.canaryWeight ?? 0) / 100} %)`)
    }
  }
  return names
}

function toWire(row: ReleaseRow, labels: Map<string, string[]>): z.infer<typeof releaseSchema> {
  const content = parseRelease(row.content)
  return {
    id: row.id,
    route: row.route,
    release: `r${row.number}`,
    hash: row.hash,
    prompt: content.prompt === null ? null : refText(content.prompt),
    index: content.index === undefined ? null : refText(content.index.version),
    retrieval: content.index?.retrieval ?? null,
    targets: content.targets.map(({ model, weight }) => ({ model: refText(model), weight })),
    parameters: content.parameters,
    retries: content.retries,
    content: row.content,
    labels: labels.get(row.id) ?? [],
    created_by: row.createdBy,
    created_by_name: row.createdByName,
    created_at: row.createdAt.toISOString(),
  }
}
