/** /api/monitor and the monitor commands against a real database and a real log behind a real /api. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import type { MetricName } from '../../../src/lib/watched-metrics.ts'
import { listAlerts, openAlert, setExplanation } from '../../../src/monitoring/alerts/alert-rows.ts'
import { BUCKET_MS, settledTo } from '../../../src/monitoring/watch/buckets.ts'
import { newSeries, takePoint } from '../../../src/monitoring/watch/series.ts'
import { writeSeries } from '../../../src/monitoring/watch/series-rows.ts'
import { type ApiCall, callApi } from '../../support/api-call.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { addTraffic } from '../../support/watched-traffic.ts'

const projectId = 'prj_default'
const SUBJECT = { kind: 'route', name: 'answer' } as const
const NOW = settledTo(systemClock.nowMs())

let database: TestDatabase
let server: ApiServer

/** A figure that was as usual, and at its newest point no more. */
async function aSeries(metric: MetricName, points: number, usual: number, last: number): Promise<void> {
  const series = newSeries(SUBJECT, metric, NOW)
  for (let at = -points; at < 0; at += 1) {
    const value = at === -1 ? last : usual * (1 + 0.05 * Math.sin(at * 1.7))
    takePoint(series, { metric, value }, NOW + at * BUCKET_MS, false)
  }
  await writeSeries(database.sql, projectId, [series], NOW)
}

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
})
afterAll(async () => {
  await server.close()
  await database.close()
})
afterEach(() => {
  server.records.length = 0
})

const call: ApiCall = (...given) => callApi(server, '/api/monitor', ...given)
const aval = (...words: string[]) =>
  commandLine(
    ['monitor', ...words],
    { url: server.url, key: server.keyOf('default', 'engineer').token },
    { directory: '.' },
  )

test('before there is traffic everything says what to do', async () => {
  expect(await call('GET', '')).toMatchObject({ status: 200, body: { data: [], has_more: false } })
  expect((await aval('status')).out).toContain('Nothing is watched yet')
  expect((await aval('history', 'answer', '--metric', 'latency_p95')).out).toContain(
    'answer has no latency_p95',
  )
  const calibrated = await aval('calibrate', 'answer', '--yes')
  expect(calibrated).toMatchObject({ exitCode: 0 })
  expect(calibrated.out).toContain('too little traffic')
})

