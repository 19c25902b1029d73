/** From a dataset to a model version to a release, over a strict upstream: what is sent, what it becomes, and what comes of trouble. */

import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { requestErasure } from '../../../src/audit/erasure/erasures.ts'
import { cancelTuning } from '../../../src/evals/tuning/tuning-rows.ts'
import { runTidyFineTunes } from '../../../src/jobs/tidy-fine-tunes.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { cardMarkdown } from '../../../src/promotion/cards/card-markdown.ts'
import { cardPage } from '../../../src/promotion/cards/card-page.ts'
import { showCard } from '../../../src/promotion/cards/shown-card.ts'
import { OPEN, type Policy } from '../../../src/promotion/policy.ts'
import { advancePromotion } from '../../../src/promotion/requests/advance.ts'
import { answerPromotion } from '../../../src/promotion/requests/approve.ts'
import { requestPromotion } from '../../../src/promotion/requests/request.ts'
import { getModelVersion } from '../../../src/registry/models/model-versions.ts'
import { createRelease } from '../../../src/registry/releases/create.ts'
import { describeDatabases } from '../../support/database.ts'
import { AUTHOR, aDataset, numbered } from '../../support/eval-runs.ts'
import { advanceDeps } from '../../support/promotions.ts'
import { NOTHING } from '../../support/registry.ts'
import { linesOf, TuningServer } from '../../support/tuning-server.ts'
import { ask, HOUR_MS, keptEvents, openTuners, rowOf, type Tuners, work } from '../../support/tunings.ts'

const ADA = { ...AUTHOR, id: 'vk_ada', name: 'ada', person: 'ada@example.com' }
const BEN = { ...AUTHOR, id: 'vk_ben', name: 'ben', person: 'ben@example.com' }
const CARLA = { ...AUTHOR, id: 'vk_carla', name: 'carla', person: 'carla@example.com' }
const DAY_MS = 24 * HOUR_MS
const GUARDED: Policy = {
  ...OPEN,
  name: 'guarded',
  approvals: { count: 1, roles: ['approver'], expireMs: HOUR_MS },
}

