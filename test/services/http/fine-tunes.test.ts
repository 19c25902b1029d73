/** /api/fine-tunes and the commands against a real database behind a real /api, with the worker's own job over a strict upstream. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { runAdvanceFineTune } from '../../../src/jobs/advance-fine-tune.ts'
import type { UpstreamModels } from '../../../src/retrieval/upstream-models.ts'
import { type ApiCall, callApi } from '../../support/api-call.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { aDataset, numbered } from '../../support/eval-runs.ts'
import { TuningServer } from '../../support/tuning-server.ts'
import { clockIn, HOUR_MS, keptEvents, openTuners, type Tuners } from '../../support/tunings.ts'

const WISH = { dataset: 'refunds', model: 'up/base', as: 'refunds-ft' }
const ASKED = { ...WISH, purpose: 'ticket 812' }

let database: TestDatabase
let server: ApiServer
let tuners: Tuners
const upstream = new TuningServer()

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
  tuners = openTuners(await upstream.start())
  await aDataset(
    database,
    'refunds',
    numbered(12, (at) => (at === 4 ? { expected: null } : {})),
  )
  await aDataset(database, 'few', numbered(3))
})
afterAll(async () => {
  await server.close()
  await tuners.close()
  await upstream.close()
  await database.close()
})
afterEach(async () => {
  server.records.length = 0
  server.rung.length = 0
  upstream.reset()
  await database.sql`DELETE FROM fine_tunes`
})

const call: ApiCall = (...given) => callApi(server, '/api/fine-tunes', ...given)
const aval = (...words: string[]) =>
  commandLine(
    ['finetune', ...words],
    { url: server.url, key: server.keyOf('default', 'engineer').token },
    { directory: '.' },
  )
const asked = ['--dataset', 'refunds', '--model', 'up/base', '--as', 'refunds-ft']
/** The job as a worker runs it, that much later. */
const runJob = (id: string, aheadMs = 0, known = tuners.tunerOf) => {
  const { sql, db } = database
  const models = { embedderOf: (name: string) => ({ provider: { fineTuning: known(name) ?? undefined } }) }
  return runAdvanceFineTune(
    {
      sql,
      db,
      clock: clockIn(aheadMs),
      models: async () => models as unknown as UpstreamModels,
      log: async () => keptEvents().log,
    },
    { fineTuneId: id },
    new AbortController().signal,
  )
}

describe('a fine-tuning over /api', () => {
  test('is planned without being begun, asked for with a bell and a record, and found again by its key', async () => {
    const plan = await call('POST', '/plan', WISH)
    const listed = await call('GET', '')
    const made = await call('POST', '', { ...ASKED, idempotency_key: 'once' })
    const again = await call('POST', '', { ...ASKED, idempotency_key: 'once' })

    expect(plan).toMatchObject({
      status: 200,
      body: {
        model: 'up/base',
        problem: null,
        validation: null,
        training: {
          dataset: 'refunds@1',
          items: 11,
          left: [{ reason: 'has neither an expected answer nor an output', count: 1, example: 'q4' }],
        },
      },
    })
    expect(plan.body.training.tokens).toBeGreaterThan(0)
    expect(plan.body.training.characters).toBeLessThan(plan.body.training.bytes)
    expect(listed.body.data).toEqual([])
    expect(made).toMatchObject({
      status: 201,
      body: { state: 'queued', phase: 'prepared', items: 11, job: null },
    })
    expect(again).toMatchObject({ status: 200, body: { id: made.body.id } })
    expect(server.rung).toEqual([`advance-fine-tune ${made.body.id}`])
    expect(server.records[0]).toMatchObject({
      action: 'fine_tune.create',
      target: 'refunds-ft',
      purpose: 'ticket 812',
      detail: { upstream: 'up', items: 11, dataset: made.body.dataset_hash },
    })
  })

  test('is refused without a purpose, with too few examples, and at an upstream that trains nothing', async () => {
    const { purpose: _, ...unsaid } = ASKED

    expect(await call('POST', '', unsaid)).toMatchObject({
      status: 400,
      body: { error: { param: 'purpose' } },
    })
    expect(await call('POST', '', { ...ASKED, dataset: 'few' })).toMatchObject({
      status: 400,
      body: { error: { param: 'dataset', message: expect.stringMatching(/^few@1 gives 3 of the 10/) } },
    })
    expect(await call('POST', '', { ...ASKED, model: 'claude/opus' })).toMatchObject({
      status: 400,
      body: { error: { param: 'model', message: expect.stringMatching(/speaks the dialect anthropic/) } },
    })
    expect(await call('POST', '', { ...ASKED, dataset: 'gone' })).toMatchObject({ status: 404 })
    expect(server.records).toEqual([])
    expect(server.rung).toEqual([])
  })

  test('goes from page to page, newest first', async () => {
    const ids: string[] = []
    for (const as of ['a', 'b', 'c']) ids.push((await call('POST', '', { ...ASKED, as })).body.id)

    const first = await call('GET', '?limit=2')
    const rest = await call('GET', `?limit=2&cursor=${first.body.next_cursor}`)
    const named = await call('GET', '?as=b&state=queued')

    const idsOf = (page: { body: { data: { id: string }[] } }) => page.body.data.map(({ id }) => id)
    expect([idsOf(first), idsOf(rest)]).toEqual([[ids[2], ids[1]], [ids[0]]])
    expect(rest.body.next_cursor).toBeNull()
    expect(idsOf(named)).toEqual([ids[1]])
  })

  test('is cancelled once, with a record', async () => {
    const { id } = (await call('POST', '', ASKED)).body

    expect(await call('POST', `/${id}/cancel`)).toMatchObject({ status: 200, body: { state: 'cancelled' } })
    expect(await call('POST', `/${id}/cancel`)).toMatchObject({ status: 409 })
    expect(server.records.at(-1)).toMatchObject({ action: 'fine_tune.cancel', target: id })
  })

  test('shows what the worker did, and the version that came of it', async () => {
    const { id } = (await call('POST', '', ASKED)).body

    await runJob(id)
    const under = await call('GET', `/${id}`)
    upstream.succeed()
    expect(await runJob(id, HOUR_MS)).toBe('done')
    const ended = await call('GET', `/${id}`)
    const version = await callApi(server, '/api/model-versions', 'GET', '/refunds-ft/versions/newest')

    expect(under.body).toMatchObject({ state: 'queued', phase: 'submitted', job: 'ftjob-0001' })
    expect(under.body.training_file).toMatchObject({ file: 'file-1', items: 11 })
    expect(ended.body).toMatchObject({
      state: 'done',
      model_version: 'refunds-ft@1',
      next_look: null,
      trained_tokens: 4321,
    })
    expect(version.body).toMatchObject({ upstream: 'up', training: { fine_tune: id, job: 'ftjob-0001' } })
  })

  test('waits, with a word, while its upstream is not configured', async () => {
    const { id } = (await call('POST', '', ASKED)).body

    expect(await runJob(id, 0, () => null)).toBe('waiting')

    expect((await call('GET', `/${id}`)).body).toMatchObject({
      state: 'queued',
      error: 'It cannot be sent: Upstream "up" is not configured any more, or trains no models.',
    })
  })

  test('is what no push can claim to be', async () => {
    const training = { fine_tune: 'ftn_1' }
    const body = { name: 'x', upstream: 'up', model: 'm', training }

    expect(await callApi(server, '/api/model-versions', 'POST', '', body)).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringMatching(/Unknown field "training"/) } },
    })
  })
})