describe('with traffic', () => {
  let alert: string | null

  beforeAll(async () => {
    const { sql } = database
    await aSeries('latency_p95', 40, 800, 800)
    await aSeries('error_rate', 300, 0.01, 0.01)
    await aSeries('cost_per_request', 600, 1000, 2500)
    await addTraffic(
      sql,
      Array.from({ length: 130 }, (_, at) => ({
        projectId,
        route: SUBJECT.name,
        atMs: NOW - (at + 1) * BUCKET_MS,
        requests: 24,
      })),
    )
    const window = { fromMs: 0, toMs: 1, requests: 1 }
    alert = await openAlert(sql, {
      projectId,
      subject: SUBJECT,
      metric: 'cost_per_request',
      change: 'jump',
      beganAtMs: NOW - BUCKET_MS,
      openedAtMs: NOW,
      value: 2500,
      usual: 1000,
      excess: 2,
    })
    await setExplanation(
      sql,
      { projectId, id: alert ?? '' },
      {
        beganAtMs: NOW - BUCKET_MS,
        baseline: { kind: 'just_before', why: 'much the same hours of the day' },
        measure: 'cost_per_request',
        base: 1000,
        unknowns: [],
        before: { ...window, level: 1000 },
        after: { ...window, level: 2500 },
        difference: 1500,
        unit: 'micro_usd',
        causes: [{ cause: 'output_tokens', amount: 1500 }],
        changes: [{ kind: 'release', atMs: NOW - BUCKET_MS, target: 'answer@r14', text: 'r14' }],
        segments: [],
      },
    )
  })

  test('status shows alerts with their cause, and counts what is ok and what is learning', async () => {
    const { body } = await call('GET', '?route=answer', undefined, { role: 'auditor' })
    const shown = await aval('status')
    const all = await aval('status', '--all')

    expect(body.data).toMatchObject([
      {
        metric: 'cost_per_request',
        state: 'alert',
        unit: 'micro_usd',
        value: 2500,
        points: 600,
        alert: {
          id: alert,
          explanation: {
            causes: [{ cause: 'output_tokens', amount: 1500 }],
            changes: [{ target: 'answer@r14' }],
          },
        },
      },
      { metric: 'error_rate', state: 'ok', alert: null },
      { metric: 'latency_p95', state: 'no_data', points: 40 },
    ])
    expect(body.data[0].difference_percent).toBeCloseTo(150, -1)
    expect(shown.out).toContain(`${alert}`)
    expect(shown.out).toMatch(/\+15\d % since .*output tokens \+150 %.*began with r14/)
    expect(shown.out).toContain('1 figure ok, 1 learning (40 of 100 points at most)')
    expect(all.out).toContain('learning, 40 of 100 points')
  })

  test('another project sees none of it', async () => {
    const other = { role: 'admin', project: 'other' } as const
    const history = await call('GET', '/history?route=answer&metric=cost_per_request', undefined, other)

    expect(await call('GET', '', undefined, other)).toMatchObject({ body: { data: [], has_more: false } })
    expect(history.body).toMatchObject({ data: [], episodes: [] })
    expect((await call('POST', '/calibrate', { route: 'answer' }, other)).body).toMatchObject({ data: [] })
  })

  test('status ends with 100 for an alert where that is asked for', async () => {
    expect(await aval('status')).toMatchObject({ exitCode: 0 })
    expect(await aval('status', '--fail-on-alert')).toMatchObject({ exitCode: 100 })
    expect(await aval('status', '--fail-on-alert', '--upstream', 'openai', '--json')).toMatchObject({
      exitCode: 0,
    })
  })

  test('history shows points and alerts, of five minutes over a short time', async () => {
    const { body } = await call('GET', '/history?route=answer&metric=latency_p50&since=8h')
    const costs = await call('GET', '/history?route=answer&metric=cost_per_request&since=8h')
    const shown = await aval('history', 'answer', '--metric', 'latency_p50', '--since', '8h')

    expect(body).toMatchObject({ unit: 'ms', bucket_ms: BUCKET_MS, episodes: [] })
    expect(body.data.at(-1)).toMatchObject({ at: new Date(NOW - BUCKET_MS).toISOString(), requests: 24 })
    expect(costs.body.episodes).toMatchObject([{ id: alert, ended_at: null }])
    expect(shown.out).toMatch(/[▁▂▃▄▅▆▇█]{20}/)
    expect(shown.out).toContain(' ms to ')
  })

  test('calibrate is on the log first, learns anew and ends the alert that is none any more', async () => {
    expect(await aval('calibrate', 'answer')).toMatchObject({ exitCode: 2 })
    expect(server.records).toEqual([])
    const { status, body } = await call('POST', '/calibrate', { route: 'answer', since: '1d' })

    expect(status).toBe(200)
    expect(Date.parse(body.since)).toBeGreaterThan(NOW - 86_400_000)
    expect(server.records).toMatchObject([{ kind: 'admin', action: 'monitor.calibrate', target: 'answer' }])
    const cost = body.data.find(({ metric }: { metric: string }) => metric === 'cost_per_request')
    expect(cost).toMatchObject({ points: 130, state_before: 'alert', state_now: 'ok', ended_alert: alert })
    expect(cost.usual_now).toBeCloseTo(140)
    expect(await listAlerts(database.sql, { projectId, open: true, limit: 1 })).toEqual([])
  })

  test('calibrate says from when on traffic was read, and takes no part of what is watched for all of it', async () => {
    const { sql } = database
    const { out } = await aval('calibrate', '--since', '28d', '--yes', '--json')
    const keptMs = Math.floor(systemClock.nowMs() / 86_400_000) * 86_400_000 - 8 * 86_400_000
    await sql`
      INSERT INTO monitor_series (project_id, subject_kind, subject, metric, detector, state, since, updated_at)
      SELECT ${projectId}, 'route', 'many-' || at, 'latency_p50', '{}', 'no_data', now(), now() FROM generate_series(1, 1000) AS at`
    const tooMany = await aval('calibrate', '--yes')
    await sql`DELETE FROM monitor_series WHERE subject LIKE 'many-%'`

    expect(JSON.parse(out).since).toBe(new Date(keptMs).toISOString())
    expect(tooMany.exitCode).toBe(2)
    expect(tooMany.err).toContain('There are more than 1,000 figures. Name a route')
  })

  test.each([
    ['/history?metric=latency_p50', 'Name a route or an upstream.'],
    ['/history?route=a&upstream=b&metric=latency_p50', 'not both'],
  ])('%s is refused with what to do', async (path, said) => {
    const { status, body } = await call('GET', path)

    expect(status).toBe(400)
    expect(body.error.message).toContain(said)
  })
})

test('comparisons are read with a record of it, and their windows are from 5m to 31d', async () => {
  const { status } = await call('GET', '/data?route=answer&purpose=why')
  expect(status).toBe(200)
  expect(server.records).toMatchObject([
    { kind: 'access', action: 'monitor.data', target: 'answer', purpose: 'why' },
  ])
  for (const length of ['0m', '3650d', '32d']) {
    const refused = await call('POST', '/data', { route: 'answer', recent: '1d', baseline: length })
    expect(refused).toMatchObject({
      status: 400,
      body: { error: { message: 'baseline: Write a length from 5m to 31d.' } },
    })
  }
})
