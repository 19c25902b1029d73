/** /api/sources/{name}/documents: documents that are pushed into a source, and taken out of it, by their keys. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { RequestError } from '../../errors.ts'
import type { JsonObject } from '../../lib/json.ts'
import { pushDocuments, removeDocuments } from '../../retrieval/sources/push.ts'
import { pushedSettings } from '../../retrieval/sources/settings.ts'
import type { SourceRow } from '../../retrieval/sources/store.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { sourceSchema, toSource } from './source-body.ts'
import { demandSource, getSource, type SourcesApiDeps, sourceParam } from './sources.ts'
import { answer, conflictAnswer, errorAnswers, jsonBody, refuseInvalid, strictShape } from './validation.ts'

/** A thousand documents of a few pages. */
export const DOCUMENTS_BODY_MAX_BYTES = 16 * 1024 ** 2
const MAX_DOCUMENTS = 1_000
const MAX_TEXT_CHARACTERS = 5_000_000
const MAX_METADATA = 50

/** The database takes neither; both come from broken programs, not from people. */
const NOT_STORABLE = 'Take out NUL characters and halves of surrogate pairs.'
const storable = (letters: number) =>
  z
    .string()
    .max(letters)
    .refine((text) => !text.includes('\0') && text.isWellFormed(), NOT_STORABLE)
const value = z.union([storable(2000), z.number(), z.boolean(), z.null()], {
  error: 'Write a text, a number, true, false, null, or a list of these.',
})
const documentBody = strictShape('field', {
  key: storable(500).min(1),
  text: storable(MAX_TEXT_CHARACTERS).refine((text) => text.trim() !== '', 'Write some text.'),
  title: storable(500).nullable().default(null),
  language: z
    .string()
    .regex(/^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$/, 'Write a language tag such as en or pt-BR.')
    .nullable()
    .default(null),
  metadata: z
    .record(storable(100), z.union([value, z.array(value).max(200)]))
    .refine((all) => Object.keys(all).length <= MAX_METADATA, `At most ${MAX_METADATA} members.`)
    .default({}),
})

const pushRoute = createRoute({
  method: 'post',
  path: '/sources/{name}/documents',
  middleware: requireRole('admin', 'engineer'),
  request: {
    params: sourceParam,
    ...jsonBody(strictShape('field', { documents: z.array(documentBody).min(1).max(MAX_DOCUMENTS) })),
  },
  responses: {
    200: answer('The source with them. A key that was there has the new text.', sourceSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const removeRoute = createRoute({
  method: 'delete',
  path: '/sources/{name}/documents',
  middleware: requireRole('admin', 'engineer'),
  request: {
    params: sourceParam,
    ...jsonBody(strictShape('field', { keys: z.array(storable(500)).min(1).max(MAX_DOCUMENTS) })),
  },
  responses: {
    200: answer(
      'How many were there and are gone. Indexes that were made with them keep them.',
      z.object({ removed: z.number(), source: sourceSchema }),
    ),
    409: conflictAnswer,
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function sourceDocumentsApi(deps: SourcesApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(pushRoute, async (c) => {
      const { documents } = c.req.valid('json')
      const { key } = c.var
      const source = await demandPushed(deps, key.projectId, c.req.valid('param').name)
      await deps.record.admin(key, {
        action: 'source.push',
        target: source.name,
        detail: { documents: documents.length },
      })
      const about = pushedSettings.parse(JSON.parse(source.settings))
      const pushed = documents.map(({ metadata, ...rest }) => ({ ...rest, metadata: metadata as JsonObject }))
      await pushDocuments(deps, actorOf(key), source.name, pushed, about)
      return c.json(toSource(await getSource(deps.sql, key.projectId, source.name)), 200)
    })
    .openapi(removeRoute, async (c) => {
      const { keys } = c.req.valid('json')
      const { key } = c.var
      const source = await demandPushed(deps, key.projectId, c.req.valid('param').name)
      await deps.record.admin(key, {
        action: 'source.remove',
        target: source.name,
        detail: { keys: keys.length },
      })
      const removed = await removeDocuments(deps, source, keys)
      const now = toSource(await getSource(deps.sql, key.projectId, source.name))
      return c.json({ removed, source: now }, 200)
    })
}

async function demandPushed(deps: SourcesApiDeps, projectId: string, name: string): Promise<SourceRow> {
  const source = await demandSource(deps.sql, projectId, name)
  if (source.kind === 'pushed') return source
  const message = `Source "${name}" is read from a place, so nothing is pushed into it. Make another: aval source add <name> --pushed`
  throw new RequestError('conflict', message)
}
