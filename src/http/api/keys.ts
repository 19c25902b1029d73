/** /api/keys: makes, lists, rotates and revokes virtual keys. A token is in the answer that made it and nowhere else. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { RequestError } from '../../errors.ts'
import { isRoutePattern } from '../../keys/allowed-routes.ts'
import { ROLES, type VirtualKey } from '../../keys/key.ts'
import type { Keyring } from '../../keys/keyring.ts'
import {
  createKey,
  getKey,
  type KeyDeps,
  type KeyView,
  listKeys,
  OVERLAP_DEFAULT_MS,
  revokeKey,
  rotateKey,
} from '../../keys/lifecycle.ts'
import { personOf } from '../../keys/person.ts'
import { isProjectName } from '../../keys/project.ts'
import { OWNER_NAME, OWNER_RULE } from '../../lib/owner-name.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageOf, pageQuery } from './page.ts'
import type { Recorder } from './recorder.ts'
import {
  answer,
  durationText,
  errorAnswers,
  idParam,
  instantText,
  jsonBody,
  refuseInvalid,
  strictShape,
} from './validation.ts'

export type KeysApiDeps = KeyDeps & { keyring: Pick<Keyring, 'declaredKeys'>; record: Recorder }

const keyShape = {
  id: z.string(),
  name: z.string(),
  /** Null: the key is a person of its own. */
  owner: z.string().nullable(),
  project: z.string(),
  roles: z.array(z.string()),
  routes: z.array(z.string()).nullable(),
  rpm: z.number().nullable(),
  concurrency: z.number().nullable(),
  state: z.enum(['active', 'expiring', 'expired', 'revoked']),
  source: z.enum(['created', 'aval.yaml']),
  created_at: z.string().nullable(),
  expires_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
  replaced_by: z.string().nullable(),
}
const keySchema = z.object(keyShape).openapi('Key')
const mintedSchema = z.object({ ...keyShape, token: z.string() }).openapi('MintedKey')
type KeyWire = z.infer<typeof keySchema>

const whole = z.int().min(1).max(1_000_000_000).nullable().default(null)
const newKeyBody = strictShape('field', {
  name: z.string().trim().min(1).max(120),
  /** Who answers for it; only an admin names another person than its own. */
  owner: z.string().regex(OWNER_NAME, `Write ${OWNER_RULE}.`).toLowerCase().optional(),
  project: z.string().refine(isProjectName, 'Write lower-case letters, digits and hyphens.').optional(),
  roles: z.array(z.enum(ROLES)).min(1).max(ROLES.length).default(['app']),
  routes: z
    .array(z.string().refine(isRoutePattern, 'Write a name with at most one *, at its end.'))
    .max(200)
    .nullable()
    .default(null),
  rpm: whole,
  concurrency: whole,
  expires_in: durationText.optional(),
  expires_at: instantText.optional(),
})
const rotateBody = strictShape('field', {
  overlap: durationText.optional(),
  expires_in: durationText.optional(),
})

const minters = ['admin', 'engineer'] as const
const readers = ['admin', 'engineer', 'auditor'] as const

