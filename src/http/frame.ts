/** What both apps of the HTTP surface have: cross-origin rules, ids of requests, and every error rendered in one place. */

import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { GatewayError, RequestError, toOpenAIError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { ApiEnv } from './auth.ts'
import { clientRequestId } from './request-ids.ts'
import { EXPOSED_HEADERS } from './v1/model-calls.ts'

export type FrameDeps = {
  clock: Clock
  /** An error of our own goes to the log with the request id; the caller sees only the id. */
  reportBug: (error: unknown, requestId: string) => void
  /** Origins whose pages may call us; read once, a change needs a restart. */
  corsOrigins: readonly string[]
}

export type AppEnv = ApiEnv & { Bindings: HttpBindings }
export type App = Hono<AppEnv>

/** An app that renders errors and what it has no route for. */
export function bareApp({ reportBug }: Pick<FrameDeps, 'reportBug'>): App {
  const app = new Hono<AppEnv>({ strict: false })
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

/** Answers preflights too; does nothing without origins. */
export function allowOrigins(app: App, corsOrigins: readonly string[]): void {
  if (corsOrigins.length === 0) return
  app.use(cors({ origin: [...corsOrigins], exposeHeaders: [...EXPOSED_HEADERS], maxAge: 600 }))
}

/** An id for each request, in the answer too, and the caller's own beside it. */
export function requestIds(clock: Clock): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    context.set('requestId', newId('req', clock.nowMs()))
    context.header('x-request-id', context.var.requestId)
    const given = clientRequestId(context.env.incoming as IncomingMessage)
    if (given !== null) context.header('x-client-request-id', given)
    await next()
  }
}

function render(context: Context<AppEnv>, error: unknown): Response {
  const { status, headers, body } = toOpenAIError(error, context.var.requestId)
  return context.json(body, status as 500, { ...headers, 'x-request-id': context.var.requestId })
}
