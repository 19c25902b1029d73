/** /api/online-scores and the online commands against a real database and a real log behind a real /api. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { OPEN } from '../../../src/promotion/policy.ts'
import { newPromotion } from '../../../src/promotion/requests/new-promotion.ts'
import { insertPromotion, keepOrder, updatePromotion } from '../../../src/promotion/requests/store.ts'
import { findRelease } from '../../../src/registry/releases/store.ts'
import { type ApiCall, callApi } from '../../support/api-call.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { aModel, lookAt, ROUTE, someReleases, someTraffic } from '../../support/online.ts'
import { AUTHOR } from '../../support/registry.ts'

const ORDER = {
  route: ROUTE,
  releases: ['r1', 'r2'],
  scorers: [{ name: 'brief', kind: 'word-count', max: 3 }],
  sample: 1,
  since: '1h',
}

let database: TestDatabase
let server: ApiServer

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
  await aModel(database)
  const releases = await someReleases(database)
  const traffic = someTraffic(database)
  for (const answer of ['Yes.', 'Yes, within thirty days.', 'No.'])
    await traffic.say(releases[1] ?? '', answer)
  await traffic.say(releases[1] ?? '', '', { close: { outcome: 'timeout', status: 504 } })
  await traffic.flush()
  await traffic.close()
})
afterAll(async () => {
  await server.close()
  await database.close()
})
afterEach(() => {
  server.records.length = 0
  server.rung.length = 0
})

const call: ApiCall = (...given) => callApi(server, '/api/online-scores', ...given)
const aval = (...words: string[]) =>
  commandLine(
    ['online', ...words],
    { url: server.url, key: server.keyOf('default', 'engineer').token },
    { directory: '.' },
  )

describe('an order over /api', () => {
  test('is on the log before it is there, rings, and shows what was judged with what was not', async () => {
    const made = await call('POST', '', { ...ORDER, purpose: 'canary of r2' })
    const { id } = made.body
    await lookAt(database, id)

    const shown = await call('GET', `/${id}`, undefined, { role: 'auditor' })
    const values = await call('GET', `/${id}/values?release=r2&scorer=brief&limit=2`)

    expect(made).toMatchObject({
      status: 201,
      body: { state: 'queued', releases: ['r1', 'r2'], scorers: ['brief'], limit: 1000, spent_usd: '0' },
    })
    expect(server.rung).toEqual([`score-traffic ${id}`])
    expect(server.records).toMatchObject([
      { kind: 'admin', action: 'online.create', target: ROUTE, purpose: 'canary of r2' },
      { kind: 'access', action: 'online.read', target: id, detail: { release: 'r2', scorer: 'brief' } },
    ])
    expect(shown.body.scores).toEqual([
      expect.objectContaining({ release: 'r1', scored: 0, coverage: null, mean: null }),
      {
        release: 'r2',
        scorer: 'brief',
        kind: 'word-count',
        scored: 3,
        abstained: 0,
        errors: 0,
        skipped: 1,
        skips: { no_answer: 1 },
        coverage: 0.75,
        mean: 2 / 3,
      },
    ])
    expect(values.body.data.map(({ value }: { value: number }) => value)).toEqual([0, 1])
  })

  test('is stopped once, listed for its own project alone, and told what there is where something is not', async () => {
    const { id } = (await call('POST', '', ORDER)).body

    const stopped = await call('POST', `/${id}/stop`)
    const again = await call('POST', `/${id}/stop`)
    const listed = await call('GET', `?route=${ROUTE}&limit=1`)
    const others = await call('GET', '', undefined, { project: 'other' })
    const foreign = await call('GET', `/${id}`, undefined, { project: 'other' })
    const scorer = await call('GET', `/${id}/values?release=r2&scorer=brev`)
    const release = await call('GET', `/${id}/values?release=r9&scorer=brief`)

    expect(stopped).toMatchObject({ status: 200, body: { state: 'stopped' } })
    expect(again).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringMatching(/is stopped/) } },
    })
    expect(listed.body.data).toMatchObject([{ id }])
    expect([others.body.data, foreign.status]).toEqual([[], 404])
    expect(scorer.body.error.message).toMatch(/no scorer "brev". It has brief/)
    expect(release.body.error.message).toMatch(/of r1, r2, and not of r9/)
  })

  test('is not stopped while a canary is judged by it: the canary is to end first', async () => {
    const { db } = database
    const { id } = (await call('POST', '', ORDER)).body
    const to = await findRelease(db, AUTHOR.projectId, ROUTE, 2)
    if (to === null) throw new Error('There is no release.')
    const wish = {
      requester: AUTHOR,
      kind: 'promotion',
      route: ROUTE,
      label: 'staging',
      to,
      seen: null,
      fromReleaseId: null,
    } as const
    const promotion = newPromotion({ ...wish, policy: OPEN, reason: 'a test' }, new Date())
    await insertPromotion(db, promotion)
    await keepOrder(db, promotion.id, id)

    const refused = await call('POST', `/${id}/stop`)
    const recorded = server.records.map(({ action }) => action)
    await updatePromotion(db, promotion, { state: 'withdrawn', note: 'Over.' }, new Date())
    const stopped = await call('POST', `/${id}/stop`)

    expect(refused).toMatchObject({
      status: 409,
      body: {
        error: {
          code: 'conflict',
          message: expect.stringContaining(`end it with the canary: aval rollback ${ROUTE} --label staging`),
        },
      },
    })
    expect(recorded).toEqual(['online.create'])
    expect(stopped).toMatchObject({ status: 200, body: { state: 'stopped' } })
  })

  test.each<[string, object, number, RegExp]>([
    [
      'a scorer that compares',
      { scorers: ['equals'] },
      400,
      /scorers\.0 \(equals\): .*expects nothing. Give it "value"/,
    ],
    ['a scorer of items', { scorers: ['mrr'] }, 400, /relevant documents/],
    ['a kind that is none', { scorers: ['gruonded'] }, 400, /Did you mean "grounded"/],
    ['a wrong setting', { scorers: [{ kind: 'word-count', mx: 3 }] }, 400, /scorers\.0 \(word-count\)/],
    ['a bar', { scorers: [{ kind: 'refusal', at_most: 0.1 }] }, 400, /decide nothing by themselves/],
    ['a name twice', { scorers: ['refusal', 'refusal'] }, 400, /stands twice/],
    [
      'a judge without a budget',
      { scorers: [{ kind: 'closed-qa', criterion: 'Polite.', model: 'up/judge' }] },
      400,
      /Say how much it may cost/,
    ],
    ['a release that is not there', { releases: ['r9'] }, 404, /no support-answer@r9. aval release list/],
    ['no sample', { sample: 0 }, 400, /sample/],
    ['a time without end', { for: '1000d' }, 400, /spans at most 92 days/],
    ['a time without beginning', { since: '0s', for: '0s' }, 400, /nothing lies between/],
  ])('is refused with %s, and nothing is put on the log', async (_what, more, status, message) => {
    const refused = await call('POST', '', { ...ORDER, ...more })

    expect(refused.status).toBe(status)
    expect(refused.body.error.message).toMatch(message)
    expect(server.records).toEqual([])
  })

  test('is for admins and engineers to make, and for readers to see', async () => {
    const statuses = await Promise.all(
      (['approver', 'auditor', 'app'] as const).map(async (role) => [
        (await call('POST', '', ORDER, { role })).status,
        (await call('GET', '', undefined, { role })).status,
      ]),
    )

    expect(statuses).toEqual([
      [403, 200],
      [403, 200],
      [403, 403],
    ])
  })
})

describe('aval online', () => {
  test('starts, shows, lists and stops an order', async () => {
    const started = await aval(
      ...['start', ROUTE, '--release', 'r1', '--release', 'r2', '--sample', '20%', '--budget', '1'],
      ...['--scorer', 'refusal', '--scorer', '{"name":"brief","kind":"word-count","max":3}'],
      ...['--for', '24h', '--since', '1h'],
    )
    const [, id = ''] = /(onl_\w+)/.exec(started.out) ?? []
    const shown = await aval('show', id)
    const listed = await aval('list', '--route', ROUTE)
    const values = await aval('values', id, '--release', 'r2', '--scorer', 'brief', '--json')
    const stopped = await aval('stop', id)

    expect(started.out).toMatch(/^onl_\w+ {2}20 % of support-answer r1, r2 until 20/)
    expect(shown.out).toMatch(/spent {6}\$0 of \$1\n/)
    expect(shown.out).toMatch(/r2 +brief +0\.\d+ +3 +0 +0 +1 \(1 no answer\) +75 %/)
    expect(listed.out).toMatch(new RegExp(`${id} +${ROUTE} +r1, r2 +refusal, brief +20 % +queued`))
    expect(JSON.parse(values.out)).toHaveLength(3)
    expect(stopped.out).toBe(`${id} stopped. What it has: aval online show ${id}\n`)
    expect([started, shown, listed, values, stopped].map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0])
  })

  test('says what is wrong with its words', async () => {
    const share = await aval('start', ROUTE, '--release', 'r1', '--scorer', 'refusal', '--sample', '200%')
    const json = await aval('start', ROUTE, '--release', 'r1', '--scorer', '{"kind"', '--sample', '1')
    const nothing = await aval('list', '--route', 'another')
    const wrong = await aval('show', 'run_1')

    expect(share.err).toMatch(/above 0 and up to 100%/)
    expect(json.err).toMatch(/one JSON object with a kind/)
    expect(nothing.out).toMatch(/^No orders\. Make one: aval online start/)
    expect(wrong.err).toMatch(/"run_1" is no order. aval online list shows them/)
    expect([share, json, nothing, wrong].map(({ exitCode }) => exitCode)).toEqual([2, 2, 0, 2])
  })
})
