import { randomUUID } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import type { Outcome } from '../../../src/audit/record.ts'
import { ensurePartitions } from '../../../src/db/partitions.ts'
import { seededRandom } from '../../../src/lib/random.ts'
import { readReach, writeReach } from '../../../src/monitoring/rollups/log-rows.ts'
import { listBusyProjects, readRollups } from '../../../src/monitoring/rollups/read.ts'
import { dropOldRollups, keptSince } from '../../../src/monitoring/rollups/retention.ts'
import { KEEP_ALL, rollUp as rollUpAll, rollUpOnce } from '../../../src/monitoring/rollups/roll-up.ts'
import { quantileOf } from '../../../src/monitoring/rollups/sketch.ts'
import { describeDatabases, type TestDatabase } from '../../support/database.ts'
import { recount, type Shipped, ship, sumsOf } from '../../support/rollup-log.ts'

const DAY_MS = 86_400_000
const NOON = Date.parse('2026-11-20T12:00:30Z')
const PROJECT = 'prj_default'
const WINDOW = { projectId: PROJECT, fromMs: NOON - DAY_MS, toMs: NOON + DAY_MS, limit: 100 } as const

describeDatabases('rollups', (open) => {
  beforeEach(async () => {
    await open().truncate()
  })

  const rollUp = async (batch = 1000) => {
    for (;;) {
      const { outcome } = await rollUpOnce(open().sql, () => KEEP_ALL, batch)
      if (outcome !== 'done') return outcome
    }
  }

  test('say how far the log is summed up: not while a batch leaves something, and as of before it looked', async () => {
    const { sql } = open()
    await ensurePartitions(sql, { fromDay: '2026-11-18', days: 3 })
    const random = seededRandom(12)
    const databaseMs = async () => {
      const [row] = await sql<
        { ms: number }[]
      >`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms`
      return row?.ms ?? 0
    }
    await ship(
      sql,
      randomUUID(),
      Array.from({ length: 20 }, () => randomRequest(random)),
    )
    const all = { keptSince: () => KEEP_ALL, embedded: false, maxBatches: 9 }

    await rollUpOnce(sql, () => KEEP_ALL, 15)
    expect(await readReach(sql)).toBeNull()
    const beforeMs = await databaseMs()
    expect((await rollUpAll(sql, all)).requests).toBeGreaterThan(0)
    const reachMs = (await readReach(sql)) ?? 0
    expect(reachMs).toBeGreaterThanOrEqual(beforeMs)
    expect(reachMs).toBeLessThanOrEqual(await databaseMs())

    // Nothing is left, which is known too; and a look that found less does not take it back.
    expect(await rollUpAll(sql, all)).toEqual({ outcome: 'idle', requests: 0 })
    const laterMs = (await readReach(sql)) ?? 0
    expect(laterMs).toBeGreaterThan(reachMs)
    await writeReach(sql, new Date(beforeMs).toISOString())
    expect(await readReach(sql)).toBe(laterMs)
  })

  test('equal a recount after random batches of several writers with late rows and floods', async () => {
    const { sql } = open()
    await ensurePartitions(sql, { fromDay: '2026-11-18', days: 3 })
    const random = seededRandom(11)
    const writers = [randomUUID(), randomUUID(), randomUUID()]

    for (let batch = 0; batch < 12; batch += 1) {
      for (const writer of writers.filter(() => random() < 0.7)) {
        await ship(
          sql,
          writer,
          Array.from({ length: Math.floor(random() * 20) + 1 }, () => randomRequest(random)),
        )
      }
      await rollUpOnce(sql, () => KEEP_ALL, 30)
    }
    await rollUp(50)

    for (const unit of ['minute', 'hour', 'day'] as const) {
      const counted = await recount(sql, unit)
      expect(counted.length).toBeGreaterThan(10)
      expect(await sumsOf(sql, unit)).toEqual(counted)
    }
    const [row] = (await readRollups(sql, { ...WINDOW, fromMs: 0, level: 'day', by: [], bucketMs: null }))
      .rows
    const durations = await sql<{ ms: number }[]>`
      SELECT duration_ms AS ms FROM requests WHERE outcome = 'completed' AND project_id = ${PROJECT} AND shadow_of IS NULL
        AND replay_of IS NULL AND key_id LIKE 'vk_%' ORDER BY 1`
    const exact = durations[Math.floor(0.9 * (durations.length - 1))]?.ms ?? 0
    expect(row?.figures.latency.count).toBe(durations.length)
    expect(Math.abs((quantileOf(row?.figures.latency ?? never(), 0.9) ?? 0) / exact - 1)).toBeLessThan(0.011)
  })

  test('of a batch that fails anywhere nothing is there, and the next try has all of it', async () => {
    const { sql } = open()
    await ship(sql, randomUUID(), [at(NOON), at(NOON)])
    await sql`ALTER TABLE rollup_days ADD CONSTRAINT refused CHECK (requests > 1000)`

    await expect(rollUp()).rejects.toThrow(/refused/)
    const afterwards = [await sumsOf(sql, 'minute'), await sql`SELECT FROM rollup_cursors`]
    await sql`ALTER TABLE rollup_days DROP CONSTRAINT refused`
    await rollUp()

    expect(afterwards.map(({ length }) => length)).toEqual([0, 0])
    expect(await sumsOf(sql, 'minute')).toEqual(await recount(sql, 'minute'))
  })

  test('by several workers at once count each request once', async () => {
    const { sql } = open()
    for (let writer = 0; writer < 4; writer += 1)
      await ship(
        sql,
        randomUUID(),
        Array.from({ length: 25 }, (_, index) => at(NOON + index * 1000)),
      )

    await Promise.all([1, 2, 3].map(() => rollUp(20)))
    await rollUp()

    expect(await requestsIn(open())).toBe(100)
  })

  test('have nothing to do when nothing came, and take what comes late to a minute that is summed up', async () => {
    const { sql } = open()
    const writer = randomUUID()
    await ship(sql, writer, [at(NOON)])
    await rollUp()

    const idle = await rollUp()
    await ship(sql, writer, [at(NOON - 2 * DAY_MS), at(NOON)])
    await rollUp()

    expect(idle).toBe('idle')
    expect(await sumsOf(sql, 'minute')).toEqual(await recount(sql, 'minute'))
    expect(await sumsOf(sql, 'day')).toHaveLength(2)
  })

  test('leave out of traffic what was mirrored, sent again, or asked by a suite, and what has no project altogether', async () => {
    const { sql } = open()
    await ship(sql, randomUUID(), [
      at(NOON),
      at(NOON, { open: { shadowOf: 'req_1' } }),
      at(NOON, { open: { replayOf: 'req_1' } }),
      at(NOON, { open: { keyId: 'run_1' } }),
      at(NOON, { open: { keyId: 'onl_1' } }),
      at(NOON, { open: { projectId: null, keyId: null }, close: { ...REFUSED, occurrences: 900 } }),
    ])
    await rollUp()

    const origins = await sql<{ origin: string; requests: string }[]>`
      SELECT origin, sum(requests)::text AS requests FROM rollup_days JOIN rollup_places ON id = place GROUP BY 1 ORDER BY 1`

    expect(Object.fromEntries(origins.map(({ origin, requests }) => [origin, Number(requests)]))).toEqual({
      app: 1,
      replay: 1,
      shadow: 1,
      suite: 2,
    })
    expect(await requestsIn(open())).toBe(1)
  })

  test('are read by place and bucket, the most requests first, and say when there are more', async () => {
    const { sql } = open()
    await ship(sql, randomUUID(), [
      ...[0, 1, 2].map((minute) => at(NOON + minute * 60_000, { open: { route: 'a' } })),
      ...[0, 0].map(() => at(NOON, { open: { route: null }, close: { model: 'other' } })),
      at(NOON, { open: { projectId: 'prj_other' } }),
    ])
    await rollUp()
    const read = { ...WINDOW, level: 'minute', bucketMs: null } as const

    const byRoute = await readRollups(sql, { ...read, by: ['route'] })
    const first = await readRollups(sql, { ...read, by: ['route', 'model'], limit: 1 })
    const direct = await readRollups(sql, {
      ...read,
      by: ['model'],
      where: { route: null },
      bucketMs: 300_000,
    })

    expect(byRoute.rows.map(({ place, figures }) => [place.route, figures.requests])).toEqual([
      ['a', 3],
      [null, 2],
    ])
    expect(first).toMatchObject({ more: true, rows: [{ place: { route: 'a', model: 'gpt-5-mini' } }] })
    expect(direct.rows.map(({ atMs, place }) => [atMs, place])).toEqual([
      [Date.parse('2026-11-20T12:00:00Z'), { model: 'other' }],
    ])
    expect(await listBusyProjects(sql, NOON - DAY_MS, NOON + DAY_MS, 10)).toEqual([PROJECT, 'prj_other'])
    expect(await listBusyProjects(sql, NOON + DAY_MS, NOON + 2 * DAY_MS, 10)).toEqual([])
  })

  test('hold many sketches of a busy place as one, and every value still', async () => {
    const { sql } = open()
    const random = seededRandom(3)
    const writer = randomUUID()
    for (let batch = 0; batch < 12; batch += 1) {
      await ship(
        sql,
        writer,
        Array.from({ length: 200 }, () => at(NOON, { close: { durationMs: 10 ** (5 * random()) } })),
      )
      await rollUp()
    }

    const [row] = (await readRollups(sql, { ...WINDOW, level: 'day', by: [], bucketMs: null })).rows
    const [size] = await sql<{ bytes: number }[]>`SELECT octet_length(latency) AS bytes FROM rollup_days`

    expect(row?.figures.latency.count).toBe(2400)
    expect(size?.bytes).toBeLessThan(3500)
  })

  test('are let go level by level, and rows older than a level goes to the wider ones alone', async () => {
    const { sql } = open()
    await ensurePartitions(sql, { fromDay: '2026-11-05', days: 2 })
    const since = keptSince(NOON, { minuteDays: 7, hourDays: 30, dayDays: 60 })
    const writer = randomUUID()
    await ship(
      sql,
      writer,
      [3, 14, 15, 20, 40, 80].map((days) => at(NOON - days * DAY_MS)),
    )
    await rollUp()
    const levels = async () =>
      await Promise.all(
        (['minute', 'hour', 'day'] as const).map(async (unit) => (await sumsOf(sql, unit)).length),
      )

    const dropped = await dropOldRollups(sql, since)
    const kept = await levels()
    await ship(sql, writer, [at(NOON - 14 * DAY_MS), at(NOON - 100 * DAY_MS)])
    await rollUpOnce(sql, () => since, 1000)

    expect(dropped).toEqual({ partitions: 2, rows: 3 + 2 + 1 })
    expect(kept).toEqual([1, 4, 5])
    expect(await levels()).toEqual([1, 4, 5])
    expect(await requestsIn(open(), 'hour')).toBe(5)
    expect(
      await dropOldRollups(sql, keptSince(NOON + 100 * DAY_MS, { minuteDays: 1, hourDays: 1, dayDays: 1 })),
    ).toMatchObject({ rows: 10 })
    expect(await sql`SELECT FROM rollup_places`).toHaveLength(0)
  })
})