describeDatabases('a model in training', (open) => {
  const server = new TuningServer()
  let tuners: Tuners
  beforeAll(async () => {
    tuners = openTuners(await server.start())
  })
  afterAll(async () => {
    await tuners.close()
    await server.close()
  })
  afterEach(async () => {
    server.reset()
    await open().truncate()
  })

  const examples = (count = 12) => aDataset(open(), 'refunds', numbered(count))
  const version = (name = 'refunds-ft') =>
    getModelVersion(open().db, AUTHOR.projectId, { name, version: null })
  const versions = async () =>
    await open().sql<{ name: string; version: number }[]>`SELECT name, version FROM model_versions`

  test('becomes a version that names all it was made of, and is told step by step', async () => {
    const { version: data } = await examples()
    const { version: held } = await aDataset(open(), 'held', numbered(3))
    const wish = { validation: 'held', epochs: 3, seed: 5, suffix: 'r', licence: 'proprietary' }
    const { id } = await ask(open(), tuners, wish, ADA)
    const { events, log } = keptEvents()

    const sent = await work(open(), tuners, id, { log })
    const early = await work(open(), tuners, id, { log })
    const looked = await work(open(), tuners, id, { log, aheadMs: HOUR_MS })
    const between = await rowOf(open(), id)
    server.succeed()
    const ended = await work(open(), tuners, id, { log, aheadMs: 2 * HOUR_MS })

    expect([sent, early, looked, ended]).toEqual(['waiting', 'nothing', 'waiting', 'done'])
    expect(between).toMatchObject({ state: 'queued', status: 'running', said: 'Fine-tuning job running' })
    expect(between.estimatedFinish).not.toBeNull()
    const [training = '', validation = ''] = [...server.files.values()]
    const digestOf = (text: string) => createHash('sha256').update(text).digest('hex')
    expect(linesOf(training)[3]).toEqual({
      messages: [
        { role: 'user', content: 'What is 3?' },
        { role: 'assistant', content: '3' },
      ],
    })
    expect(server.last).toMatchObject({
      model: 'base',
      seed: 5,
      suffix: 'r',
      method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 3 } } },
      metadata: { aval_fine_tune: id, aval_dataset: data.hash },
    })
    const made = await version()
    expect(made).toMatchObject({ version: 1, createdBy: ADA.id, createdByPerson: ADA.person })
    expect(made.content).toMatchObject({
      upstream: 'up',
      model: 'ft:base:house:r:0001',
      licence: 'proprietary',
    })
    expect(made.content.training).toEqual({
      fine_tune: id,
      base_model: 'up/base',
      method: 'supervised',
      hyperparameters: { n_epochs: 3, batch_size: 1 },
      seed: 5,
      data: { dataset: 'refunds@1', hash: data.hash, items: 12, digest: digestOf(training) },
      validation: { dataset: 'held@1', hash: held.hash, items: 3, digest: digestOf(validation) },
      job: 'ftjob-0001',
      trained_tokens: 4321,
    })
    expect(await rowOf(open(), id)).toMatchObject({ state: 'done', modelVersion: 1, error: null })
    expect(events.map(({ action }) => action)).toEqual([
      'fine_tune.upload',
      'fine_tune.upload',
      'fine_tune.submit',
      'fine_tune.end',
      'model_version.push',
    ])
    expect(events[0]).toMatchObject({
      actorId: ADA.id,
      target: id,
      purpose: 'ticket 812',
      detail: { dataset_hash: data.hash, items: 12, digest: digestOf(training), left: 0 },
    })
  })

  test('sends nothing that the log did not take', async () => {
    await examples()
    const { id } = await ask(open(), tuners)
    const log = { event: async () => await Promise.reject(new Error('The disk is full.')) }

    await expect(work(open(), tuners, id, { log })).rejects.toThrow('The disk is full.')

    expect(server.calls).toEqual([])
    expect(await rowOf(open(), id)).toMatchObject({ state: 'queued', error: 'The disk is full.' })
  })

  test('learns of pairs by dpo', async () => {
    await aDataset(
      open(),
      'pairs',
      numbered(11, () => ({ output: 'no idea' })),
    )
    const { id } = await ask(open(), tuners, { dataset: 'pairs', method: 'dpo', name: 'refunds-dpo' })

    await work(open(), tuners, id)
    server.succeed()
    await work(open(), tuners, id, { aheadMs: HOUR_MS })

    expect(server.last.method.type).toBe('dpo')
    expect(linesOf(server.files.get('file-1') ?? '')[0]).toHaveProperty('non_preferred_output')
    expect((await version('refunds-dpo')).content.training?.method).toBe('dpo')
  })

  describe('serves nothing by itself', () => {
    const aRelease = async () => {
      await examples()
      const { id } = await ask(open(), tuners, {}, ADA)
      await work(open(), tuners, id)
      server.succeed()
      await work(open(), tuners, id, { aheadMs: HOUR_MS })
      const [labels] = await open().sql<
        { releases: number }[]
      >`SELECT count(*)::integer AS releases FROM releases`
      expect(labels).toEqual({ releases: 0 })
      const wish = { route: 'refunds', ...NOTHING, models: [{ ref: 'refunds-ft', weight: null }] }
      const { release } = await createRelease({ db: open().db, clock: systemClock }, BEN, wish)
      return { id, release }
    }

    test('and enters a route through the gate, where who had it trained approves nothing', async () => {
      await aRelease()
      const { db } = open()
      const deps = { db, clock: systemClock }
      const order = { route: 'refunds', label: 'production', to: 1, reason: 'better', breakGlass: false }
      const { id } = await requestPromotion(deps, BEN, GUARDED, order)
      const waiting = await advancePromotion(advanceDeps(open(), {}), id)
      if (waiting === null) throw new Error('The promotion is gone.')
      const answer = {
        answer: 'approve' as const,
        reason: 'looks well',
        evidenceHash: waiting.evidenceHash ?? '',
        roles: ['approver'],
      }

      await expect(answerPromotion(deps, ADA, waiting, answer)).rejects.toThrow(
        /ada@example.com is an author of what promotion/,
      )
      const secondKey = { ...ADA, id: 'vk_second' }
      await expect(answerPromotion(deps, secondKey, waiting, answer)).rejects.toThrow(/is an author of what/)
      await answerPromotion(deps, CARLA, waiting, answer)
      expect(await advancePromotion(advanceDeps(open(), {}), id)).toMatchObject({ state: 'promoted' })
    })

    test('and its card says where it comes from', async () => {
      const { id, release } = await aRelease()

      const shown = await showCard({ ...open(), priceOf: () => null }, release, null)

      if (shown === null) throw new Error('There is no card.')
      expect(shown.card.models[0]).toMatchObject({
        price: null,
        training: { fine_tune: id, job: 'ftjob-0001' },
      })
      expect(cardMarkdown(cardPage(shown))).toContain(
        'refunds-ft@1: trained from up/base; supervised, batch_size 1, n_epochs auto; on 12 examples of refunds@1 (',
      )
    })
  })

  describe('that comes to nothing', () => {
    test('says why the upstream failed, and makes no version', async () => {
      await examples()
      const { id } = await ask(open(), tuners)
      await work(open(), tuners, id)
      server.fail('Line 3 is too long.')
      const { events, log } = keptEvents()

      expect(await work(open(), tuners, id, { aheadMs: HOUR_MS, log })).toBe('failed')

      const { state, error, finishedAt } = await rowOf(open(), id)
      expect({ state, error }).toEqual({
        state: 'failed',
        error: 'Upstream "up" failed to train the model: Line 3 is too long. (invalid_training_file)',
      })
      expect(finishedAt).not.toBeNull()
      expect(events.map(({ action, detail }) => [action, detail.result])).toEqual([
        ['fine_tune.end', 'failed'],
      ])
      expect(await versions()).toEqual([])
    })

    test('is refused in the upstream’s own words', async () => {
      await examples()
      const { id } = await ask(open(), tuners)
      server.refuse = { at: 'create', status: 403, message: 'This organization may not fine-tune.' }

      expect(await work(open(), tuners, id)).toBe('failed')

      expect((await rowOf(open(), id)).error).toMatch(/It says: This organization may not fine-tune\.$/)
      expect(server.jobs).toEqual([])
    })

    test('waits for an upstream that is away, and goes on with the file that is there', async () => {
      await examples()
      const { id } = await ask(open(), tuners)
      server.refuse = { at: 'create', status: 503, message: 'Later.' }

      expect(await work(open(), tuners, id)).toBe('waiting')
      const waiting = await rowOf(open(), id)
      expect(await work(open(), tuners, id, { aheadMs: HOUR_MS })).toBe('waiting')

      expect(waiting).toMatchObject({ phase: 'submitting', error: expect.stringMatching(/Later\.$/) })
      expect(server.count('POST /v1/files')).toBe(1)
      expect(server.jobs.length).toBe(1)
      expect(await rowOf(open(), id)).toMatchObject({ phase: 'submitted', error: null })
    })

    test('may be paid for all the same where the upstream lists no jobs, and says so', async () => {
      await examples()
      const { id } = await ask(open(), tuners)
      server.refuse = { at: 'create', status: 503, message: 'Later.' }
      await work(open(), tuners, id)
      server.refuse = { at: 'list', status: 405, message: 'No lists here.' }

      expect(await work(open(), tuners, id, { aheadMs: HOUR_MS })).toBe('failed')

      expect((await rowOf(open(), id)).error).toMatch(
        /No lists here\. The upstream may have the job all the same/,
      )
      expect(server.jobs).toEqual([])
    })

    test('is asked to stop at its deadline', async () => {
      await examples()
      const { id } = await ask(open(), tuners)
      await work(open(), tuners, id)

      expect(await work(open(), tuners, id, { aheadMs: 4 * DAY_MS - 23 * HOUR_MS })).toBe('cancelled')

      expect(server.last.status).toBe('cancelled')
    })
  })

  describe('that is cancelled', () => {
    const cancel = (id: string) => cancelTuning(open().sql, id, new Date().toISOString())

    test('before anything went leaves nothing at the upstream', async () => {
      await examples()
      const { id } = await ask(open(), tuners)

      expect(await cancel(id)).toBe(true)

      expect(await rowOf(open(), id)).toMatchObject({ state: 'cancelled' })
      expect(await work(open(), tuners, id)).toBe('nothing')
      expect(server.calls).toEqual([])
      expect(await cancel(id)).toBe(false)
    })

    test('while it trains is stopped at the upstream at once', async () => {
      await examples()
      const { id } = await ask(open(), tuners)
      await work(open(), tuners, id)
      const { events, log } = keptEvents()

      await cancel(id)
      expect(await work(open(), tuners, id, { log })).toBe('cancelled')

      expect(server.last.status).toBe('cancelled')
      expect(events.map(({ action, detail }) => [action, detail.result])).toEqual([
        ['fine_tune.end', 'cancelled'],
      ])
      expect(await versions()).toEqual([])
    })

    test('too late becomes the version that was paid for', async () => {
      await examples()
      const { id } = await ask(open(), tuners)
      await work(open(), tuners, id)
      server.succeed()

      await cancel(id)

      expect(await work(open(), tuners, id)).toBe('done')
      expect(await versions()).toEqual([{ name: 'refunds-ft', version: 1 }])
    })
  })

  describe('is not begun', () => {
    test('at an upstream of another dialect, or one that is not there', async () => {
      await examples()

      await expect(ask(open(), tuners, { model: 'claude/opus' })).rejects.toThrow(
        'Upstream "claude" speaks the dialect anthropic, in which no model is trained here. Name one of the dialect openai.',
      )
      await expect(ask(open(), tuners, { model: 'gone/x' })).rejects.toThrow(/no upstream "gone"/)
      await expect(ask(open(), tuners, { model: 'base' })).rejects.toThrow(/Write upstream\/model/)
    })

    test('with fewer examples than it takes, and says what the others lack', async () => {
      const items = numbered(12, (at) => (at < 3 ? { expected: null } : {}))
      await aDataset(open(), 'refunds', items)

      await expect(ask(open(), tuners)).rejects.toThrow(
        'refunds@1 gives 9 of the 10 examples that it takes at least. Most of the others: has neither an expected answer nor an output (3, such as q0).',
      )
    })
  })

  test('holds back whose data was erased, also after it was asked for', async () => {
    const copied = (at: number) => ({
      group: at < 2 ? 'sub_gone' : 'sub_here',
      source: { request_id: `req_${at}` },
    })
    await aDataset(open(), 'refunds', numbered(12, copied))
    const { id, items } = await ask(open(), tuners)
    const { db, sql } = open()
    const deps = { db, clock: systemClock, log: keptEvents().log, forgetSubject: () => undefined }
    await requestErasure(deps, ADA, { subject: 'sub_gone', reason: 'Art. 17' })
    await sql`UPDATE erasures SET state = 'approved', approved_by = 'vk_ben', approved_by_name = 'ben'`
    const { events, log } = keptEvents()

    await work(open(), tuners, id, { log })

    expect(items).toBe(12)
    const lines = linesOf(server.files.get('file-1') ?? '')
    expect(lines.length).toBe(10)
    expect(JSON.stringify(lines)).not.toMatch(/What is [01]\?/)
    expect(events[0]?.detail).toMatchObject({ items: 10, left: 2 })
  })

  test('is rung for when it is to be looked at, and not before', async () => {
    await examples()
    const { id } = await ask(open(), tuners)
    await work(open(), tuners, id)
    const rung: string[] = []
    const enqueuer = {
      enqueue: async (_: string, payload: unknown) => void rung.push(JSON.stringify(payload)),
    } as unknown as Parameters<typeof runTidyFineTunes>[0]['enqueuer']
    const at = async (aheadMs: number) => {
      const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs }
      return await runTidyFineTunes({ sql: open().sql, clock, enqueuer }, {})
    }

    expect(await at(0)).toEqual({ fineTunes: 0 })
    expect(await at(HOUR_MS)).toEqual({ fineTunes: 1 })
    expect(rung).toEqual([JSON.stringify({ fineTuneId: id })])
  })
})
