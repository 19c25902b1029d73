/** Says in the OpenAPI document whom each operation lets in, as read from the very checks that are mounted before it. */

import type { OpenAPIHono } from '@hono/zod-openapi'
import { type ApiEnv, rolesOf } from '../auth.ts'

type OpenApiDocument = ReturnType<OpenAPIHono<ApiEnv>['getOpenAPI31Document']>
type MountedRoute = OpenAPIHono<ApiEnv>['routes'][number]

/**
 * The document with `x-aval-roles` and a 403 that names them on every operation before which a `requireRole` is mounted.
 * `routes` are the router's own; a path is written `/keys/:id` there and `/keys/{id}` in the document.
 */
export function withRoles(document: OpenApiDocument, routes: readonly MountedRoute[]): OpenApiDocument {
  const paths = { ...document.paths }
  for (const { method, path: pattern, handler } of routes) {
    const roles = rolesOf(handler)
    const path = pattern.replaceAll(/\/:(\w+)/g, '/{$1}')
    const verb = method.toLowerCase() as 'get'
    const operation = paths[path]?.[verb]
    if (roles === null || operation === undefined) continue
    const refused = {
      ...operation.responses?.['403'],
      description: `The key has no role of ${roles.join(', ')}.`,
    }
    const responses = { ...operation.responses, 403: refused }
    paths[path] = { ...paths[path], [verb]: { ...operation, responses, 'x-aval-roles': roles } }
  }
  return { ...document, paths }
}
