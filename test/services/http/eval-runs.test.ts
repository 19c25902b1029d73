/** /api/eval-runs and the eval commands against a real database behind a real /api. Nobody works at these runs but the test. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { moveRun } from '../../../src/evals/runs/run-rows.ts'
import { type ApiCall, callApi } from '../../support/api-call.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { aDataset, echo, execute, numbered, scriptedAsk } from '../../support/eval-runs.ts'

const SUITE = { dataset: 'questions', subject: 'local/reader', scorers: [{ kind: 'equals', at_least: 0.5 }] }

let database: TestDatabase
let server: ApiServer

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
  await aDataset(database, 'questions', numbered(5))
})
afterAll(async () => {
  await server.close()
  await database.close()
})
afterEach(() => {
  server.records.length = 0
  server.rung.length = 0
})

const call: ApiCall = (...given) => callApi(server, '/api/eval-runs', ...given)
const begin = async (more: object = {}, suite: object = SUITE) => {
  const made = await call('POST', '', { name: 'first', suite, ...more })
  expect(made.status).toBeLessThan(300)
  return made.body.run as { id: string }
}
const finish = async (id: string, answer: (question: string) => string = echo) => {
  await execute(database, id, scriptedAsk(answer).ask)
}
const aval = (...words: string[]) =>
  commandLine(
    ['eval', ...words],
    { url: server.url, key: server.keyOf('default', 'engineer').token },
    { directory: '.' },
  )

describe('a run over /api', () => {
  test('is planned without being begun, begun with a bell and a record, and found again by its key', async () => {
    const plan = await call('POST', '/plan', { name: 'first', suite: { ...SUITE, repeats: 3 } })
    const listed = await call('GET', '')
    const made = await call('POST', '', { name: 'first', suite: SUITE, idempotency_key: 'once', tags: ['a'] })
    const again = await call('POST', '', { name: 'first', suite: SUITE, idempotency_key: 'once' })

    expect(plan).toMatchObject({
      status: 200,
      body: {
        subject: 'local/reader',
        dataset: 'questions@1',
        items: 5,
        repeats: 3,
        calls: 15,
        cost_usd: '0',
      },
    })
    expect(listed.body.data).toEqual([])
    expect(made).toMatchObject({
      status: 201,
      body: { run: { state: 'queued', tags: ['a'] }, baseline: null },
    })
    expect(again).toMatchObject({ status: 200, body: { run: { id: made.body.run.id } } })
    expect(server.rung).toEqual([`run-suite ${made.body.run.id}`])
    expect(server.records[0]).toMatchObject({ action: 'eval_run.create', target: 'first' })
  })

  test('says how far it is, then what its figures are worth, in every form', async () => {
    const { id } = await begin()
    const early = await call('GET', `/${id}/report`)
    await finish(id, (question) => (question.includes('4') ? 'no' : echo(question)))

    const shown = await call('GET', `/${id}`)
    const report = await call('GET', `/${id}/report`)
    const forms = await Promise.all(
      ['terminal', 'markdown', 'junit', 'html'].map((format) =>
        call('GET', `/${id}/report?format=${format}`),
      ),
    )

    expect(early).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringMatching(/is queued/) } },
    })
    expect(shown.body).toMatchObject({
      state: 'done',
      progress: { total: 5, answered: 5, judged: 5, failed: 0 },
    })
    expect(report.body).toMatchObject({ verdict: 'inconclusive', exit_code: 101, suite: 'first' })
    expect(forms.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(forms.every(({ body }) => body.includes('inconclusive'))).toBe(true)
    expect(server.records.filter(({ action }) => action === 'eval_run.read').length).toBe(5)
  })

  test('gives its answers page by page, and the read is on the log before they are', async () => {
    const { id } = await begin()
    await finish(id)
    server.records.length = 0

    const first = await call('GET', `/${id}/results?limit=3`)
    const second = await call('GET', `/${id}/results?limit=3&cursor=${first.body.next_cursor}`)

    const items = [...first.body.data, ...second.body.data].map(({ item }: { item: string }) => item)
    expect(items).toEqual(['q0', 'q1', 'q2', 'q3', 'q4'])
    expect(second.body.next_cursor).toBeNull()
    expect(first.body.data[0]).toMatchObject({ output: '0', scores: [{ scorer: 'equals', value: 1 }] })
    expect(server.records.map(({ action }) => action)).toEqual(['eval_run.read', 'eval_run.read'])
  })

  test('is cancelled, goes on, and is told when there is nothing to cancel or to go on with', async () => {
    const { id } = await begin()
    const cancelled = await call('POST', `/${id}/cancel`)
    const twice = await call('POST', `/${id}/cancel`)
    const resumed = await call('POST', `/${id}/resume`, { budget_usd: '2.50' })
    await finish(id)
    const done = await call('POST', `/${id}/resume`, {})
    const retried = await call('POST', `/${id}/resume`, { retry_errors: true })

    expect(cancelled.body).toMatchObject({ state: 'cancelled' })
    expect(twice).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringMatching(/nothing to cancel/) } },
    })
    expect(resumed.body).toMatchObject({ state: 'queued', budget_usd: '2.5' })
    expect(done).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringMatching(/retry_errors/) } },
    })
    expect(retried.body).toMatchObject({ state: 'queued' })
  })

  test('says what earlier runs have answered before it begins, on each answer, and how far it is', async () => {
    const suite = { ...SUITE, subject: 'local/fixed', cache: { max_age: '2d' } }
    const script = scriptedAsk((question) => ({ output: echo(question), cost: 100n, free: false }))
    const work = async (id: string) =>
      await execute(database, id, script.ask, { answererOf: (_project, model) => model })
    const before = await call('POST', '/plan', { name: 'first', suite })
    const { id: first } = await begin({}, suite)
    await work(first)
    const plan = await call('POST', '/plan', { name: 'first', suite: { ...suite, repeats: 2 } })
    const local = await call('POST', '/plan', { name: 'first', suite: { ...suite, subject: 'local/reader' } })
    const { id } = await begin({}, suite)
    await work(id)

    const shown = await call('GET', `/${id}`)
    const results = await call('GET', `/${id}/results?limit=1`)
    const text = await aval('show', id)
    const listed = await aval('results', id, '--limit', '1')

    expect(before.body).toMatchObject({ calls: 5, taken_over: { answers: 0, of: 5, max_age_s: 172_800 } })
    expect(plan.body).toMatchObject({ calls: 5, taken_over: { answers: 5, of: 10 } })
    expect(local.body).toMatchObject({ calls: 5, taken_over: { answers: null, of: null } })
    const oldest = expect.stringMatching(/^\d{4}-.*Z$/)
    expect(shown.body).toMatchObject({
      cache_max_age_s: 172_800,
      progress: {
        cost_usd: '0',
        taken_over: { answers: 5, judgements: 0, saved_usd: '0.0005', oldest_at: oldest },
      },
    })
    const [result] = results.body.data
    expect(result).toMatchObject({
      request_id: null,
      cost_usd: '0',
      saved_usd: '0.0001',
      cached_from: expect.stringMatching(/^req_/),
      cached_at: oldest,
    })
    expect(text.out).toMatch(
      /^taken over +5 answers and 0 judgements of earlier runs, the oldest of .*; \$0\.0005 saved$/m,
    )
    expect(listed.out).toContain(`${result.cached_from} (taken over)`)
  })

  test('in batches is refused for a subject that has none, and says for what it waits', async () => {
    const refused = await call('POST', '/plan', { name: 'first', suite: { ...SUITE, batch: true } })
    const notBegun = await call('POST', '', { name: 'first', suite: { ...SUITE, batch: true } })
    const { id } = await begin({}, { ...SUITE, subject: 'local/batched', batch: true })
    const { sql } = database
    await sql`UPDATE eval_runs SET wakes_at = '2100-01-02T00:00:00Z' WHERE id = ${id}`
    await sql`
      INSERT INTO eval_batches (id, run_id, part, upstream, model, state, requests, batch_id, status, completed, failed, created_at, updated_at)
      VALUES (${`bat_${id}`}, ${id}, 1, 'up', 'm', 'submitted', 5, 'batch_7', 'in_progress', 3, 1, now(), now())`

    const shown = await call('GET', `/${id}`)
    const screen = await aval('show', id)
    const history = await aval('history')
    const cancelled = await call('POST', `/${id}/cancel`)

    for (const answer of [refused, notBegun]) {
      expect(answer).toMatchObject({
        status: 400,
        body: { error: { param: 'batch', code: 'unsupported_operation' } },
      })
    }
    expect(shown.body).toMatchObject({
      state: 'queued',
      batch: true,
      waits_until: '2100-01-02T00:00:00.000Z',
      last_batch: {
        part: 1,
        state: 'submitted',
        batch_id: 'batch_7',
        requests: 5,
        completed: 3,
        failed: 1,
        note: null,
      },
    })
    expect(screen.out).toMatch(new RegExp(`${id} +waiting for batch`))
    expect(screen.out).toMatch(/part 1, in_progress, 3 of 5 answered, 1 failed/)
    expect(history.out).toMatch(new RegExp(`${id} .*waiting for batch`))
    expect(cancelled.body).toMatchObject({ state: 'cancelled', waits_until: null })
    expect(server.rung.length).toBe(2)
  })

  test('carries tags and a note, and is listed by them', async () => {
    const { id } = await begin()
    await call('PATCH', `/${id}`, { tags: ['nightly'], note: 'the new chunker' })

    const { body } = await call('GET', '?tag=nightly')

    expect(body.data).toMatchObject([{ id, tags: ['nightly'], note: 'the new chunker' }])
  })

  test('is not there for another project, and not to be begun by one who only reads', async () => {
    const { id } = await begin()

    const other = await call('GET', `/${id}`, undefined, { project: 'other' })
    const reader = await call('POST', '', { name: 'first', suite: SUITE }, { role: 'auditor' })
    const seen = await call('GET', `/${id}`, undefined, { role: 'auditor' })

    expect(other.status).toBe(404)
    expect(reader.status).toBe(403)
    expect(seen.status).toBe(200)
  })

  test.each([
    ['a misspelt member', { ...SUITE, repeat: 2 }, /repeat/],
    ['a dataset that is not there', { ...SUITE, dataset: 'none' }, /no dataset "none"/],
    ['no scorers', { ...SUITE, scorers: [] }, /scorers/],
    [
      'a scorer that is none',
      { ...SUITE, scorers: ['equal'] },
      /scorers\.0 \(equal\): .*Did you mean "equals"/,
    ],
    ['a route without releases', { ...SUITE, subject: 'support@r4' }, /aval release list support/],
  ])('with %s is refused with the place and the remedy', async (_what, suite, message) => {
    const refused = await call('POST', '/plan', { name: 'first', suite })

    expect(refused.status).toBeGreaterThanOrEqual(400)
    expect(refused.status).toBeLessThan(500)
    expect(refused.body.error.message).toMatch(message)
  })
})

describe('the eval commands', () => {
  test('compare several runs with the first, in one table, with p for as many as are shown', async () => {
    const runs: string[] = []
    for (const wrong of [0, 5, 1]) {
      const { id } = await begin()
      await finish(id, (question) => (Number(echo(question)) < wrong ? 'wrong' : echo(question)))
      runs.push(id)
    }
    const [first = '', second = '', third = ''] = runs
    const table = await aval('compare', first, second, third)
    const json = await aval('compare', first, second, third, '--json')
    const twice = await aval('compare', first, second, second)
    const out = await aval('compare', first, second, third, '--out', 'diff.html')

    expect([table.exitCode, json.exitCode]).toEqual([100, 100])
    expect(table.out).toMatch(new RegExp(`^equals +1 ${first} +local/reader +1\\.000 `, 'm'))
    expect(table.out).toMatch(
      new RegExp(`^equals +2 ${second} +local/reader +0\\.000 .* -1\\.000 .* 5 +5 +0$`, 'm'),
    )
    expect(table.out).toMatch(new RegExp(`^equals +3 ${third} .* 5 +1 +0$`, 'm'))
    expect(table.out).toMatch(/^ITEM +SCORER +RUN 1 +RUN 2 +RUN 3\n\S+ +equals +1 +0 +0\n/m)
    const { reports, differences } = JSON.parse(json.out)
    expect(reports).toHaveLength(2)
    const [one, other] = differences
    expect(one.adjusted_p).toBeCloseTo(Math.min(1, 2 * Math.min(one.p, other.p)), 10)
    expect(twice).toMatchObject({ exitCode: 2, err: expect.stringContaining('named twice') })
    expect(out).toMatchObject({ exitCode: 2, err: expect.stringContaining('--out') })
  })

  test('list, show, compare and annotate runs; ids are pasted from one into the next', async () => {
    const { id: first } = await begin()
    await finish(first)
    const { id: second } = await begin({ against: first })
    await finish(second, () => 'wrong')

    const history = await aval('history', '--suite', 'first')
    const shown = await aval('show', second)
    const compared = await aval('compare', first, second)
    const results = await aval('results', second, '--limit', '2')
    const noted = await aval('note', second, 'worse', '--tag', 'bad')
    const wrong = await aval('show', 'run_1')

    expect(history.out).toContain(second)
    expect([shown.exitCode, compared.exitCode]).toEqual([100, 100])
    expect(compared.out).toMatch(/5 items in both/)
    expect(compared.out).toMatch(/newly failing/)
    expect(results.out).toMatch(/More: aval eval results .* --cursor 1\.0/)
    expect(noted.out).toMatch(/tags +bad\nnote +worse/)
    expect(wrong).toMatchObject({ exitCode: 2, err: expect.stringMatching(/aval eval history lists them/) })
  })

  test('without any runs say how to begin one', async () => {
    const empty = await aval('history', '--suite', 'nothing')

    expect(empty.out).toBe('No runs. Begin one: aval eval run evals/<suite>.yaml\n')
  })

  test('cancel and resume a run', async () => {
    const { id } = await begin()
    const cancelled = await aval('cancel', id)
    const resumed = await aval('resume', id, '--no-wait')
    await moveRun(database.sql, id, { from: ['queued'], to: 'cancelled' }, new Date().toISOString())

    expect(cancelled.out).toBe(`${id} cancelled. Go on with it: aval eval resume ${id}\n`)
    expect(resumed.out).toBe(`${id} goes on. Look: aval eval show ${id}\n`)
  })
})
