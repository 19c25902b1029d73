/** Ten thousand keys in force while everything is reloaded under load: every request is judged by the keys, never by the reload. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { startGateway } from '../../support/gateway.ts'
import { connectBeside, insertKeys } from '../../support/many-keys.ts'
import { call, chatBody, until } from '../../support/process.ts'
import { createMigratedDatabase } from '../../support/server-database.ts'
import { startUpstream } from '../../support/upstream.ts'

vi.setConfig({ testTimeout: 120_000 })

const KEYS = 10_000
const REVOKED = 200
const RELOADS = 8
/** Requests at least: with a stride through the keys as many different ones are used. */
const REQUESTS = 2_000
const CLIENTS = 8
/** Shares no divisor with 10,000, so that neighbours in time are far apart in the list and none comes twice. */
const STRIDE = 7_919
const PEPPER = 'pepper-of-ten-thousand-keys-0123456789'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function gatewayWithKeys(serverUrl: string | undefined) {
  const upstream = await startUpstream()
  cleanups.push(() => upstream.close())
  const database = serverUrl === undefined ? null : await createMigratedDatabase(serverUrl, 'aval_test')
  if (database !== null) cleanups.push(() => database.drop())
  const configWith = (extra: object) => ({
    upstreams: { up: { dialect: 'openai', base_url: upstream.url }, ...extra },
  })
  const gateway = await startGateway({
    config: configWith({}),
    env: {
      AVAL_PEPPER: PEPPER,
      OLLAMA_HOST: '127.0.0.1:9',
      ...(database === null ? {} : { DATABASE_URL: database.url }),
    },
  })
  cleanups.push(() => gateway.stop())
  const connection = await connectBeside(gateway.home, database?.url ?? null)
  cleanups.push(() => connection.close())
  const ask = async (model: string, key: string) =>
    (await call(`${gateway.url}/v1/chat/completions`, key, { body: chatBody(model) })).status
  return { upstream, gateway, connection, configWith, ask }
}

async function keepAsking(serverUrl: string | undefined) {
  const { upstream, gateway, connection, configWith, ask } = await gatewayWithKeys(serverUrl)
  const revoked = await insertKeys(connection, PEPPER, REVOKED, new Date())
  const tokens = await insertKeys(connection, PEPPER, KEYS)
  await until('the last key', async () => (await ask('up/mock', tokens.at(-1) ?? '')) === 200, 10_000)
  const servedSoFar = () => upstream.journal.filter(({ model }) => model === 'mock').length
  const servedBefore = servedSoFar()
  const statuses = { live: [] as number[], revoked: [] as number[] }
  let isReloading = true
  let asked = 0
  const load = Array.from({ length: CLIENTS }, async (_, client) => {
    while (isReloading || asked < REQUESTS) {
      asked += 1
      // Every eighth request brings a key that must not work.
      const pool = client === 0 ? revoked : tokens
      const status = await ask('up/mock', pool[(asked * STRIDE) % pool.length] ?? '')
      statuses[client === 0 ? 'revoked' : 'live'].push(status)
    }
  })
  const reload = async () => {
    for (let round = 0; round < RELOADS; round += 1) {
      // File and keys change at once: the upstreams are replaced and all the keys are read again.
      const extra = { [`extra-${round}`]: { dialect: 'openai', base_url: upstream.url } }
      await writeFile(join(gateway.home, 'aval.yaml'), stringify(configWith(extra)))
      process.kill(gateway.pid, 'SIGHUP')
      const [fresh = ''] = await insertKeys(connection, PEPPER, 1)
      await until(`round ${round}`, async () => (await ask(`extra-${round}/mock`, fresh)) === 200, 10_000)
    }
  }
  await reload().finally(() => {
    isReloading = false
  })
  await Promise.all(load)
  return { statuses, served: servedSoFar() - servedBefore }
}

function holdsUnderReloads(serverUrl: string | undefined): void {
  test('none is dropped or wrongly refused, and no revoked key gets in', async () => {
    const { statuses, served } = await keepAsking(serverUrl)

    expect(new Set(statuses.live)).toEqual(new Set([200]))
    expect(new Set(statuses.revoked)).toEqual(new Set([401]))
    expect(statuses.live.length + statuses.revoked.length).toBeGreaterThanOrEqual(REQUESTS)
    // Every answer was fetched once: the load's own, and the one of each round that found the reload done.
    expect(served).toBe(statuses.live.length + RELOADS)
  })
}

const SERVER_URL = process.env.TEST_DATABASE_URL

describe('requests of 10,000 keys during repeated reloads, on the embedded database', () => {
  holdsUnderReloads(undefined)
})
describe.skipIf(!SERVER_URL)(
  `requests of 10,000 keys during repeated reloads, on PostgreSQL${SERVER_URL ? '' : ' (TEST_DATABASE_URL is not set)'}`,
  () => {
    holdsUnderReloads(SERVER_URL)
  },
)
