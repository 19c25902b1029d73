/** What a gateway has in memory before anybody manages it: by names, because what a module weighs differs by machine. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../support/child.ts'
import { MAIN, type Started, start, until } from '../../support/process.ts'

const REPORTER = fileURLToPath(new URL('../../support/fixtures/report-modules.mjs', import.meta.url))
const ADMIN = 'admin-secret-0123456789-0123456789'

/** Whole features, and packages of which a gateway needs a part or nothing. */
const LATE: readonly RegExp[] = [
  /\/src\/http\/(api|v1\/(stores|files))/,
  /\/src\/cli\/(program\.ts|commands\/(?!operations\.ts))/,
  /\/src\/(evals|jobs)\//,
  /\/src\/monitoring\/(?!workers\/sign-rows\.ts)/,
  /\/src\/promotion\/(?!store\.ts)/,
  /\/node_modules\/(@hono\/zod-openapi|@asteasolutions|@opentelemetry|@datadog|@fastify)\//,
  /\/node_modules\/(@huggingface|@electric-sql|@jitl|quickjs-emscripten-core|eld|re2js|unpdf|yauzl)\//,
  /\/node_modules\/(bullmq|ioredis|nodemailer|hyparquet-writer|csv-parse|htmlparser2|cephes|diff)\//,
  /\/node_modules\/(cli-progress|cli-table3|string-width)\//,
  /\/node_modules\/(undici|prom-client)\/index\.js$/,
  // As ES modules each of its files costs a parse of its package.json.
  /\/node_modules\/drizzle-orm\/.*\.js$/,
]

let home: string
let gateway: Started
let url: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'aval-modules-'))
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  const env = { AVAL_HOME: home, PORT: String(port), AVAL_ADMIN_KEY: ADMIN }
  gateway = start(process.execPath, ['--import', REPORTER, MAIN, 'serve'], { cwd: home, env })
  await until('an answer', () => fetch(`${url}/healthz`).catch(() => null), 120_000)
})
afterAll(async () => {
  await gateway?.end()
  await rm(home, { recursive: true, force: true })
})

const loaded = (): string[] =>
  [...gateway.stderr().matchAll(/^loaded-module (.+)$/gm)].map(([, path = '']) => path)

async function ask(path: string, init: RequestInit = {}): Promise<number> {
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' }
  const answer = await fetch(url + path, { ...init, headers })
  await answer.arrayBuffer()
  return answer.status
}

test('what manages it is loaded by the first who manages it, and by nothing that apps and probes ask', async () => {
  const body = JSON.stringify({ model: 'nobody/knows', messages: [{ role: 'user', content: 'Hello' }] })
  const statuses = [
    await ask('/readyz'),
    await ask('/v1/models'),
    await ask('/v1/chat/completions', { method: 'POST', body }),
    await ask('/robots.txt'),
  ]
  const before = loaded()

  expect(statuses).toEqual([200, 200, 404, 404])
  expect(before.some((path) => path.endsWith('/src/gateway/serve.ts'))).toBe(true)
  expect(before.some((path) => path.endsWith('/drizzle-orm/index.cjs'))).toBe(true)
  expect(before.filter((path) => LATE.some((late) => late.test(path)))).toEqual([])

  expect(await ask('/api/doctor')).toBe(200)
  expect(loaded().some((path) => path.endsWith('/src/http/api/api.ts'))).toBe(true)
})
