/** Shadows in the database: one per route, changed once, what the log says of them, and the rounds of gateways over them. */

import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CloseRecord, OpenRecord } from '../../../src/audit/record.ts'
import { readShadowFigures, sumShadowCosts } from '../../../src/audit/shadows/store.ts'
import { listRequests } from '../../../src/audit/store.ts'
import { RequestError } from '../../../src/errors.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import { moveLabel } from '../../../src/promotion/promote.ts'
import { RegistryBook } from '../../../src/registry/releases/book.ts'
import { createRelease } from '../../../src/registry/releases/create.ts'
import { readRegistry } from '../../../src/registry/releases/registry-data.ts'
import { readRegistryVersion } from '../../../src/registry/releases/store.ts'
import { type NewShadow, startShadow, stopShadow } from '../../../src/registry/shadows/shadow.ts'
import { findShadow, putShadowTally, sumShadowTallies } from '../../../src/registry/shadows/store.ts'
import { openShadows, type Shadows } from '../../../src/shadow-parts.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { aClose, aFolder, anOpen } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'
import { AUTHOR, seedModel } from '../../support/registry.ts'
import { playedProvider, snapshotOf, testDeps, upstreamOf } from '../../unit/gateway/parts.ts'

const NOON = Date.UTC(2026, 10, 20, 12)
const DAY_MS = 86_400_000
const WRITER = '01900000-0000-7000-8000-000000000001'
const OTHER_WRITER = '01900000-0000-7000-8000-000000000002'

