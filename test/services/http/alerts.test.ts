/** /api/alerts, /api/silences and the alerts commands against a real database behind a real /api. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { endAlert, openAlert, setExplanation } from '../../../src/monitoring/alerts/alert-rows.ts'
import { noteAllDue } from '../../../src/monitoring/alerts/note-due.ts'
import { barOf, hasOwnBar } from '../../../src/monitoring/bars/bar.ts'
import { writeStandings } from '../../../src/monitoring/bars/bar-rows.ts'
import { aKnownAlert, anAlert, aRule } from '../../support/alerts.ts'
import { type ApiCall, callApi } from '../../support/api-call.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'

const RULES = [
  aRule({ routes: ['barred'] }),
  aRule({
    name: 'too-many-errors',
    place: 'alerts/too-many-errors.yaml',
    routes: ['barred'],
    metrics: ['error_rate'],
    channels: [],
    bar: { metric: 'error_rate', side: 'above', limit: 0.05, overMs: 900_000, forMs: 600_000 },
  }),
  aRule({ name: 'of-others', place: 'alerts.rules.1', projects: ['other'] }),
]
let database: TestDatabase
let server: ApiServer

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database, { alertRules: RULES })
})
afterAll(async () => {
  await server.close()
  await database.close()
})
afterEach(() => {
  server.records.length = 0
})

const call: ApiCall = (...given) => callApi(server, '/api', ...given)
const aval = (...words: string[]) =>
  commandLine(
    ['alerts', ...words],
    { url: server.url, key: server.keyOf('default', 'engineer').token },
    { directory: '.' },
  )
let routes = 0
/** An alert of a route of its own. */
async function opened(more: Partial<ReturnType<typeof anAlert>> = {}) {
  routes += 1
  const route = `route-${routes}`
  const alert = anAlert({ subject: { kind: 'route', name: route }, openedAtMs: Date.now(), ...more })
  return { route, alert, id: (await openAlert(database.sql, alert))! }
}

describe('rules of alerts', () => {
  test('are shown with where each is written, its open alerts and how routes stand at its bar', async () => {
    const projectId = 'prj_default'
    const subject = { kind: 'route', name: 'barred' } as const
    const [bar] = RULES.filter(hasOwnBar).map(barOf)
    const nowMs = Date.UTC(2026, 2, 2, 12)
    const times = { sinceMs: nowMs, turningMs: nowMs - 300_000, newestMs: nowMs, heardMs: nowMs }
    await writeStandings(database.sql, projectId, [
      { subject, bar: bar!, state: 'alert', value: 0.04, ...times },
    ])
    const { id } = await opened({
      subject,
      metric: 'error_rate',
      change: 'bar',
      usual: null,
      value: 0.07,
      bar: bar!,
    })
    await opened({ subject, metric: 'error_rate' })

    const { body } = await call('GET', '/alerts/rules', undefined, { role: 'auditor' })
    const text = await aval('rules')
    const shown = await aval('show', id)

    expect(body.data).toMatchObject([
      { name: null, place: 'alerts.rules.0', bar: null, open: 2, channels: ['on-call'], standings: [] },
      {
        name: 'too-many-errors',
        place: 'alerts/too-many-errors.yaml',
        bar: { side: 'above', limit: 0.05, unit: 'share', over_seconds: 900, for_seconds: 600 },
        open: 1,
        standings: [{ subject, state: 'alert', value: 0.04, turning_since: '2026-03-02T11:55:00.000Z' }],
      },
    ])
    expect(text.out).toMatch(
      /too-many-errors +alerts\/too-many-errors\.yaml +barred +error_rate +above 5 % over 15 min +10 min +- +1\n/,
    )
    expect(text.out).toMatch(
      /too-many-errors +barred +4 % +alert since 2026-03-02 12:00:00 +since 2026-03-02 11:55:00/,
    )
    expect(text.out).not.toContain('of-others')
    expect(shown.out).toContain(
      '7 %, and rule too-many-errors has its bar above 5 % (over 15 min, for 10 min)',
    )
  })
})

