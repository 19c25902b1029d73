/** Puts the routes together and renders every error in one place. Knows no business rule. */

import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { GatewayError, RequestError, toOpenAIError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { type ApiDeps, createApi } from './api/api.ts'
import { type ApiEnv, requireKey } from './auth.ts'
import { type HealthCheck, health } from './health.ts'
import { metricsRoute } from './metrics.ts'
import { clientRequestId } from './request-ids.ts'
import { EXPOSED_HEADERS, MODEL_CALL_PATHS } from './v1/model-calls.ts'
import { type ModelsDeps, models } from './v1/models.ts'
import { storeRoutes } from './v1/stores.ts'
import type { StoresDeps } from './v1/stores-deps.ts'

export type AppDeps = {
  api: ApiDeps
  clock: Clock
  /** An error of our own goes to the log with the request id; the caller sees only the id. */
  reportBug: (error: unknown, requestId: string) => void
  models: ModelsDeps
  stores: StoresDeps
  checks: () => Promise<readonly HealthCheck[]>
  /** The text that Prometheus reads. */
  scrape: () => Promise<string>
  /** Origins whose pages may call us; read once, a change needs a restart. */
  corsOrigins: readonly string[]
}

type AppEnv = ApiEnv & { Bindings: HttpBindings }

/** Everything but the model calls, which `v1/model-calls.ts` takes before the app: `/v1/models`, `/api`, `/health`. */
export function createApp(deps: AppDeps): Hono<AppEnv> {
  const { clock, reportBug } = deps
  const app = new Hono<AppEnv>({ strict: false })
  if (deps.corsOrigins.length > 0) {
    app.use(cors({ origin: [...deps.corsOrigins], exposeHeaders: [...EXPOSED_HEADERS], maxAge: 600 }))
  }
  app.route('/', health(deps.checks))
  app.use(async (context, next) => {
    context.set('requestId', newId('req', clock.nowMs()))
    context.header('x-request-id', context.var.requestId)
    const given = clientRequestId(context.env.incoming as IncomingMessage)
    if (given !== null) context.header('x-client-request-id', given)
    await next()
  })
  app.route('/', metricsRoute(deps.api.keyring, deps.scrape))
  app.route('/api', createApi(deps.api))
  for (const path of MODEL_CALL_PATHS) app.all(path, wrongMethod('POST'))
  const authenticated = requireKey(deps.api.keyring)
  for (const prefix of ['/v1', '']) {
    app.use(`${prefix}/models`, authenticated)
    app.use(`${prefix}/models/*`, authenticated)
  }
  app.route('/', models(deps.models))
  app.route('/', storeRoutes(deps.stores, deps.api.keyring))
  for (const path of ['/v1/models', '/models', '/v1/models/*', '/models/*']) app.all(path, wrongMethod('GET'))
  app.notFound((context) => {
    const { method, path } = context.req
    const message = `There is no ${method} ${path.slice(0, 200)}. The OpenAI interface stands under /v1, Aval's own under /api.`
    return render(context, new RequestError('not_found', message))
  })
  app.onError((error, context) => {
    if (!(error instanceof GatewayError)) reportBug(error, context.var.requestId)
    return render(context, error)
  })
  return app
}

function wrongMethod(allowed: string) {
  return (context: Context<AppEnv>) => {
    const { method, path } = context.req
    const options = { headers: { allow: allowed } }
    const message = `${method} is not what ${path} takes. Send ${allowed}.`
    return render(context, new RequestError('method_not_allowed', message, options))
  }
}

function render(context: Context<AppEnv>, error: unknown): Response {
  const { status, headers, body } = toOpenAIError(error, context.var.requestId)
  return context.json(body, status as 500, { ...headers, 'x-request-id': context.var.requestId })
}