describeDatabases('shadows', (open) => {
  let nowMs = NOON
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs }
  const start = (route: string, more: Partial<NewShadow> = {}) =>
    startShadow({ db: open().db, clock, unpricedModels: async () => [] }, AUTHOR, {
      route,
      label: 'production',
      release: 2,
      share: 500,
      budget: 2_000_000n,
      allowUnpriced: false,
      durationMs: DAY_MS,
      reason: 'a test',
      ...more,
    })
  const stop = (id: string, actor = AUTHOR) =>
    stopShadow({ db: open().db, clock }, actor, { id, reason: 'enough' })

  async function route(name: string): Promise<void> {
    const { db } = open()
    const deps = { db, clock }
    const nothing = { from: null, prompt: null, retries: null, index: null, retrieval: null }
    const models = [{ ref: 'small', weight: null }]
    for (const seed of [1, 2]) {
      await createRelease(deps, AUTHOR, { route: name, ...nothing, models, parameters: { seed } })
    }
    const production = { label: 'production', to: 1, canary: null, expected: null, reason: 'a test' }
    await moveLabel(deps, AUTHOR, OPEN, { route: name, ...production })
  }

  beforeAll(async () => {
    await seedModel(open().db, { name: 'small', content: { upstream: 'up', model: 'small-1' } })
  })

  test('of several starts for a route at once one wins, and the others are told which', async () => {
    await route('raced')
    const all = await Promise.allSettled(Array.from({ length: 6 }, () => start('raced')))
    const won = all.filter((one) => one.status === 'fulfilled')
    const lost = all.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))

    expect(won).toHaveLength(1)
    for (const error of lost) {
      expect(error).toBeInstanceOf(RequestError)
      expect((error as RequestError).message).toContain(won[0]?.value.id)
    }
  })

  test('one that was stopped makes room for another, and one that nobody ended does once its time is over', async () => {
    await route('again')
    const first = await start('again')
    await stop(first.id)
    const second = await start('again')
    nowMs += DAY_MS
    const third = await start('again')
    const states = await Promise.all(
      [first, second, third].map(
        async ({ id }) => (await findShadow(open().db, AUTHOR.projectId, id))?.state,
      ),
    )

    expect(states).toEqual(['stopped', 'ended', 'running'])
  })

  test('a start and a stop change what gateways load', async () => {
    await route('followed')
    const { db } = open()
    const loaded = async () => {
      const { shadows } = await readRegistry(db, '')
      return shadows.filter((one) => one.route === 'followed')
    }
    const before = await readRegistryVersion(db)
    const { id } = await start('followed')
    const running = await loaded()
    const between = await readRegistryVersion(db)
    await stop(id)

    expect(running).toMatchObject([{ id, label: 'production', share: 500, budget: '2000000' }])
    expect(await loaded()).toEqual([])
    expect(between).toBeGreaterThan(before)
    expect(await readRegistryVersion(db)).toBeGreaterThan(between)
  })

  test('of another project are not there', async () => {
    await route('mine')
    const { id } = await start('mine')

    expect(await findShadow(open().db, 'prj_other', id)).toBeNull()
    await expect(stop(id, { ...AUTHOR, projectId: 'prj_other' })).rejects.toThrow(/no shadow/)
  })

  test('change once, when they end, by SQL either', async () => {
    await route('kept')
    const { id } = await start('kept')
    const { sql } = open()
    const refused = /changes once/

    await expect(sql`UPDATE shadows SET budget = 9 WHERE id = ${id}`).rejects.toThrow(refused)
    await expect(sql`DELETE FROM shadows WHERE id = ${id}`).rejects.toThrow(refused)
    await stop(id)
    const again = sql`UPDATE shadows SET state = 'running', stopped_at = NULL WHERE id = ${id}`
    await expect(again).rejects.toThrow(refused)
  })

  test('tallies are said again and counted once, each process apart', async () => {
    await route('told')
    const { id: shadowId } = await start('told')
    const { db } = open()
    const tally = { shadowId, writer: WRITER, dropped: 1, skipped: 2, held: 3n }
    await putShadowTally(db, tally)
    await putShadowTally(db, { ...tally, dropped: 4 })
    await putShadowTally(db, { ...tally, writer: OTHER_WRITER, held: 10n })

    expect(await sumShadowTallies(db, shadowId)).toEqual({ dropped: 5, skipped: 4, held: 13n })
    expect(await sumShadowTallies(db, shadowId, WRITER)).toEqual({ dropped: 1, skipped: 2, held: 10n })
  })

  test.each<[string, Partial<NewShadow>, RegExp]>([
    ['too short a time', { durationMs: 59_999 }, /1 minute to 30 days/],
    ['too long a time', { durationMs: 30 * DAY_MS + 1 }, /1 minute to 30 days/],
    ['a release that is not there', { release: 7 }, /no release r7/],
    ['the release of the label itself', { release: 1 }, /serves r1 already/],
  ])('%s is refused', async (_what, more, words) => {
    await route('refusing')

    await expect(start('refusing', more)).rejects.toThrow(words)
  })

  describe('on the log', () => {
    const shadow = { projectId: 'prj_default', id: 'shd_1', startedAt: new Date(NOON) }
    let folder: string
    let writer: string
    const ids: string[] = []

    beforeAll(async () => {
      folder = aFolder()
      const { log, ...audit } = startAuditRoom({ dataFolder: folder, databaseUrl: open().url })
      writer = audit.writer
      const request = async (opened: Partial<OpenRecord>, closed: Partial<CloseRecord>): Promise<string> => {
        const record = anOpen({ startedAtMs: NOON, ...opened })
        await log.open(record, Buffer.from('q'))
        await log.close(aClose(record.id, closed), Buffer.from('a'))
        return record.id
      }
      for (const [at, durationMs] of [100, 200, 300].entries()) {
        const app = await request({}, { durationMs })
        const mirrored = { shadowOf: app, clientRequestId: 'shd_1' }
        const cost = at === 0 ? {} : { costMicroUsd: at * 10 }
        ids.push(await request(mirrored, { durationMs: durationMs * 2, ...cost }))
      }
      const failed = { outcome: 'timeout', durationMs: 9000, upstream: null } as const
      await request({ shadowOf: 'req_x', clientRequestId: 'shd_1' }, failed)
      // An app may send a name that looks like one of ours: it is no shadow.
      await request({ clientRequestId: 'shd_1' }, { costMicroUsd: 999 })
      await request({ shadowOf: 'req_x', clientRequestId: 'shd_2' }, { costMicroUsd: 999 })
      await audit.close(20_000)
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    test('says how its calls ended, what they cost, and how long both took', async () => {
      expect(await readShadowFigures(open().db, shadow)).toEqual({
        spending: { sent: 4, spent: 30n, unpriced: 1 },
        outcomes: { completed: 3, timeout: 1 },
        latencies: {
          pairs: 3,
          // Type 7 of Hyndman and Fan: the 95th percentile of 100, 200, 300 is 290.
          app: { p50: 200, p95: 290 },
          shadow: { p50: 400, p95: 580 },
        },
      })
      const none = await readShadowFigures(open().db, { ...shadow, projectId: 'prj_other' })
      expect(none).toEqual({
        spending: { sent: 0, spent: 0n, unpriced: 0 },
        outcomes: {},
        latencies: { pairs: 0, app: null, shadow: null },
      })
    })

    test('of more calls than are read in time are unknown, and no failure', async ({ skip }) => {
      const { sql, db, embedded } = open()
      skip(embedded, 'One session cannot keep another one waiting.')
      const found = await sql.begin(async (transaction) => {
        await transaction`LOCK TABLE requests IN ACCESS EXCLUSIVE MODE`
        return await readShadowFigures(db, shadow, 20)
      })

      expect(found).toEqual({ spending: null, outcomes: null, latencies: null })
    })

    test('says what others spent to a process that knows its own', async () => {
      expect(await sumShadowCosts(open().db, shadow, OTHER_WRITER)).toMatchObject({ microUsd: 30n })
      expect(await sumShadowCosts(open().db, shadow, writer)).toMatchObject({ microUsd: 0n })
    })

    test('is summed on from where a sum ended, to the same as all of it at once, late rows and new writers too', async () => {
      const { db, url } = open()
      const late = { ...shadow, projectId: 'prj_late', id: 'shd_late' }
      const folders = [aFolder(), aFolder()]
      const rooms = folders.map((dataFolder) => startAuditRoom({ dataFolder, databaseUrl: url }))
      const [one, two] = rooms
      const call = async (room: typeof one, startedAtMs: number, costMicroUsd: number | null) => {
        const { projectId, id: clientRequestId } = late
        const opened = anOpen({ projectId, startedAtMs, shadowOf: 'req_x', clientRequestId })
        await room?.log.open(opened, Buffer.from('q'))
        const cost = costMicroUsd === null ? {} : { costMicroUsd }
        await room?.log.close(aClose(opened.id, cost), Buffer.from('a'))
      }
      const sum = (from?: Awaited<ReturnType<typeof sumShadowCosts>>) =>
        sumShadowCosts(db, late, OTHER_WRITER, from)
      await call(one, NOON + DAY_MS, 100)
      await one?.flush(20_000)
      const first = await sum()
      // Of the day before, by the same writer and by one that was not heard of.
      await call(one, NOON, 20)
      await call(one, NOON, null)
      await call(two, NOON - 1000, 3)
      await Promise.all(rooms.map((room) => room.flush(20_000)))
      const second = await sum(first)
      await call(two, NOON + 2 * DAY_MS, 4000)
      await Promise.all(rooms.map((room) => room.close(20_000)))
      await Promise.all(folders.map((path) => rm(path, { recursive: true, force: true })))
      const third = await sum(second)

      expect([first, second, third].map(({ microUsd }) => microUsd)).toEqual([100n, 123n, 4123n])
      expect(third).toEqual(await sum())
      // Nothing of before is read again: what the sum was told of it stands.
      expect(await sum({ ...third, microUsd: 1n })).toEqual({ ...third, microUsd: 1n })
      expect((await sum({ ...first, microUsd: 0n })).microUsd).toBe(4023n)
    })

    test('is found by what it mirrored, alone, or left out', async () => {
      const scope = { projectId: 'prj_default', unowned: false }
      const found = async (filter: object) => (await listRequests(open().db, { scope, ...filter })).rows
      const [first] = await found({ shadow: true })

      expect(await found({ shadow: true })).toHaveLength(5)
      expect((await found({ shadow: false })).every(({ shadowOf }) => shadowOf === null)).toBe(true)
      expect(await found({ shadowOf: first?.shadowOf ?? '' })).toContainEqual(first)
    })
  })

  describe('in a gateway', () => {
    let book: RegistryBook
    let gateway: Shadows

    const changed = async () => {
      book = new RegistryBook(await readRegistry(open().db, ''))
    }
    const stateOf = async (id: string) => (await findShadow(open().db, AUTHOR.projectId, id))?.state
    const startSmall = async (name: string): Promise<string> => {
      await route(name)
      const { id } = await start(name, { budget: 1000n, durationMs: 3_600_000 })
      await changed()
      return id
    }

    beforeAll(async () => {
      await changed()
      const logger = createLogger('silent', process.stderr)
      const given = { db: open().db, clock, logger, writer: WRITER, book: () => book, changed }
      gateway = openShadows(given, testDeps())
    })
    afterAll(() => gateway?.stop())

    test('ends when its time is over, in the database and for every gateway', async () => {
      const id = await startSmall('timed')
      await gateway.look()
      const before = await stateOf(id)
      nowMs += 3_600_000
      await gateway.look()

      expect([before, await stateOf(id)]).toEqual(['running', 'ended'])
      expect(book.shadowOf(AUTHOR.projectId, 'timed', 'production')).toBeNull()
    })

    const logElsewhere = async (id: string, costMicroUsd: number) => {
      const folder = aFolder()
      const { log, ...audit } = startAuditRoom({ dataFolder: folder, databaseUrl: open().url })
      const record = anOpen({ startedAtMs: nowMs, shadowOf: 'req_x', clientRequestId: id })
      await log.open(record, Buffer.from('q'))
      await log.close(aClose(record.id, { costMicroUsd }), Buffer.from('a'))
      await audit.close(20_000)
      await rm(folder, { recursive: true, force: true })
    }

    test('sums nothing up for a candidate that costs nothing, and all of it as soon as it does', async () => {
      const id = await startSmall('free')
      await logElsewhere(id, 1000)
      const provider = { ...playedProvider([]), dialect: 'local' as const }
      const upstreams = snapshotOf([upstreamOf('up', provider)])
      let snapshot = { ...upstreams, registry: book }
      const logger = createLogger('silent', process.stderr)
      const given = { db: open().db, clock, logger, writer: OTHER_WRITER, book: () => book, changed }
      const other = openShadows(given, testDeps({ snapshot: () => snapshot }))
      await other.look()
      const before = await stateOf(id)
      snapshot = { ...snapshotOf([]), registry: book }
      nowMs += 5000
      await other.look()
      await other.stop()

      expect([before, await stateOf(id)]).toEqual(['running', 'spent'])
    })

    test('has spent what other gateways have logged and hold', async () => {
      const id = await startSmall('shared')
      await logElsewhere(id, 600)
      await gateway.look()
      const before = await stateOf(id)
      await putShadowTally(open().db, {
        shadowId: id,
        writer: OTHER_WRITER,
        dropped: 0,
        skipped: 0,
        held: 400n,
      })
      nowMs += 5000
      await gateway.look()

      expect([before, await stateOf(id)]).toEqual(['running', 'spent'])
    })
  })
})
