/** What a gateway is asked for beside model calls: models, health, metrics. Loads the rest when it is first asked for. */

import type { Context, Handler } from 'hono'
import { RequestError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { type Authenticator, requireKey } from './auth.ts'
import { type App, type AppEnv, allowOrigins, bareApp, type FrameDeps, requestIds } from './frame.ts'
import { type HealthCheck, health } from './health.ts'
import { metricsRoute } from './metrics.ts'
import { MODEL_CALL_PATHS } from './v1/model-calls.ts'
import { type ModelsDeps, models } from './v1/models.ts'

export type AppDeps = FrameDeps & {
  keyring: Authenticator
  models: ModelsDeps
  checks: () => Promise<readonly HealthCheck[]>
  /** The text that Prometheus reads. */
  scrape: () => Promise<string>
  /** The app of `management.ts`; called once, or again when it rejects. */
  loadManagement: () => Promise<App>
}

/** What `management.ts` has; each matches the path without the star too. */
const MANAGEMENT_PATHS = ['/api/*', '/v1/files/*', '/files/*', '/v1/vector_stores/*', '/vector_stores/*']

/** Everything but the model calls, which `v1/model-calls.ts` takes before the app. */
export function createApp(deps: AppDeps): App {
  const { clock, keyring } = deps
  const app = bareApp(deps)
  const management = whenFirstAsked(deps.loadManagement, clock)
  // Before all else: it has ids and cross-origin rules of its own.
  for (const path of MANAGEMENT_PATHS) app.all(path, management)
  allowOrigins(app, deps.corsOrigins)
  app.route('/', health(deps.checks))
  app.use(requestIds(clock))
  app.route('/', metricsRoute(keyring, deps.scrape))
  for (const path of MODEL_CALL_PATHS) app.all(path, wrongMethod('POST'))
  const authenticated = requireKey(keyring)
  for (const prefix of ['/v1', '']) {
    app.use(`${prefix}/models`, authenticated)
    app.use(`${prefix}/models/*`, authenticated)
  }
  app.route('/', models(deps.models))
  for (const path of ['/v1/models', '/models', '/v1/models/*', '/models/*']) app.all(path, wrongMethod('GET'))
  return app
}

function whenFirstAsked(load: () => Promise<App>, clock: Clock): Handler<AppEnv> {
  let loading: Promise<App> | null = null
  return async (context) => {
    // For the error that loading may end in; the app that is loaded gives the request another.
    context.set('requestId', newId('req', clock.nowMs()))
    loading ??= load().catch((error: unknown) => {
      loading = null
      throw error
    })
    return (await loading).fetch(context.req.raw, context.env)
  }
}

function wrongMethod(allowed: string) {
  return (context: Context<AppEnv>): never => {
    const { method, path } = context.req
    const options = { headers: { allow: allowed } }
    const message = `${method} is not what ${path} takes. Send ${allowed}.`
    throw new RequestError('method_not_allowed', message, options)
  }
}
