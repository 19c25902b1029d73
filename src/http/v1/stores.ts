/** /v1/files and /v1/vector_stores as one: who may come in, how much they may send, and the routes. */

import { Hono } from 'hono'
import { RequestError } from '../../errors.ts'
import { limitBody } from '../api/body-limit.ts'
import { type ApiEnv, type Authenticator, MODEL_CALLERS, requireKey, requireRole } from '../auth.ts'
import { files } from './files.ts'
import { storeCalls } from './store-access.ts'
import { storeSearch } from './store-search.ts'
import type { StoresDeps } from './stores-deps.ts'
import { fileBatches, vectorStoreFiles } from './vector-store-files.ts'
import { vectorStores } from './vector-stores.ts'

/** Two thousand files with all the attributes they may have are more; few have more than one or two. */
const BATCH_MAX_BYTES = 8 * 1024 ** 2
const BODY_MAX_BYTES = 256 * 1024
const BATCH_PATH = /\/file_batches\/?$/

/**
 * The router to mount at the top: every path stands under `/v1` and, for clients whose base URL lacks it, at the top level.
 * Errors are rendered by the app.
 */
export function storeRoutes(deps: StoresDeps, keyring: Authenticator) {
  const app = new Hono<ApiEnv>({ strict: false })
  for (const prefix of ['/v1', '']) {
    for (const path of [`${prefix}/files`, `${prefix}/vector_stores`]) {
      // Matches the path itself too.
      app.use(`${path}/*`, requireKey(keyring), requireRole(...MODEL_CALLERS), storeCalls(deps.admission))
    }
    // Uploads are bounded as they are read.
    const limit = limitBody((path) => (BATCH_PATH.test(path) ? BATCH_MAX_BYTES : BODY_MAX_BYTES))
    app.use(`${prefix}/vector_stores/*`, limit)
    app.route(`${prefix}/files`, files(deps))
    for (const routes of [vectorStores, vectorStoreFiles, fileBatches, storeSearch]) {
      app.route(`${prefix}/vector_stores`, routes(deps) as Hono<ApiEnv>)
    }
    for (const path of [`${prefix}/files/*`, `${prefix}/vector_stores/*`]) {
      app.all(path, (c) => {
        throw new RequestError(
          'not_found',
          `There is no ${c.req.method} ${c.req.path.slice(0, 200)}. See docs/vector-stores.md for what there is.`,
        )
      })
    }
  }
  return app
}