const createKeyRoute = createRoute({
  method: 'post',
  path: '/keys',
  middleware: requireRole(...minters),
  request: jsonBody(newKeyBody),
  responses: { 201: answer('The key, with its token.', mintedSchema), ...errorAnswers },
})
const listKeysRoute = createRoute({
  method: 'get',
  path: '/keys',
  middleware: requireRole(...readers),
  request: { query: pageQuery },
  responses: {
    200: answer(
      'Keys of this project, newest first; those of aval.yaml come on the first page.',
      pageOf(keySchema),
    ),
    ...errorAnswers,
  },
})
const getKeyRoute = createRoute({
  method: 'get',
  path: '/keys/{id}',
  middleware: requireRole(...readers),
  request: { params: idParam },
  responses: { 200: answer('The key.', keySchema), ...errorAnswers },
})
const revokeKeyRoute = createRoute({
  method: 'delete',
  path: '/keys/{id}',
  middleware: requireRole(...minters),
  request: { params: idParam },
  responses: { 200: answer('The key, revoked.', keySchema), ...errorAnswers },
})
const rotateKeyRoute = createRoute({
  method: 'post',
  path: '/keys/{id}/rotate',
  middleware: requireRole(...minters),
  request: { params: idParam, ...jsonBody(rotateBody) },
  responses: {
    201: answer(
      'The successor with its token, and the old key.',
      mintedSchema.extend({ replaced: keySchema }),
    ),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function keysApi(deps: KeysApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(createKeyRoute, async (c) => {
      const body = c.req.valid('json')
      const owner = body.owner ?? personOf(c.var.key)
      await deps.record.admin(c.var.key, {
        action: 'key.create',
        target: body.name,
        detail: { owner, roles: body.roles, project: body.project ?? null, routes: body.routes },
      })
      const minted = await createKey(deps, c.var.key, {
        name: body.name,
        owner,
        project: body.project ?? null,
        roles: body.roles,
        allowedRoutes: body.routes,
        rpm: body.rpm,
        concurrency: body.concurrency,
        expiresAtMs: expiry(deps, body.expires_in, body.expires_at),
      })
      return c.json({ ...toWire(minted.key), token: minted.token }, 201)
    })
    .openapi(listKeysRoute, async (c) => {
      const { limit, cursor } = c.req.valid('query')
      const { projectId } = c.var.key
      const page = await listKeys(deps, { projectId, cursor: cursor ?? null, limit })
      const declared = cursor === undefined ? declaredOf(deps, projectId) : []
      return c.json({ data: [...declared, ...page.rows.map(toWire)], next_cursor: page.nextCursor }, 200)
    })
    .openapi(getKeyRoute, async (c) => {
      const { id } = c.req.valid('param')
      const declared = declaredOf(deps, c.var.key.projectId).find((key) => key.id === id)
      return c.json(declared ?? toWire(await getKey(deps, c.var.key.projectId, id)), 200)
    })
    .openapi(revokeKeyRoute, async (c) => {
      const { id } = c.req.valid('param')
      refuseDeclared(deps, c.var.key, id)
      await deps.record.admin(c.var.key, { action: 'key.revoke', target: id })
      return c.json(toWire(await revokeKey(deps, c.var.key, id)), 200)
    })
    .openapi(rotateKeyRoute, async (c) => {
      const { id } = c.req.valid('param')
      const body = c.req.valid('json')
      refuseDeclared(deps, c.var.key, id)
      await deps.record.admin(c.var.key, { action: 'key.rotate', target: id })
      const rotated = await rotateKey(deps, c.var.key, id, {
        overlapMs: body.overlap ?? OVERLAP_DEFAULT_MS,
        expiresAtMs: body.expires_in === undefined ? undefined : deps.clock.nowMs() + body.expires_in,
      })
      return c.json({ ...toWire(rotated.key), token: rotated.token, replaced: toWire(rotated.replaced) }, 201)
    })
}

function expiry(deps: KeysApiDeps, inMs: number | undefined, at: string | undefined): number | null {
  if (inMs !== undefined && at !== undefined) {
    throw new RequestError('invalid_value', 'expires_in and expires_at are both given. Send one.', {
      param: 'expires_at',
    })
  }
  if (inMs !== undefined) return deps.clock.nowMs() + inMs
  if (at === undefined) return null
  const atMs = Date.parse(at)
  if (!Number.isNaN(atMs)) return atMs
  throw new RequestError('invalid_value', `expires_at: "${at}" is a duration. Send it as expires_in.`, {
    param: 'expires_at',
  })
}

function refuseDeclared(deps: KeysApiDeps, actor: VirtualKey, id: string): void {
  if (!declaredOf(deps, actor.projectId).some((key) => key.id === id)) return
  throw new RequestError(
    'conflict',
    `Key ${id} is declared under keys: in aval.yaml. Change it there, then run \`aval reload\`.`,
  )
}

function declaredOf(deps: KeysApiDeps, projectId: string): KeyWire[] {
  const nowMs = deps.clock.nowMs()
  const keys = deps.keyring.declaredKeys().filter((key) => key.projectId === projectId)
  return keys.map((key) => ({
    ...scopeWire(key),
    state: key.expiresAtMs !== null && key.expiresAtMs <= nowMs ? 'expired' : 'active',
    source: 'aval.yaml',
    created_at: null,
    expires_at: key.expiresAtMs === null ? null : new Date(key.expiresAtMs).toISOString(),
    revoked_at: null,
    replaced_by: null,
  }))
}

function toWire(key: KeyView): KeyWire {
  return {
    ...scopeWire(key),
    state: key.state,
    source: 'created',
    created_at: key.createdAt.toISOString(),
    expires_at: key.expiresAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
    replaced_by: key.replacedBy,
  }
}

function scopeWire(
  key: Pick<KeyView, 'id' | 'name' | 'owner' | 'projectId' | 'roles' | 'rpm' | 'concurrency'> & {
    allowedRoutes: readonly string[] | null
  },
) {
  return {
    id: key.id,
    name: key.name,
    owner: key.owner,
    project: key.projectId.replace(/^prj_/, ''),
    roles: [...key.roles],
    routes: key.allowedRoutes === null ? null : [...key.allowedRoutes],
    rpm: key.rpm,
    concurrency: key.concurrency,
  }
}
