/** The whole HTTP surface in this process: model calls, /v1 and /api over a real database, with keys of two projects. */

import { createApp } from '../../src/http/app.ts'
import { createManagement } from '../../src/http/management.ts'
import { listen } from '../../src/http/server.ts'
import { createUnauthenticated } from '../../src/http/unauthenticated.ts'
import { MODEL_CALL_PATHS, modelCalls } from '../../src/http/v1/model-calls.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { testDeps } from '../unit/gateway/parts.ts'
import type { TestDatabase } from './database.ts'
import { ATTEMPT, logRow } from './log-row.ts'
import { type StoreServer, startStoreServer } from './store-server.ts'

export type Project = 'default' | 'other'
const PROJECTS: readonly Project[] = ['default', 'other']

export type Answer = {
  status: number
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever the wire says and asserts on it.
  json: any
}

export type RoleServer = Pick<StoreServer, 'keyOf' | 'keyring' | 'bugs'> & {
  database: TestDatabase
  /** `POST /api/keys`, one for each handler of the app that is mounted for a method; parameters as `{id}`. */
  mounted: readonly string[]
  /** `body` is sent as JSON, or as a form when it is one. Null asks without a key. */
  ask(token: string | null, method: string, path: string, body?: unknown): Promise<Answer>
  close(): Promise<void>
}

/** The log holds `req_of_default` and `req_of_other`. No worker runs. */
export async function startRoleServer(database: TestDatabase): Promise<RoleServer> {
  const rows = PROJECTS.map((project) =>
    logRow({ id: `req_of_${project}`, projectId: `prj_${project}`, attempts: [ATTEMPT] }),
  )
  const parts = await startStoreServer(database, { rows })
  parts.awake = false
  const { bugs, keyring } = parts
  const reportBug = (error: unknown) => void bugs.push(error)
  const frame = { clock: systemClock, corsOrigins: [], reportBug }
  const management = createManagement({ ...frame, api: parts.deps, stores: parts.stores })
  const app = createApp({
    ...frame,
    keyring,
    loadManagement: async () => management,
    models: { routes: () => ['support-answer'], listings: async () => [] },
    checks: async () => [],
    scrape: async () => '',
  })
  const direct = modelCalls({
    gateway: testDeps({ reportBug }),
    keyring,
    unauthenticated: createUnauthenticated(() => undefined, reportBug),
    maxBodyBytes: () => 1024,
    corsOrigins: [],
  })
  const server = await listen(direct, app, '127.0.0.1', 0)
  const handled = [...app.routes, ...management.routes].filter(({ method }) => method !== 'ALL')
  const mounted = handled.map(({ method, path }) => `${method} ${documented(path)}`)
  const { keyOf } = parts
  return {
    keyOf,
    keyring,
    bugs,
    database,
    mounted: [...new Set([...mounted, ...MODEL_CALL_PATHS.map((path) => `POST ${path}`)])].toSorted(),
    ask: (token, method, path, body) => ask(server.url, { token, method, path, body }),
    close: async () => {
      await server.close(0)
      await parts.close()
    },
  }
}

/** `/keys/:id` and `/models/:id{.+}` as the OpenAPI document writes them. */
const documented = (path: string) => path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}')

async function ask(
  url: string,
  { token, method, path, body }: { token: string | null; method: string; path: string; body: unknown },
): Promise<Answer> {
  const isJson = body !== undefined && !(body instanceof FormData)
  const answer = await fetch(url + path, {
    method,
    headers: {
      // Whoever answers a promotion sends the key once more.
      ...(token !== null && { authorization: `Bearer ${token}`, 'x-aval-confirm-key': token }),
      ...(isJson && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as FormData) }),
  })
  const text = await answer.text()
  return { status: answer.status, text, json: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
