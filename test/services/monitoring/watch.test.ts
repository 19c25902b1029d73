import type { Sql } from 'postgres'
import { expect, test } from 'vitest'
import type { Clock } from '../../../src/lib/clock.ts'
import { METRICS } from '../../../src/lib/watched-metrics.ts'
import { listAlerts, openAlert } from '../../../src/monitoring/alerts/alert-rows.ts'
import { KEEP_ALL } from '../../../src/monitoring/rollups/roll-up.ts'
import { BUCKET_MS } from '../../../src/monitoring/watch/buckets.ts'
import { readHistory } from '../../../src/monitoring/watch/history.ts'
import { newSeries, takePoint } from '../../../src/monitoring/watch/series.ts'
import { readCursor, readSeries, writeSeries } from '../../../src/monitoring/watch/series-rows.ts'
import { MAX_ROUTES } from '../../../src/monitoring/watch/subjects.ts'
import { type Look, watchSeries } from '../../../src/monitoring/watch/watch.ts'
import { watchBucket } from '../../../src/monitoring/watch/watch-bucket.ts'
import { describeDatabases } from '../../support/database.ts'
import { type Asked, addTraffic } from '../../support/watched-traffic.ts'

const START = Date.UTC(2026, 2, 2, 12)
const SUBJECT = { kind: 'route', name: 'answer' } as const

/** When the bucket that begins then has been over for two minutes. */
function settled(atMs: number): Clock {
  return { nowMs: () => atMs + BUCKET_MS + 120_000, monotonicMs: () => 0 }
}

function look(atMs: number, failed: Look['failed'] = () => undefined): Look {
  return {
    bars: [],
    clock: settled(atMs),
    random: () => 0,
    signal: new AbortController().signal,
    late: () => undefined,
    failed,
  }
}

