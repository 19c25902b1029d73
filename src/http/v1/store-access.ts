/** How often a key may use files and vector stores, and which stores it reaches. Authentication has already run. */

import type { MiddlewareHandler } from 'hono'
import { RequestError } from '../../errors.ts'
import type { Admission } from '../../gateway/admission.ts'
import { allowsRoute } from '../../keys/allowed-routes.ts'
import type { VirtualKey } from '../../keys/key.ts'
import type { ApiEnv } from '../auth.ts'

/** What embeds a store that names no model: it ships, so a store needs nothing else. */
export const DEFAULT_EMBEDDING = 'local/embed'

/** Calls that change or search something count against a key's limits like those of models; reading does not. */
export function storeCalls(admission: Admission): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { key } = c.var
    if (c.req.method === 'GET') return await next()
    const { headers, release } = admission.acquire(key)
    try {
      await next()
    } finally {
      release()
    }
    for (const [name, value] of Object.entries(headers)) c.header(name, value)
  }
}

/**
 * A key that is limited to routes reaches a store when it may call the model that embeds it, and files when it may call
 * the model that embeds stores by default. Throws RequestError permission_denied.
 */
export function demandModel(key: VirtualKey, model: string): void {
  if (mayCall(key, model)) return
  const allowed = (key.allowedRoutes ?? []).slice(0, 5).join(', ')
  const message = `This key is limited to ${allowed}: files and vector stores are for keys that may call what embeds them, "${model}". Use another key, or one with that name among its routes.`
  throw new RequestError('permission_denied', message)
}

export function mayCall(key: VirtualKey, model: string): boolean {
  return allowsRoute(key.allowedRoutes, model)
}
