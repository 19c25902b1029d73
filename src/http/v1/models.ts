/** `GET /v1/models` and `/v1/models/{id}`: routes first, then what the upstreams list, as far as the key may call it. */

import { Hono } from 'hono'
import { RequestError } from '../../errors.ts'
import { allowsRoute } from '../../keys/allowed-routes.ts'
import type { VirtualKey } from '../../keys/key.ts'
import { nearest } from '../../lib/nearest.ts'
import type { UpstreamListing } from '../../providers/catalogue.ts'
import type { ApiEnv } from '../auth.ts'

export type ModelsDeps = {
  routes: (projectId: string) => readonly string[]
  listings: () => Promise<readonly UpstreamListing[]>
}

type ModelObject = { id: string; object: 'model'; created: number; owned_by: string }

/** Auth has run: `context.var.key` is set. Errors are rendered by the app. */
export function models(deps: ModelsDeps) {
  const app = new Hono<ApiEnv>({ strict: false })
  for (const prefix of ['/v1', '']) {
    app.get(`${prefix}/models`, async (context) =>
      context.json({ object: 'list', data: await visible(deps, context.var.key) }),
    )
    // Model ids contain slashes, so the rest of the path is the id.
    app.get(`${prefix}/models/:id{.+}`, async (context) => {
      const id = context.req.param('id')
      const all = await visible(deps, context.var.key)
      const found = all.find((model) => model.id === id)
      if (found !== undefined) return context.json(found)
      const meant = nearest(
        id,
        all.map((model) => model.id),
      )
      const hint = meant === null ? '' : ` Did you mean ${JSON.stringify(meant)}?`
      const message = `No model ${JSON.stringify(id.slice(0, 100))} for this key.${hint} GET /v1/models lists ${all.length}.`
      throw new RequestError('model_not_found', message, { param: 'model' })
    })
  }
  return app
}

async function visible(deps: ModelsDeps, key: VirtualKey): Promise<ModelObject[]> {
  const routes = deps
    .routes(key.projectId)
    .map((id) => ({ id, object: 'model' as const, created: 0, owned_by: 'aval' }))
  const listed = (await deps.listings()).flatMap(({ upstream, models: all }) =>
    all.map((model) => ({
      id: `${upstream}/${model.id}`,
      object: 'model' as const,
      created: model.created,
      owned_by: model.ownedBy,
    })),
  )
  return [...routes, ...listed].filter(({ id }) => allowsRoute(key.allowedRoutes, id))
}
