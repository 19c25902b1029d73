/** The data plane's routes: authenticate, read the body, hand over. Writes Node's raw response, never a Response object. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { GatewayError } from '../../errors.ts'
import type { GatewayDeps } from '../../gateway/deps.ts'
import { recordRejection } from '../../gateway/reject.ts'
import { VARIABLES_HEADER, withVariablesHeader } from '../../gateway/release-body.ts'
import type { RequestEnvelope } from '../../gateway/request.ts'
import { serveRequest } from '../../gateway/serve.ts'
import { newId } from '../../lib/ids.ts'
import type { Operation } from '../../providers/provider.ts'
import { type Authenticator, demandRole, findKey, MODEL_CALLERS } from '../auth.ts'
import { NodeClient } from '../node-client.ts'
import { readBody } from '../read-body.ts'
import { clientRequestId, replayOf } from '../request-ids.ts'
import type { Unauthenticated } from '../unauthenticated.ts'

export type ModelCallDeps = {
  gateway: GatewayDeps
  keyring: Authenticator
  unauthenticated: Unauthenticated
  maxBodyBytes: () => number
  /** Origins whose pages may call us. */
  corsOrigins: readonly string[]
}

/** What a page of an allowed origin may read of an answer. */
export const EXPOSED_HEADERS = [
  'x-request-id',
  'x-client-request-id',
  'x-aval-model',
  'x-aval-release',
  'x-aval-prompt',
  'x-aval-cost-usd',
  'x-aval-index',
  'openai-poll-after-ms',
  'retry-after',
  'retry-after-ms',
] as const

const PATHS: readonly (readonly [string, Operation])[] = [
  ['/chat/completions', 'chat'],
  ['/completions', 'completions'],
  ['/embeddings', 'embeddings'],
  ['/responses', 'responses'],
  ['/moderations', 'moderations'],
  ['/rerank', 'rerank'],
]

/** Every route stands under `/v1` and, for clients whose base URL lacks it, at the top level. */
const OPERATIONS_BY_PATH: ReadonlyMap<string, Operation> = new Map(
  PATHS.flatMap(([path, operation]) => [
    [`/v1${path}`, operation],
    [path, operation],
  ]),
)

/** For answers to the wrong method. */
export const MODEL_CALL_PATHS: readonly string[] = [...OPERATIONS_BY_PATH.keys()]

/** Takes an exchange when it is a model call, and says whether it did; everything else goes on to the app. */
export type DirectHandler = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean

/** The hot path: chosen by one lookup on the bare path, without a router, a Request or a Response in between. */
export function modelCalls(deps: ModelCallDeps): DirectHandler {
  return (incoming, outgoing) => {
    const path = barePath(incoming.url ?? '')
    const operation = incoming.method === 'POST' ? OPERATIONS_BY_PATH.get(path) : undefined
    if (operation === undefined) return false
    allowOrigin(deps.corsOrigins, incoming, outgoing)
    handle(deps, operation, path, incoming, outgoing)
    return true
  }
}

/** Without the query (`?api-version=…` of Azure clients) and a trailing slash. */
function barePath(url: string): string {
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function allowOrigin(
  origins: readonly string[],
  { headers }: IncomingMessage,
  outgoing: ServerResponse,
): void {
  if (headers.origin === undefined || !origins.includes(headers.origin)) return
  outgoing.setHeader('access-control-allow-origin', headers.origin)
  outgoing.setHeader('access-control-expose-headers', EXPOSED_HEADERS.join(', '))
  outgoing.setHeader('vary', 'origin')
}

/** Never throws: whatever happens, the caller gets an answer or the connection is closed, and the log gets its row. */
function handle(
  deps: ModelCallDeps,
  operation: Operation,
  path: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const { clock } = deps.gateway
  const receivedAtMs = clock.nowMs()
  const startedMs = clock.monotonicMs()
  const id = newId('req', receivedAtMs)
  const breakOff = (error: unknown) => {
    if (error instanceof GatewayError) deps.gateway.observer.unlogged(error.code)
    deps.unauthenticated.breakOff(error, id, outgoing)
  }
  try {
    const key = findKey(deps.keyring, incoming.headers)
    const caller = {
      id,
      method: 'POST',
      path,
      operation,
      receivedAtMs,
      clientRequestId: clientRequestId(incoming),
    }
    if (key === null) {
      deps.gateway.observer.unauthenticated()
      deps.unauthenticated.refuse(caller, incoming, outgoing)
    } else serve(deps, withTrace({ ...caller, key, startedMs }, incoming), incoming, outgoing).catch(breakOff)
  } catch (error) {
    breakOff(error)
  }
}

/** Kept for a tracer, which reads it when there is one. */
function withTrace(envelope: RequestEnvelope, { headers }: IncomingMessage): RequestEnvelope {
  const { traceparent } = headers
  if (typeof traceparent === 'string') envelope.traceparent = traceparent
  return envelope
}

async function serve(
  deps: ModelCallDeps,
  envelope: RequestEnvelope,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const client = new NodeClient(incoming, outgoing)
  let bytes: Buffer
  try {
    demandRole(envelope.key, MODEL_CALLERS, `${envelope.method} ${envelope.path}`)
    const again = replayOf(incoming, envelope.key)
    if (again !== undefined) envelope.replayOf = again
    bytes = await readBody(incoming, deps.maxBodyBytes())
    const variables = incoming.headers[VARIABLES_HEADER]
    if (typeof variables === 'string') bytes = withVariablesHeader(bytes, variables)
  } catch (error) {
    // What is left of the body is not read; the connection cannot carry another request.
    const extraHeaders = { connection: 'close' }
    await recordRejection(deps.gateway, { envelope, body: null, bytes: EMPTY, error, extraHeaders, client })
    return
  }
  await serveRequest(deps.gateway, envelope, bytes, client)
}

const EMPTY = Buffer.alloc(0)
