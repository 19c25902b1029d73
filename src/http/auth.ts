/** Who is asking, and may they. One 401 for every wrong key; a 403 names the roles that would do. */

import type { MiddlewareHandler } from 'hono'
import { RequestError } from '../errors.ts'
import { hasRole, type Role, type VirtualKey } from '../keys/key.ts'
import { projectIdOf } from '../keys/project.ts'

/** What middleware leaves on the context for every route under /api. */
export type ApiEnv = { Variables: { key: VirtualKey; requestId: string } }

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
 * The key behind a request's headers. `project` is the optional `x-aval-project` header: a client that sends it wants
 * to be refused by any other project. Throws RequestError invalid_api_key.
 */
function demandKey(
  keyring: Authenticator,
  headers: { authorization: string | undefined; apiKey: string | undefined; project: string | undefined },
): VirtualKey {
  const key = keyring.authenticate(headers.authorization, headers.apiKey)
  if (key === null) throw invalidKeyError()
  if (headers.project !== undefined && projectIdOf(headers.project) !== key.projectId) throw invalidKeyError()
  return key
}

/** Sets `c.var.key` or throws the 401. */
export function requireKey(keyring: Authenticator): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const key = demandKey(keyring, {
      authorization: c.req.header('authorization'),
      // `api-key` is how Azure's clients send theirs.
      apiKey: c.req.header('x-api-key') ?? c.req.header('api-key'),
      project: c.req.header('x-aval-project'),
    })
    c.set('key', key)
    await next()
  }
}

/** Lets keys with one of the roles pass; runs before the body is looked at. Throws RequestError permission_denied. */
export function requireRole(...roles: readonly [Role, ...Role[]]): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { key } = c.var
    if (!hasRole(key, ...roles)) {
      throw new RequestError(
        'permission_denied',
        `${c.req.method} ${c.req.path} needs the role ${roles.join(' or ')}; key ${key.id} has ${key.roles.join(', ')}. Use another key or ask an admin for one.`,
      )
    }
    await next()
  }
}
