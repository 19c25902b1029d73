/** The rounds of a gateway over its shadows: what it learns of the others, what it tells, and what it ends. */

import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { moveLabel } from '../../src/promotion/promote.ts'
import { RegistryBook } from '../../src/registry/releases/book.ts'
import { createRelease } from '../../src/registry/releases/create.ts'
import { readRegistry } from '../../src/registry/releases/registry-data.ts'
import { startShadow } from '../../src/registry/shadows/shadow.ts'
import { findShadow, putShadowTally } from '../../src/registry/shadows/store.ts'
import { openShadows, type Shadows } from '../../src/shadow-parts.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { aClose, aFolder, anOpen } from '../support/audit-records.ts'
import { startAuditRoom } from '../support/audit-room.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { AUTHOR, seedModel } from '../support/registry.ts'
import { testDeps } from '../unit/gateway/parts.ts'

const NOON = Date.UTC(2026, 10, 20, 12)
const WRITER = '01900000-0000-7000-8000-000000000001'
const OTHER_WRITER = '01900000-0000-7000-8000-000000000002'

let database: TestDatabase
let folder: string
let book: RegistryBook
let shadows: Shadows
let nowMs = NOON
const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs }

const changed = async () => {
  book = new RegistryBook(await readRegistry(database.db, ''))
}
const stateOf = async (id: string) => (await findShadow(database.db, AUTHOR.projectId, id))?.state

beforeAll(async () => {
  database = await testDatabase()
  folder = aFolder()
  await seedModel(database.db, { name: 'small', content: { upstream: 'up', model: 'small-1' } })
  await changed()
  const logger = createLogger('silent', process.stderr)
  const given = { db: database.db, clock, logger, writer: WRITER, book: () => book, changed }
  shadows = openShadows(given, testDeps())
})
afterAll(async () => {
  await shadows?.stop()
  await database?.close()
  await rm(folder, { recursive: true, force: true })
})

/** A running shadow of a route of its own, with a budget of 1,000 micro-USD. */
async function start(route: string): Promise<string> {
  const deps = { db: database.db, clock }
  const nothing = { from: null, prompt: null, retries: null, index: null, retrieval: null }
  const models = [{ ref: 'small', weight: null }]
  for (const seed of [1, 2])
    await createRelease(deps, AUTHOR, { route, ...nothing, models, parameters: { seed } })
  const production = { label: 'production', to: 1, canary: null, expected: null, reason: 'a test' }
  await moveLabel(deps, AUTHOR, { route, ...production })
  const { id } = await startShadow({ ...deps, unpricedModels: async () => [] }, AUTHOR, {
    ...{ route, label: 'production', release: 2, share: 500, budget: 1000n, allowUnpriced: false },
    ...{ durationMs: 3_600_000, reason: 'a test' },
  })
  await changed()
  return id
}

test('a shadow ends when its time is over, in the database and for every gateway', async () => {
  const id = await start('timed')
  await shadows.look()
  const before = await stateOf(id)
  nowMs += 3_600_000
  await shadows.look()

  expect([before, await stateOf(id)]).toEqual(['running', 'ended'])
  expect(book.shadowOf(AUTHOR.projectId, 'timed', 'production')).toBeNull()
})

test('what other gateways have logged and hold is spent here too', async () => {
  const id = await start('shared')
  const { log, ...audit } = startAuditRoom({ dataFolder: folder, databaseUrl: database.url })
  const record = anOpen({ startedAtMs: nowMs, shadowOf: 'req_x', clientRequestId: id })
  await log.open(record, Buffer.from('q'))
  await log.close(aClose(record.id, { costMicroUsd: 600 }), Buffer.from('a'))
  await audit.close(20_000)
  await shadows.look()
  const before = await stateOf(id)
  const tally = { shadowId: id, writer: OTHER_WRITER, dropped: 0, skipped: 0, held: 400n }
  await putShadowTally(database.db, tally)
  nowMs += 5000
  await shadows.look()

  expect([before, await stateOf(id)]).toEqual(['running', 'spent'])
})