describeDatabases('watched traffic', (open) => {
  let tests = 0
  const project = () => {
    tests += 1
    return `prj_${tests}`
  }
  const bucketsOf = (projectId: string, from: number, to: number, more: Partial<Asked> = {}): Asked[] =>
    Array.from({ length: to - from }, (_, at) => ({
      projectId,
      route: SUBJECT.name,
      atMs: START + (from + at) * BUCKET_MS,
      requests: 80,
      ...more,
    }))
  /** Buckets one after the other, as ticks read them. */
  const watch = async (projectId: string, from: number, to: number) => {
    const opened: string[] = []
    for (let at = from; at < to; at += 1) {
      const atMs = START + at * BUCKET_MS
      const cursorMs = await readCursor(open().sql, projectId)
      const watched = await watchBucket(open().sql, { projectId, atMs, cursorMs, bars: [] }, atMs + BUCKET_MS)
      opened.push(...(watched?.opened ?? []))
    }
    return opened
  }
  /** A series that knows its metric from 600 points before `START`. */
  const learnt = async (sql: Sql, projectId: string, metric: keyof typeof METRICS, usual: number) => {
    const series = newSeries(SUBJECT, metric, START)
    for (let at = -600; at < 0; at += 1) {
      takePoint(
        series,
        { metric, value: usual * (1 + 0.08 * Math.sin(at * 1.7)) },
        START + at * BUCKET_MS,
        false,
      )
    }
    await writeSeries(sql, projectId, [series], START)
  }
  const latency = async (projectId: string) =>
    (await readSeries(open().sql, projectId, { subject: SUBJECT, metric: 'latency_p50' }))[0]

  test('gives each bucket to the detectors once, also when two processes look at the same time', async () => {
    const projectId = project()
    await addTraffic(open().sql, bucketsOf(projectId, 0, 2))

    const both = await Promise.all([
      watchBucket(open().sql, { projectId, atMs: START, cursorMs: null, bars: [] }, START),
      watchBucket(open().sql, { projectId, atMs: START, cursorMs: null, bars: [] }, START),
    ])
    const again = await watchBucket(open().sql, { projectId, atMs: START, cursorMs: null, bars: [] }, START)

    expect(both.filter((one) => one !== null)).toHaveLength(1)
    expect(again).toBeNull()
    expect((await latency(projectId))?.detector.baseline.points).toBe(1)
    // The route and its upstream, each with all metrics that the traffic has.
    expect((await readSeries(open().sql, projectId)).map(({ metric }) => metric).sort()).toEqual(
      [...Object.keys(METRICS), ...Object.keys(METRICS)].sort(),
    )
  })

  test('takes a bucket as a whole or not at all', async () => {
    const projectId = project()
    const { sql } = open()
    await addTraffic(sql, bucketsOf(projectId, 0, 1))
    await sql`ALTER TABLE monitor_series ADD CONSTRAINT broken CHECK (project_id <> ${sql.unsafe(`'${projectId}'`)})`

    await expect(
      watchBucket(sql, { projectId, atMs: START, cursorMs: null, bars: [] }, START),
    ).rejects.toThrow('broken')
    expect(await readCursor(sql, projectId)).toBeNull()
    await sql`ALTER TABLE monitor_series DROP CONSTRAINT broken`

    expect(await watchBucket(sql, { projectId, atMs: START, cursorMs: null, bars: [] }, START)).not.toBeNull()
    expect((await latency(projectId))?.detector.baseline.points).toBe(1)
  })

  test('opens one alert for a change that harms, says when it began, and ends it once it is over', async () => {
    const projectId = project()
    await learnt(open().sql, projectId, 'latency_p50', 800)
    await addTraffic(open().sql, [
      ...bucketsOf(projectId, 0, 3),
      ...bucketsOf(projectId, 3, 8, { latencyMs: 2000 }),
    ])

    await watch(projectId, 0, 3)
    expect(await listAlerts(open().sql, { projectId, limit: 10 })).toEqual([])
    const opened = await watch(projectId, 3, 8)
    const [alert, ...others] = await listAlerts(open().sql, { projectId, limit: 10 })

    expect(others).toEqual([])
    expect(opened).toEqual([alert?.id])
    expect(alert).toMatchObject({ subject: SUBJECT, metric: 'latency_p50', endedAtMs: null })
    expect(alert?.beganAtMs).toBe(START + 3 * BUCKET_MS)
    expect((alert?.value ?? 0) / (alert?.usual ?? 1)).toBeGreaterThan(2)
    expect(await latency(projectId)).toMatchObject({ state: 'alert' })

    // Two hours without a request: what is silent is no alert any more.
    await watch(projectId, 8, 32)
    expect((await listAlerts(open().sql, { projectId, limit: 1 }))[0]?.endedAtMs).not.toBeNull()
    expect(await latency(projectId)).toMatchObject({ state: 'no_data' })
  })

  test('tells nobody that a latency fell', async () => {
    const projectId = project()
    await learnt(open().sql, projectId, 'latency_p50', 800)
    await addTraffic(open().sql, bucketsOf(projectId, 0, 5, { latencyMs: 300 }))

    expect(await watch(projectId, 0, 5)).toEqual([])
    expect(await latency(projectId)).toMatchObject({ state: 'ok' })
  })

  test('waits with a point until there is enough traffic, for an hour at most', async () => {
    const projectId = project()
    await addTraffic(open().sql, bucketsOf(projectId, 0, 8, { requests: 15 }))

    await watch(projectId, 0, 8)
    const series = await readSeries(open().sql, projectId, { subject: SUBJECT })
    const points = Object.fromEntries(series.map((one) => [one.metric, one.detector.baseline.points]))

    expect(points).toMatchObject({ latency_p50: 4, latency_p95: 2, error_rate: 2 })
  })

  test('has no series of one request a day', async () => {
    const projectId = project()
    await addTraffic(open().sql, bucketsOf(projectId, 0, 1, { requests: 1 }))

    await watch(projectId, 0, 3)
    expect(await readSeries(open().sql, projectId)).toEqual([])
  })

  test('notices that a route is asked no more while others are', async () => {
    const projectId = project()
    await learnt(open().sql, projectId, 'requests_per_minute', 16)
    await addTraffic(open().sql, [
      ...bucketsOf(projectId, 0, 2),
      ...bucketsOf(projectId, 0, 6, { route: 'other' }),
    ])

    await watch(projectId, 0, 6)
    const alerts = await listAlerts(open().sql, { projectId, limit: 10 })
    expect(alerts).toMatchObject([{ subject: SUBJECT, metric: 'requests_per_minute', value: 0 }])
  })

  test('watches the routes with the most requests, and whom it watches already', async () => {
    const projectId = project()
    const routes = Array.from({ length: MAX_ROUTES + 10 }, (_, at) => ({
      projectId,
      route: `route-${at}`,
      atMs: START,
      requests: 21 + at,
    }))
    await addTraffic(open().sql, [
      ...routes,
      { projectId, route: null, atMs: START, requests: 200, model: 'o9' },
    ])
    await addTraffic(open().sql, [{ projectId, route: 'late', atMs: START + BUCKET_MS, requests: 100 }])

    await watch(projectId, 0, 2)
    const series = await readSeries(open().sql, projectId, { metric: 'latency_p50' })
    const names = series.filter(({ subject }) => subject.kind === 'route').map(({ subject }) => subject.name)

    expect(new Set(names).size).toBe(MAX_ROUTES)
    expect(names).toContain('openai/o9')
    expect(names).toContain(`route-${MAX_ROUTES + 9}`)
    expect(names).not.toContain('route-0')
    expect(names).not.toContain('late')
  })

  test('catches up with what it missed, a day at most, some buckets at a look', async () => {
    const projectId = project()
    const { sql } = open()
    await addTraffic(sql, [...bucketsOf(projectId, 0, 1), ...bucketsOf(projectId, 863, 864)])
    await watch(projectId, 0, 1)

    const looked = await watchSeries(sql, look(START + 863 * BUCKET_MS))

    expect(looked.buckets).toBe(24)
    expect(await readCursor(sql, projectId)).toBe(START + (864 - 288 + 24) * BUCKET_MS)
  })

  test('goes on after a clock that was ahead, and waits for one that is behind', async () => {
    const projectId = project()
    const { sql } = open()
    await addTraffic(sql, bucketsOf(projectId, 0, 3))
    await sql`INSERT INTO monitor_cursors VALUES (${projectId}, '2036-03-02T00:00:00Z')`
    const ahead = newSeries(SUBJECT, 'latency_p50', START)
    takePoint(ahead, { metric: 'latency_p50', value: 1 }, START + 400 * 86_400_000, false)
    await writeSeries(sql, projectId, [ahead], START)

    const cursors = []
    for (const at of [1, 0, 1, 2]) {
      await watchSeries(sql, look(START + at * BUCKET_MS))
      cursors.push(((await readCursor(sql, projectId)) ?? 0) - START)
    }

    expect(cursors).toEqual([2, 2, 2, 3].map((bucket) => bucket * BUCKET_MS))
    expect((await latency(projectId))?.detector.baseline.points).toBe(2)
  })

  test('watches a project although a busier one cannot be read, in an order that is drawn', async () => {
    const [broken, whole] = [project(), project()]
    const { sql } = open()
    const far = 4000
    await addTraffic(sql, [
      ...bucketsOf(broken, far, far + 1, { requests: 200 }),
      ...bucketsOf(whole, far, far + 1),
    ])
    await sql`ALTER TABLE monitor_series ADD CONSTRAINT broken CHECK (project_id <> ${sql.unsafe(`'${broken}'`)}) NOT VALID`
    const failed: string[] = []
    const draws = [0.7, 0.2]
    const lookedAt: string[] = []
    const drawn = { ...look(START + far * BUCKET_MS), random: () => draws.shift() ?? 0 }
    const note = (projectId: string) => lookedAt.push(projectId)

    const looked = await watchSeries(
      sql,
      look(START + far * BUCKET_MS, (projectId) => failed.push(projectId)),
    )
    await sql`ALTER TABLE monitor_series ADD CONSTRAINT broken_too CHECK (project_id <> ${sql.unsafe(`'${whole}'`)}) NOT VALID`
    await addTraffic(sql, bucketsOf(whole, far + 1, far + 2))
    await watchSeries(sql, { ...drawn, clock: settled(START + (far + 1) * BUCKET_MS), failed: note })
    await sql`ALTER TABLE monitor_series DROP CONSTRAINT broken_too`
    await sql`ALTER TABLE monitor_series DROP CONSTRAINT broken`

    expect(failed).toEqual([broken])
    expect(looked.buckets).toBe(1)
    expect((await readSeries(sql, whole)).length).toBeGreaterThan(0)
    expect(lookedAt).toEqual([whole, broken])
  })

  test('reads no bucket that the log may still hold something of, and says when it is ten minutes behind', async () => {
    const projectId = project()
    const { sql } = open()
    const atMs = START + 5000 * BUCKET_MS
    await addTraffic(sql, bucketsOf(projectId, 5000, 5001))
    const late: number[] = []
    const lookFrom = async (reachMs: number) => {
      await sql`UPDATE rollup_reach SET whole_to = ${new Date(reachMs).toISOString()}::timestamptz`
      await watchSeries(sql, { ...look(atMs), late: (ms) => late.push(ms) })
      const series = await latency(projectId)
      return [((await readCursor(sql, projectId)) ?? 0) - atMs, series?.detector.baseline.points ?? 0]
    }
    const settledMs = settled(atMs).nowMs()

    const cursorsAndPoints = [
      await lookFrom(settledMs - 600_001),
      await lookFrom(settledMs - 1),
      await lookFrom(settledMs),
    ]

    expect(cursorsAndPoints).toEqual([
      [-2 * BUCKET_MS, 0],
      [0, 0],
      [BUCKET_MS, 1],
    ])
    expect(late).toEqual([settledMs - 600_001])
  })

  test('ends after a day what a project told that asks nothing any more, and forgets it after four weeks', async () => {
    const projectId = project()
    const { sql } = open()
    await learnt(sql, projectId, 'latency_p50', 800)
    await addTraffic(sql, bucketsOf(projectId, 0, 5, { latencyMs: 2000 }))
    expect(await watch(projectId, 0, 5)).toHaveLength(1)
    const lastMs = START + 5 * BUCKET_MS

    await watchSeries(sql, look(lastMs + 3 * 86_400_000))
    const [alert] = await listAlerts(sql, { projectId, limit: 1 })
    const silent = await latency(projectId)
    await watchSeries(sql, look(lastMs + 29 * 86_400_000))

    expect(alert?.endedAtMs).toBe(lastMs + 3 * 86_400_000 + BUCKET_MS)
    expect(silent).toMatchObject({ state: 'no_data' })
    expect(await readSeries(sql, projectId)).toEqual([])
  })

  test('shows of a history the buckets that are over, and the alerts that were opened until its end', async () => {
    const projectId = project()
    const { sql } = open()
    await addTraffic(sql, bucketsOf(projectId, 0, 3))
    const openedAtMs = START + 3 * BUCKET_MS
    const change = { change: 'jump', beganAtMs: openedAtMs, value: 2, usual: 1, excess: 2 } as const
    await openAlert(sql, { projectId, subject: SUBJECT, metric: 'latency_p50', openedAtMs, ...change })
    const shown = async (toMs: number, nowMs: number) =>
      await readHistory(sql, {
        projectId,
        subject: SUBJECT,
        metric: 'latency_p50',
        fromMs: START,
        toMs,
        nowMs,
        kept: KEEP_ALL,
      })

    const before = await shown(START + 2.5 * BUCKET_MS, START + 2.5 * BUCKET_MS)
    const touched = await shown(START + 2.5 * BUCKET_MS, openedAtMs + 1)
    const after = await shown(openedAtMs + 1, openedAtMs + 1)

    expect(before.points.map(({ atMs }) => (atMs - START) / BUCKET_MS)).toEqual([0, 1])
    expect(touched.points.map(({ atMs }) => (atMs - START) / BUCKET_MS)).toEqual([0, 1, 2])
    expect(before.alerts).toEqual([])
    expect([after.points.length, after.alerts.length]).toEqual([3, 1])
  })
})
