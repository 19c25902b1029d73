/** What people and their tools ask for: /api, files and vector stores. Loaded apart from what apps need of a gateway. */

import { type ApiDeps, createApi } from './api/api.ts'
import { type App, allowOrigins, bareApp, type FrameDeps, requestIds } from './frame.ts'
import { storeRoutes } from './v1/stores.ts'
import type { StoresDeps } from './v1/stores-deps.ts'

export type ManagementDeps = FrameDeps & { api: ApiDeps; stores: StoresDeps }

export function createManagement(deps: ManagementDeps): App {
  const app = bareApp(deps)
  allowOrigins(app, deps.corsOrigins)
  app.use(requestIds(deps.clock))
  app.route('/api', createApi(deps.api))
  app.route('/', storeRoutes(deps.stores, deps.api.keyring))
  return app
}
