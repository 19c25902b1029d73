/** Who is asking, and may they. One 401 for every wrong key; a 403 names the roles that would do. */

import type { IncomingHttpHeaders } from 'node:http'
import type { MiddlewareHandler } from 'hono'
import { RequestError } from '../errors.ts'
import { hasRole, type Role, type VirtualKey } from '../keys/key.ts'
import { projectIdOf } from '../keys/project.ts'

/** What middleware leaves on the context for every route under /api. */
export type ApiEnv = { Variables: { key: VirtualKey; requestId: string } }

/** Who may call models, and use the files and vector stores beside them. */
export const MODEL_CALLERS = ['app', 'engineer', 'admin'] as const satisfies readonly Role[]

/** The part of the keyring a route needs. */
export type Authenticator = {
  authenticate(authorization: string | undefined, apiKey?: string | undefined): VirtualKey | null
}

/**
 * The one answer to a key that is missing, unknown, wrong, expired, revoked or of another project: telling them apart
 * would tell a stranger which keys exist.
 */
export function invalidKeyError(): RequestError {
  return new RequestError(
    'invalid_api_key',
    'This key is not valid here. Send a live one as "Authorization: Bearer vk_…"; `aval key create` makes one.',
    { headers: { 'www-authenticate': 'Bearer' } },
  )
}

/**
 * The key behind a request's headers, or null. `x-aval-project` is optional: a client that sends it wants to be refused
 * by any other project. `api-key` is how Azure's clients send theirs.
 */
export function findKey(keyring: Authenticator, headers: IncomingHttpHeaders): VirtualKey | null {
  const apiKey = headers['x-api-key'] ?? headers['api-key']
  const key = keyring.authenticate(headers.authorization, typeof apiKey === 'string' ? apiKey : undefined)
  const project = headers['x-aval-project']
  return key !== null && typeof project === 'string' && projectIdOf(project) !== key.projectId ? null : key
}

/** Sets `c.var.key` or throws the 401. */
export function requireKey(keyring: Authenticator): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const key = findKey(keyring, c.req.header())
    if (key === null) throw invalidKeyError()
    c.set('key', key)
    await next()
  }
}

/**
 * As `requireKey`, and a key may come as the password or the user name of HTTP Basic too: for clients of other products,
 * which know no bearer.
 */
export function requireKeyOrBasic(keyring: Authenticator): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const headers = c.req.header()
    const found = bearersOf(headers.authorization).map((authorization) =>
      findKey(keyring, { ...headers, authorization }),
    )
    const key = found.find((one) => one !== null)
    if (key === undefined) throw invalidKeyError()
    c.set('key', key)
    await next()
  }
}

/** What to try, in this order. */
function bearersOf(authorization: string | undefined): (string | undefined)[] {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]{1,2000}) *$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined) return [authorization]
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  const parts = colon < 0 ? [text] : [text.slice(colon + 1), text.slice(0, colon)]
  return parts.map((part) => `Bearer ${part}`)
}

/** A check of roles that tells whom it lets in: the OpenAPI document reads it there and so cannot say anything else. */
type RoleCheck = MiddlewareHandler<ApiEnv> & { readonly roles: readonly Role[] }

/** Lets keys with one of the roles pass; runs before the body is looked at. Throws RequestError permission_denied. */
export function requireRole(...roles: readonly [Role, ...Role[]]): RoleCheck {
  const check: MiddlewareHandler<ApiEnv> = async (c, next) => {
    demandRole(c.var.key, roles, `${c.req.method} ${c.req.path}`)
    await next()
  }
  return Object.assign(check, { roles })
}

/** Whom a handler lets in when it is a check of roles; null for any other. */
export function rolesOf(handler: object): readonly Role[] | null {
  return 'roles' in handler ? (handler as RoleCheck).roles : null
}

/** Throws RequestError permission_denied, which names the roles that would do. `call` is a method and a path. */
export function demandRole(key: VirtualKey, roles: readonly Role[], call: string): void {
  if (hasRole(key, ...roles)) return
  throw new RequestError(
    'permission_denied',
    `${call} needs the role ${roles.join(' or ')}; key ${key.id} has ${key.roles.join(', ')}. Use another key or ask an admin for one.`,
  )
}