const REFUSED = { outcome: 'rejected', upstream: null, model: null, attempts: [], usage: null } as const

function at(startedAtMs: number, { open, close }: Shipped = {}): Shipped {
  return { open: { startedAtMs, ...open }, close: { ...close } }
}

async function requestsIn({ sql }: TestDatabase, level: 'minute' | 'hour' = 'minute'): Promise<number> {
  const { rows } = await readRollups(sql, { ...WINDOW, fromMs: 0, level, by: [], bucketMs: null })
  return rows[0]?.figures.requests ?? 0
}

function never(): never {
  throw new Error('No row was read.')
}

/** Late by up to three days; of all outcomes; some of no tokens, no price, no usage, or refused many times over. */
function randomRequest(random: () => number): Shipped {
  const pick = <One>(...some: readonly One[]): One => some[Math.floor(random() * some.length)] as One
  const outcome = pick<Outcome>(
    'completed',
    'completed',
    'completed',
    'client_abort',
    'upstream_error',
    'timeout',
    'rejected',
  )
  const open = {
    startedAtMs: NOON - Math.floor(random() ** 3 * 3 * DAY_MS),
    projectId: pick(PROJECT, PROJECT, 'prj_other'),
    keyId: pick('vk_a', 'vk_b', 'run_1'),
    route: pick('support', null),
    stream: random() < 0.6,
    operation: pick('chat', 'chat', 'embeddings'),
    ...(random() < 0.1 ? { shadowOf: 'req_1' } : {}),
    ...(random() < 0.1 ? { replayOf: 'req_1' } : {}),
  }
  if (outcome === 'rejected')
    return { open, close: { ...REFUSED, durationMs: 1, occurrences: pick(1, 1, 1000) } }
  const durationMs = 3000 * random()
  const close = {
    outcome,
    durationMs,
    ttftMs: open.stream ? durationMs * random() : null,
    finishReason: pick('stop', 'length', 'content_filter', null),
    usage: pick(
      null,
      { inputTokens: 5, outputTokens: null, cachedInputTokens: null, reasoningTokens: null },
      {
        inputTokens: Math.floor(random() * 1000),
        outputTokens: pick(0, 1, 50),
        cachedInputTokens: 3,
        reasoningTokens: null,
      },
    ),
    ...(random() < 0.7 ? { costMicroUsd: Math.floor(random() * 1e6), price: 'list/1' } : {}),
  }
  return { open, close }
}
