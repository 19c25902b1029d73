/** /api/monitor/explain and `aval monitor explain` against a real database and a real log. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openAlert } from '../../../src/monitoring/alerts/alert-rows.ts'
import { anAlert } from '../../support/alerts.ts'
import { type ApiCall, callApi } from '../../support/api-call.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { row } from '../../support/place-rows.ts'
import { insertMinute } from '../../support/rollup-rows.ts'

const HOUR_MS = 3_600_000
const ROUTE = 'support-answer'
/** A whole minute, so that windows begin where the rows do. */
const NOW = Math.floor(Date.now() / 60_000) * 60_000

let database: TestDatabase
let server: ApiServer

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
  const place = { route: ROUTE, model: 'gpt-4o-mini', price: 'price_gone' }
  const usual = { requests: 100, input: 1000, output: 200, cost: 270 }
  await insertMinute(database.sql, 'prj_default', NOW - 3 * HOUR_MS, row(place, usual))
  await insertMinute(
    database.sql,
    'prj_default',
    NOW - HOUR_MS,
    row(place, { ...usual, output: 300, cost: 330 }),
  )
})
afterAll(async () => {
  await server.close()
  await database.close()
})
afterEach(() => {
  server.records.length = 0
})

const call: ApiCall = (...given) => callApi(server, '/api/monitor/explain', ...given)
const aval = (...words: string[]) =>
  commandLine(
    ['monitor', 'explain', ...words],
    { url: server.url, key: server.keyOf('default', 'engineer').token },
    { directory: '.' },
  )

describe('over /api', () => {
  test('a moment of a route is explained, and the read is on the log', async () => {
    const { status, body } = await call('GET', `?route=${ROUTE}&at=2h&after=2h&purpose=why`)

    expect(status).toBe(200)
    expect(body).toMatchObject({
      alert: null,
      subject: { kind: 'route', name: ROUTE },
      metric: 'cost_per_request',
      explanation: {
        measure: 'cost_per_request',
        unit: 'micro_usd',
        base: 270,
        difference: 60,
        causes: [{ cause: 'tokens', amount: 60 }],
        before: { requests: 100, level: 270 },
        after: { requests: 100, level: 330 },
        unknowns: [
          { reason: 'price_figures', requests: 200, text: expect.stringContaining('not told apart') },
        ],
      },
    })
    expect(server.records).toMatchObject([
      { kind: 'access', action: 'monitor.explain', target: ROUTE, purpose: 'why' },
    ])
  })

  test('an alert is explained from where it began, and one of another project is not found', async () => {
    const alert = anAlert({ beganAtMs: NOW - 2 * HOUR_MS, openedAtMs: NOW - HOUR_MS + 60_000 })
    const [own, other] = [
      await openAlert(database.sql, alert),
      await openAlert(database.sql, { ...alert, projectId: 'prj_other' }),
    ]

    const found = await call('GET', `?alert=${own}`)
    const hidden = await call('GET', `?alert=${other}`)

    expect(found.body).toMatchObject({
      alert: own,
      metric: 'cost_per_request',
      explanation: { difference: 60 },
    })
    expect(hidden).toMatchObject({ status: 404, body: { error: { param: 'alert' } } })
  })

  test.each([
    ['', 'Give one of alert, route and upstream.'],
    ['?route=a&upstream=b', 'Give one of alert, route and upstream.'],
    ['?route=a&metric=latency_p96', 'Did you mean "latency_p95"?'],
    ['?route=a&at=1m', 'not five minutes ago'],
    ['?route=a&before=40d', 'from 5m to 31d'],
    ['?route=a&metric=spend&at=2d&before=2h', 'one length'],
  ])('%s is refused with what to write instead', async (query, message) => {
    const { status, body } = await call('GET', query)
    expect(status).toBe(400)
    expect((body as { error: { message: string } }).error.message).toContain(message)
  })
})

describe('on the command line', () => {
  test('the sentence comes first, then what it was compared with, then the figures', async () => {
    const { out, exitCode } = await aval(ROUTE, '--at', '2h', '--after', '2h')

    expect(exitCode).toBe(0)
    const [headline, compared, unknown] = out.split('\n')
    expect(headline).toMatch(
      /^support-answer {2}cost per request \+22 %: tokens \+22 %, price 0; began \d\d:\d\d$/,
    )
    expect(compared).toBe('Compared with the same length right before: much the same hours of the day.')
    expect(unknown).toContain('200 requests were priced by figures that this version does not have')
    expect(out).toMatch(/tokens +\+22 % +\+\$0\.00006/)
    expect(out).toMatch(/together +\+22 % +\+\$0\.00006/)
  })

  test('nothing to compare ends with 103 and the remedy, and --json has the whole answer', async () => {
    const nobody = await aval('nobody')
    const json = await aval(ROUTE, '--at', '2h', '--after', '2h', '--json')

    expect(nobody.exitCode).toBe(103)
    expect(nobody.out).toContain('Give another moment or a longer window.')
    expect(JSON.parse(json.out)).toMatchObject({ explanation: { difference: 60 } })
  })
})