describe('an alert over /api', () => {
  test('is listed by filter and shown with why and who was told, in its own project alone', async () => {
    const { id, route, alert } = await opened()
    await setExplanation(database.sql, { ...alert, id }, aKnownAlert().explanation!)
    await noteAllDue(database.sql, [aRule({ routes: [route] })], Date.now())

    const listed = await call('GET', `/alerts?open=true&route=${route}&since=1h`)
    const none = await call('GET', `/alerts?open=false&route=${route}`)
    const shown = await call('GET', `/alerts/${id}`, undefined, { role: 'auditor' })
    const foreign = await call('GET', `/alerts/${id}`, undefined, { project: 'other' })
    const both = await call('GET', '/alerts?route=a&upstream=b')

    expect(listed.body.data).toMatchObject([{ id, acknowledged: null, silenced_by: null, ended_at: null }])
    expect(none.body.data).toEqual([])
    expect(shown.body).toMatchObject({
      id,
      subject: { kind: 'route', name: route },
      explanation: { unit: 'micro_usd', changes: [{ target: 'support-answer@r14' }] },
      deliveries: [{ event: 'opened', channel: 'on-call', state: 'waiting', tries: 0 }],
    })
    expect(foreign.status).toBe(404)
    expect([both.status, both.body.error.message]).toEqual([
      400,
      'upstream: Name a route or an upstream, not both.',
    ])
  })

  test('is acknowledged by name and with a note, on the log before', async () => {
    const { id } = await opened()

    const acked = await call('POST', `/alerts/${id}/ack`, { note: 'rolling back' }, { role: 'approver' })
    const noted = await call('POST', `/alerts/${id}/ack`, {})
    const foreign = await call('POST', `/alerts/${id}/ack`, { note: 'x' }, { project: 'other' })
    const auditor = await call('POST', `/alerts/${id}/ack`, { note: 'x' }, { role: 'auditor' })

    expect(acked.body.acknowledged).toMatchObject({ by_name: 'default approver', note: 'rolling back' })
    expect([noted.status, foreign.status, auditor.status]).toEqual([400, 404, 403])
    expect(server.records).toMatchObject([
      { kind: 'admin', action: 'alert.ack', target: id, purpose: 'rolling back' },
    ])
  })

  test('is silenced and says so in its row, until the silence is ended, each on the log before', async () => {
    const { id, alert } = await opened()
    const rowOf = async (): Promise<{ silenced_by: string | null }> =>
      (await call('GET', `/alerts/${id}`)).body

    const made = await call('POST', '/silences', { alert: id, for: '4h', reason: 'a load test' })
    const quiet = await rowOf()
    const ended = await call('POST', `/silences/${made.body.id}/end`)
    const again = await call('POST', `/silences/${made.body.id}/end`)
    const loud = await rowOf()

    expect(made).toMatchObject({
      status: 201,
      body: { subject: alert.subject, metric: alert.metric, reason: 'a load test', ended: null },
    })
    expect([quiet.silenced_by, loud.silenced_by]).toEqual([made.body.id, null])
    expect(ended.body.ended).toMatchObject({ by_name: expect.any(String) })
    expect([again.status, again.body.error.message]).toEqual([409, expect.stringMatching(/is over/)])
    expect(server.records.map(({ action, target }) => [action, target])).toEqual([
      ['silence.create', made.body.id],
      ['silence.end', made.body.id],
      ['silence.end', made.body.id],
    ])
  })

  test('that a silence kept quiet says so after its end', async () => {
    const { id, route, alert } = await opened()
    const { body: silence } = await call('POST', '/silences', { route, for: '1h', reason: 'a test' })

    await noteAllDue(database.sql, [aRule({ routes: [route] })], Date.now() + 121_000)
    await endAlert(database.sql, alert, Date.now())

    const { body } = await call('GET', `/alerts/${id}`)
    expect(body).toMatchObject({
      silenced_by: silence.id,
      deliveries: [{ event: 'opened', state: 'silenced', silence: silence.id }],
    })
  })

  test.each([
    [{ for: '1h', reason: 'all of it' }, 'alert: Name an alert, or a route, an upstream or a metric.'],
    [{ alert: 'alr_x', metric: 'm', for: '1h', reason: 'both' }, /Name an alert, or/],
    [{ metric: 'm', for: '31d', reason: 'long' }, 'for: A silence lasts from 1m to 30d.'],
    [{ metric: 'm', for: 'ever', reason: 'long' }, /"ever" is not a duration/],
    [{ metric: 'm', for: '1h' }, /reason/],
  ])('is not silenced by %j', async (body, message) => {
    const { status, body: answer } = await call('POST', '/silences', body)

    expect(status).toBe(400)
    expect(answer.error.message).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    )
    expect(server.records).toEqual([])
  })
})

describe('aval alerts', () => {
  test('lists, shows, acknowledges', async () => {
    const { id, route, alert } = await opened({ metric: 'error_rate', value: 0.042, usual: null })
    await setExplanation(database.sql, { ...alert, id }, aKnownAlert().explanation!)

    const listed = await aval('list', '--open', '--route', route)
    const empty = await aval('list', '--open', '--route', 'none-such')
    const acked = await aval('ack', id, '--note', 'rolling back')
    const shown = await aval('show', id)
    const wrong = await aval('show', 'alr_1')

    expect(listed.out).toMatch(new RegExp(`${id}\\s+${route}\\s+error_rate\\s+4.2 %\\s+-`))
    expect(empty.out).toBe('Nothing is out of the usual.\n')
    expect(acked.out).toBe(
      `${id} acknowledged. No reminders of it any more; a freeze by it has ended, and policies move nothing for it.\n`,
    )
    expect(shown.out).toMatch(
      /because of +price −3 %, output tokens \+19 % +began with r14 \(2026-03-02 13:38:00\)/,
    )
    expect(shown.out).toMatch(/acknowledged .* by default engineer: rolling back/)
    expect(shown.out).toMatch(/near it .* release support-answer@r14/)
    expect([wrong.exitCode, wrong.err]).toEqual([2, expect.stringMatching(/no alert. aval alerts list/)])
  })

  test('silences, lists silences and ends them', async () => {
    const made = await aval(
      'silence',
      '--route',
      'quiet',
      '--metric',
      'ttft_p95',
      '--for',
      '4h',
      '--reason',
      'a move',
      '--json',
    )
    const { id } = JSON.parse(made.out) as { id: string }
    const active = await aval('silences', '--active')
    const ended = await aval('unsilence', id)
    const none = await aval('unsilence', 'sil_1')

    expect(active.out).toMatch(new RegExp(`${id}\\s+quiet ttft_p95`))
    expect(ended.out).toMatch(/is over/)
    expect(none.exitCode).toBe(2)
  })

  test('tests a channel, and fails where it is not taken', async () => {
    const sent = await aval('test', 'on-call')
    const refused = await aval('test', 'gone')
    const unknown = await aval('test', 'on-cal')

    expect([sent.exitCode, sent.out]).toEqual([0, 'on-call took the message.\n'])
    expect([refused.exitCode, refused.err]).toEqual([
      1,
      expect.stringMatching(/gone did not take the message: .* 410/),
    ])
    expect([unknown.exitCode, unknown.err]).toEqual([2, expect.stringMatching(/Did you mean "on-call"/)])
    expect(server.records.map(({ action }) => action)).toEqual(['alerts.test', 'alerts.test', 'alerts.test'])
  })
})