describe('the commands', () => {
  test('say first what would be sent, and send nothing without a purpose and a word', async () => {
    const dry = await aval('create', ...asked, '--epochs', '3', '--dry-run')
    const dryJson = await aval('create', ...asked, '--dry-run', '--json')
    const unsaid = await aval('create', ...asked, '--yes')
    const unasked = await aval('create', ...asked, '--purpose', 'ticket 812')

    expect(dry.exitCode).toBe(0)
    expect(dry.out).toMatch(/left out\s+1 of refunds@1, such as q4: has neither/)
    expect(dry.out).toMatch(/refunds@1, 11 examples, \d+ characters, about \d+ tokens/)
    expect(dry.out).toMatch(/tokens × 3 epochs/)
    expect(dry.out).toMatch(/price\s+unknown/)
    expect(JSON.parse(dryJson.out)).toMatchObject({ training: { items: 11 } })
    expect(unsaid).toMatchObject({ exitCode: 2, err: expect.stringMatching(/--purpose/) })
    expect(unasked).toMatchObject({ exitCode: 2, err: expect.stringMatching(/add --yes/) })
    expect(server.rung).toEqual([])
  })

  test('end with 103 for too few examples, after saying what there is', async () => {
    const few = await aval('create', '--dataset', 'few', ...asked.slice(2), '--dry-run')

    expect(few).toMatchObject({ exitCode: 103, err: expect.stringMatching(/few@1 gives 3 of the 10/) })
    expect(few.out).toMatch(/few@1, 3 examples/)
  })

  test('ask, list, show, wait and cancel', async () => {
    const none = await aval('list')
    const made = JSON.parse((await aval('create', ...asked, '--purpose', 'p', '--yes', '--json')).out)
    await runJob(made.id)
    await runJob(made.id, HOUR_MS)
    const listed = await aval('list')
    const shown = await aval('show', made.id)
    const stopping = await aval('cancel', made.id)
    upstream.fail('Too long.')
    await runJob(made.id, 2 * HOUR_MS)
    const waited = await aval('wait', made.id)
    const json = await aval('wait', made.id, '--json')

    expect(none.out).toMatch(/^Nothing was trained\. Begin: aval finetune create/)
    expect(listed.out).toMatch(
      new RegExp(`${made.id}\\s+up/base\\s+refunds@1\\s+supervised\\s+11\\s+running`),
    )
    expect(shown.out).toMatch(/it says\s+Fine-tuning job running/)
    expect(stopping.out).toContain(`${made.id} is to stop.`)
    expect(waited.exitCode).toBe(1)
    expect(waited.out).toMatch(/reason\s+Upstream "up" failed to train the model: Too long\./)
    expect(JSON.parse(json.out)).toMatchObject({ id: made.id, state: 'failed' })
  })
})
