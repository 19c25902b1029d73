/** Runs that ask through a provider's batch API, against a strict server of OpenAI's. */

import { expect, test } from 'vitest'
import { findNewestBatch, listLeftBatches } from '../../../src/evals/runs/batches/batch-rows.ts'
import { letGoOfParts } from '../../../src/evals/runs/batches/let-go.ts'
import { countResults } from '../../../src/evals/runs/count-results.ts'
import type { RunRow } from '../../../src/evals/runs/run-rows.ts'
import { planBatched } from '../../../src/gateway/batched/target.ts'
import { rebuildSent } from '../../../src/gateway/rebuild.ts'
import { runTidyRuns } from '../../../src/jobs/tidy-runs.ts'
import { clockIn } from '../../support/batch-plane.ts'
import { batchRuns } from '../../support/batch-runs.ts'
import type { LineEnd } from '../../support/batch-server.ts'
import { describeDatabases } from '../../support/database.ts'
import { aSuite, begin, echo, execute, numbered, scriptedAsk } from '../../support/eval-runs.ts'
import { OpenAIBatchServer } from '../../support/openai-batch-server.ts'

const SUITE = `
dataset: questions
subject: up/m
repeats: 2
scorers: [equals, { name: short, kind: word-count, max: 3 }]
parameters: { max_tokens: 20 }
seed: 7
batch: true
`
const ONE = SUITE.replace('repeats: 2', 'repeats: 1')
/** Micro-USD per million tokens: 100 in and 10 out cost 60 in batches, 120 otherwise. */
const PRICE = {
  projectId: 'prj_default',
  id: 'price_1',
  upstream: 'up',
  model: 'm',
  source: 'contract 7',
  validFromMs: 0,
  figures: { input: '1000000', cachedInput: '0', output: '2000000' },
  batch: { input: '500000', cachedInput: '0', output: '1000000' },
}
const HOUR_MS = 3_600_000

describeDatabases('a run in batches', (open) => {
  const server = new OpenAIBatchServer()
  const runs = batchRuns(open, { server, suite: ONE, given: { registry: { prices: [PRICE] } } })
  const { setting, aRun, planeAt, workAt, letGo, rowOf, batchOf, judged, resultsOf, move } = runs

  test('has the outcomes and scores of one that asks call by call, at the price of batches', async () => {
    const items = [...numbered(5), { id: 'silent', output: 'Only judged.' }]
    const run = await aRun(SUITE, items)
    const single = (await begin(open(), aSuite(SUITE.replace('batch: true', '')))).candidate
    await execute(open(), single.id, scriptedAsk(echo).ask)

    const first = await workAt(run, 0)
    server.end()
    const second = await workAt(run, 2 * 60_000)

    const comparable = async (one: RunRow) =>
      (await judged(one)).map(({ itemId, repeat, result, scores }) => {
        const { outcome, output, finishReason, errorCode, error } = result
        return { itemId, repeat, outcome, output, finishReason, errorCode, error, scores }
      })
    expect([first, second]).toEqual(['waiting', 'done'])
    expect(await comparable(run)).toEqual(await comparable(single))
    expect(run.measureHash).toBe(single.measureHash)
    expect(run.hash).not.toBe(single.hash)
    expect([...server.paid.values()]).toEqual([2, 2, 2, 2, 2])
    const answers = (await resultsOf(run)).filter(({ outcome }) => outcome === 'answered')
    expect(answers.map(({ cost, latencyMs, tries }) => ({ cost, latencyMs, tries }))).toEqual(
      Array.from({ length: 10 }, () => ({ cost: '60', latencyMs: null, tries: 1 })),
    )
  })

  test('leaves out what an earlier run has asked, and leaves its own answers to later ones', async () => {
    const cached = `${ONE}cache: true\n`
    const earlier = await aRun(cached, numbered(3))
    const { ask, asked } = scriptedAsk((question) => ({ output: echo(question), cost: 120n, free: false }))
    const byCalls = planeAt(0)
    const single = (await begin(open(), aSuite(cached.replace('batch: true', '')))).candidate
    await execute(open(), single.id, ask, byCalls)

    const all = await workAt(earlier, 0)
    const wider = await aRun(cached, numbered(5))
    await workAt(wider, 0)
    const sent = server.linesOf(server.last).map(({ body }) => echo(body.messages[0]?.content ?? ''))
    server.end()
    await workAt(wider, 2 * 60_000)
    const later = (await begin(open(), aSuite(cached.replace('batch: true', '')))).candidate
    await execute(open(), later.id, ask, byCalls)

    expect(all).toBe('done')
    expect(sent).toEqual(['3', '4'])
    expect(server.batches.length).toBe(1)
    expect(asked.length).toBe(3)
    expect(await countResults(open().sql, wider.id)).toMatchObject({
      answered: 5,
      judged: 5,
      cost: '120',
      takenOver: { answers: 3, saved: '360' },
    })
    expect(await countResults(open().sql, later.id)).toMatchObject({
      cost: '0',
      takenOver: { answers: 5, saved: '480' },
    })
  })

  test('keeps no key for later runs where its upstream leads elsewhere when the answer comes', async () => {
    const run = await aRun(ONE, numbered(2))
    await workAt(run, 0)
    server.end()
    const { batches, clock, random } = planeAt(2 * 60_000)
    const elsewhere = { batches, clock, random, answererOf: () => 'somebody else' }

    await execute(open(), run.id, scriptedAsk(echo).ask, elsewhere)

    expect(await open().sql`SELECT FROM eval_results WHERE answer_key IS NOT NULL`).toHaveLength(0)
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 2, judged: 2 })
  })

  test('waits in its row while a batch is under way, and no worker claims it before it is time', async () => {
    const run = await aRun()

    await workAt(run, 0)
    const waiting = await rowOf(run)
    server.last.counts.completed = 1
    const early = await workAt(run, 30_000)
    const looked = await workAt(run, 2 * 60_000)

    expect(waiting).toMatchObject({ state: 'queued', attempts: 0, error: null })
    expect(Date.parse(waiting.wakesAt ?? '')).toBeGreaterThan(Date.now() + 30_000)
    expect([early, looked]).toEqual(['nothing', 'waiting'])
    expect(await batchOf(run)).toMatchObject({
      state: 'submitted',
      status: 'in_progress',
      completed: 1,
      looks: 1,
    })
    expect(server.batches.length).toBe(1)
  })

  test('is rung for when its batch is to be looked at, and not before', async () => {
    const run = await aRun()
    await workAt(run, 0)
    const rung: string[] = []
    const enqueuer = {
      enqueue: async (_name: string, payload: object) => void rung.push(JSON.stringify(payload)),
      schedule: async () => undefined,
      close: async () => undefined,
    }

    await runTidyRuns({ sql: open().sql, clock: clockIn(40_000), enqueuer }, {})
    const before = [...rung]
    await runTidyRuns({ sql: open().sql, clock: clockIn(3 * 60_000), enqueuer }, {})

    expect(before).toEqual([])
    expect(rung).toEqual([JSON.stringify({ runId: run.id })])
  })

  test('is on the log: an event with the digest before a byte goes out, then a row for each request', async () => {
    const run = await aRun()
    const sentBefore: number[] = []
    const log = {
      ...setting.kept.log,
      event: async (record: Parameters<typeof setting.kept.log.event>[0]) => {
        sentBefore.push(server.calls.length)
        await setting.kept.log.event(record)
      },
    }

    await workAt(run, 0, { log })
    const wholesBefore = setting.kept.wholes.length
    server.end({
      each: (question) =>
        question.includes('2') ? { status: 400, code: 'bad_thing' } : { answer: echo(question) },
    })
    await workAt(run, 2 * 60_000, { log })

    const [event] = setting.kept.events
    const file = server.files.get(server.last.input_file_id) ?? Buffer.alloc(0)
    expect(sentBefore).toEqual([0])
    expect(event).toMatchObject({
      action: 'eval_batch.submit',
      target: run.id,
      detail: { part: 1, upstream: 'up', model: 'm', requests: 4, bytes: file.length },
    })
    expect(event?.detail.digest).toBe((await batchOf(run)).digest)
    expect(wholesBefore).toBe(0)
    expect(
      setting.kept.wholes.map(([, close]) => `${close.outcome} ${close.status} ${close.costMicroUsd ?? '-'}`),
    ).toEqual(['completed 200 60', 'completed 200 60', 'completed 200 60', 'upstream_error 400 -'])
    const ids = setting.kept.wholes.map(([{ id }]) => id).toSorted()
    expect((await resultsOf(run)).map(({ requestId }) => requestId).toSorted()).toEqual(ids)
    expect(
      server
        .linesOf(server.last)
        .map(({ custom_id: id }) => id)
        .toSorted(),
    ).toEqual(ids)
  })

  test('sends what a single call would send: the log makes it again byte for byte', async () => {
    const run = await aRun()
    const { batches } = planeAt(0)
    await workAt(run, 0)
    server.end()
    await workAt(run, 2 * 60_000)

    const lines = new Map(server.linesOf(server.last).map(({ custom_id: id, body }) => [id, body]))
    const provider = batches.gateway.snapshot().upstreams.get('up')?.provider ?? null
    const rebuilt = setting.kept.wholes.map(([{ id }, { attempts }, body]) =>
      rebuildSent({
        requestId: id,
        operation: 'chat',
        body,
        attempt: attempts[0]!,
        provider,
        release: null,
        contexts: null,
      }),
    )
    expect(rebuilt.map(({ state }) => state)).toEqual(['equal', 'equal', 'equal', 'equal'])
    expect(rebuilt.map(({ bytes }) => JSON.parse(String(bytes)) as object)).toEqual(
      setting.kept.wholes.map(([{ id }]) => lines.get(id)),
    )
    expect(lines.values().next().value).toMatchObject({ model: 'm', max_tokens: 20, seed: 7 })
  })

  test('keeps each failure with its reason, and leaves out what names no request', async () => {
    const run = await aRun(ONE, numbered(6))
    await workAt(run, 0)
    const ends: Record<string, LineEnd> = {
      '1': { status: 400, code: 'content_filter' },
      '2': { error: { code: 'token_limit', message: 'Too long for us.' } },
      '3': null,
    }
    const stray = { id: 'batch_req_x', custom_id: 'req_of_somebody_else', response: null, error: null }
    server.end({
      each: (question) => (echo(question) in ends ? ends[echo(question)]! : { answer: echo(question) }),
      besides: [JSON.stringify(stray), 'no json', '{"custom_id":7}'],
    })

    const outcome = await workAt(run, 2 * 60_000)

    const results = await resultsOf(run)
    expect(outcome).toBe('done')
    expect(results.map(({ errorCode }) => errorCode)).toEqual([
      null,
      'upstream_refused',
      'upstream_refused',
      'upstream_malformed',
      null,
      null,
    ])
    expect(results[1]?.error).toMatch(/400, code content_filter/)
    expect(results[2]?.error).toMatch(/code token_limit/)
    expect(results[3]?.error).toMatch(/without a word about this request/)
    expect(await batchOf(run)).toMatchObject({ state: 'ended', note: expect.stringMatching(/^3 lines/) })
    const details = setting.kept.wholes.map(([, { attempts }]) => attempts[0]?.detail ?? null)
    expect(details.join()).toContain('Too long for us.')
    expect(await countResults(open().sql, run.id)).toMatchObject({
      answered: 3,
      failed: 3,
      unpriced: 0,
      cost: '180',
    })
  })

  test('takes what an expired batch has, and asks the rest again, three times at most', async () => {
    const run = await aRun(ONE, numbered(6))
    const half = (question: string): LineEnd =>
      Number(echo(question)) < 3
        ? { answer: echo(question) }
        : { error: { code: 'batch_expired', message: 'This request could not be executed.' } }
    await workAt(run, 0)
    server.end({ status: 'expired', each: half })

    await workAt(run, HOUR_MS)
    const afterOne = await countResults(open().sql, run.id)
    const second = server.linesOf(server.last).map(({ body }) => echo(body.messages[0]?.content ?? ''))
    server.end({ status: 'expired', each: () => null })
    await workAt(run, 2 * HOUR_MS)
    server.end({ status: 'expired', each: () => null })
    const outcome = await workAt(run, 3 * HOUR_MS)

    expect(afterOne).toMatchObject({ answered: 3, failed: 0 })
    expect(second).toEqual(['3', '4', '5'])
    expect(outcome).toBe('done')
    expect(server.batches.length).toBe(3)
    expect([...server.paid.values()]).toEqual([1, 1, 1])
    const lost = (await resultsOf(run)).slice(3)
    expect(lost.map(({ errorCode, tries }) => `${errorCode} ${tries}`)).toEqual(
      Array(3).fill('upstream_timeout 3'),
    )
    expect(lost[0]?.error).toMatch(/went out in 3 batches/)
    expect(setting.kept.wholes.filter(([, { outcome: end }]) => end === 'timeout').length).toBe(9)
  })

  test('lets the lines fail that the upstream refuses the file for, and asks the others again', async () => {
    const run = await aRun()
    server.problems = (lines) =>
      lines.length < 4 ? [] : [{ code: 'invalid_request', message: 'No.', param: null, line: 2 }]
    await workAt(run, 0)

    await workAt(run, HOUR_MS)
    server.end()
    const outcome = await workAt(run, 2 * HOUR_MS)

    expect(outcome).toBe('done')
    expect((await resultsOf(run)).map(({ errorCode }) => errorCode)).toEqual([
      null,
      'upstream_refused',
      null,
      null,
    ])
  })

  test('ends with the words of an upstream that refuses the whole file, and goes on when it is told to', async () => {
    const run = await aRun()
    server.problems = () => [
      { code: 'token_limit_exceeded', message: 'Enqueued token limit.', param: null, line: null },
    ]
    await workAt(run, 0)

    const outcome = await workAt(run, HOUR_MS)
    const failed = await rowOf(run)
    server.problems = () => []
    await move(run, 'failed', 'queued')
    const resumed = await workAt(run, 2 * HOUR_MS)

    expect(outcome).toBe('failed')
    expect(failed).toMatchObject({
      state: 'failed',
      error: expect.stringMatching(/token_limit_exceeded: Enqueued/),
    })
    expect(resumed).toBe('waiting')
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 0, failed: 0 })
  })

  test.each([
    [
      'does not hold the part',
      `${ONE}budget_usd: 0.0001\n`,
      {},
      /does not hold a batch of 4 requests: it can cost \$0\.000/,
    ],
    [
      'cannot be held without a price of batches',
      `${ONE}budget_usd: 5\n`,
      { registry: { prices: [] } },
      /in batches is unknown/,
    ],
    [
      'cannot be held with answers of any length',
      `${ONE.replace('max_tokens: 20', 'temperature: 0')}budget_usd: 5\n`,
      {},
      /max_tokens/,
    ],
  ])('whose budget %s stops before anything is sent', async (_what, yaml, more, words) => {
    const run = await aRun(yaml)

    const outcome = await workAt(run, 0, more)

    expect(outcome).toBe('stopped')
    expect((await rowOf(run)).error).toMatch(words)
    expect(server.calls).toEqual([])
    expect(setting.kept.events).toEqual([])
    expect(await findNewestBatch(open().sql, run.id)).toBeNull()
  })

  test('is sent once its budget is raised', async () => {
    const run = await aRun(`${ONE}budget_usd: 0.0001\n`)
    await workAt(run, 0)
    await move(run, 'stopped', 'queued', { budget: '1000000' })

    const outcome = await workAt(run, 0)

    expect(outcome).toBe('waiting')
    expect(server.batches.length).toBe(1)
  })

  test('that is cancelled has its batch stopped, keeps what that answered, and goes on with the rest', async () => {
    const run = await aRun()
    await workAt(run, 0)
    await move(run, 'queued', 'cancelled')

    const asked = await letGo(run, 0)
    const left = await listLeftBatches(open().sql, new Date(Date.now() + HOUR_MS).toISOString(), 10)
    server.end({
      status: 'cancelled',
      each: (question) =>
        question.includes('1') ? { answer: '1' } : { error: { code: 'batch_cancelled', message: '' } },
    })
    const early = await letGo(run, 0)
    const ended = await letGo(run, HOUR_MS)
    const cancelled = await rowOf(run)
    await move(run, 'cancelled', 'queued')
    await workAt(run, 2 * HOUR_MS)
    server.end()
    const outcome = await workAt(run, 3 * HOUR_MS)

    expect([asked, early, ended]).toEqual(['waiting', 'nothing', 'let-go'])
    expect(left).toEqual([run.id])
    expect(server.calls).toContain('POST /v1/batches/batch_1/cancel')
    expect(cancelled).toMatchObject({ state: 'cancelled', error: null })
    expect(server.linesOf(server.last).length).toBe(3)
    expect(outcome).toBe('done')
    expect([...server.paid.values()]).toEqual([1, 1, 1, 1])
    const outcomes = setting.kept.wholes.map(([, { outcome: end }]) => end).toSorted()
    expect(outcomes).toEqual([...Array(3).fill('client_abort'), ...Array(4).fill('completed')])
  })

  test('that is cancelled before anything was sent has nothing to stop', async () => {
    const run = await aRun()
    server.refuse = { at: 'upload', status: 503 }
    await workAt(run, 0)
    await move(run, 'queued', 'cancelled')

    const given = { sql: open().sql, signal: new AbortController().signal, ...planeAt(0) }
    const outcome = await letGoOfParts(given, run.id)

    expect(outcome).toBe('let-go')
    expect(server.batches).toEqual([])
    expect(await findNewestBatch(open().sql, run.id)).toBeNull()
  })

  test('goes on when its upstream was away, and says on it for what it waits', async () => {
    const run = await aRun()
    server.refuse = { at: 'upload', status: 503 }
    const first = await workAt(run, 0)
    const words = (await rowOf(run)).error
    await workAt(run, HOUR_MS)
    server.refuse = { at: 'read', status: 500 }
    await workAt(run, 2 * HOUR_MS)
    const later = (await rowOf(run)).error
    server.end()
    server.refuse = { at: 'content', status: 502 }
    await workAt(run, 3 * HOUR_MS)
    const outcome = await workAt(run, 4 * HOUR_MS)

    expect(first).toBe('waiting')
    expect(words).toMatch(/503/)
    expect(later).toMatch(/cannot be looked at: .*500/)
    expect(outcome).toBe('done')
    expect([...server.paid.values()]).toEqual([1, 1, 1, 1])
  })

  test('does not pay again for a batch whose answer to the submission was lost', async () => {
    const run = await aRun()
    server.refuse = { at: 'create', status: 500 }
    await workAt(run, 0)
    const unknown = await batchOf(run)
    const tooEarly = (await rowOf(run)).wakesAt ?? ''
    // It has made the batch all the same, though it said 500.
    const order = {
      input_file_id: unknown.fileId,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    }
    const headers = { authorization: 'Bearer sk-batches-0123456789' }
    await fetch(`${setting.url}/batches`, { method: 'POST', headers, body: JSON.stringify(order) })

    await workAt(run, HOUR_MS)
    server.end()
    const outcome = await workAt(run, 2 * HOUR_MS)

    expect(unknown.state).toBe('submitting')
    expect(Date.parse(tooEarly)).toBeGreaterThan(Date.now() + 20_000)
    expect(outcome).toBe('done')
    expect(server.batches.length).toBe(1)
    expect([...server.paid.values()]).toEqual([1, 1, 1, 1])
  })

  test.each([
    ['refuses its credentials', 'upload', 401],
    ['has no files', 'upload', 404],
    ['has no batches', 'create', 404],
  ] as const)('fails in words at an upstream that %s', async (_what, at, status) => {
    const run = await aRun()
    server.refuse = { at, status }

    const outcome = await workAt(run, 0)

    expect(outcome).toBe('failed')
    expect((await rowOf(run)).error).toMatch(new RegExp(`^Part 1 cannot be sent: .*${status}`))
    expect(server.batches).toEqual([])
  })

  test('stops a batch at its deadline, and ends without it when that never ends', async () => {
    const run = await aRun()
    await workAt(run, 0)

    await workAt(run, 27 * HOUR_MS)
    const asked = server.calls.at(-1)
    const outcome = await workAt(run, 29 * HOUR_MS)

    expect(asked).toBe('POST /v1/batches/batch_1/cancel')
    expect(outcome).toBe('done')
    expect((await resultsOf(run)).map(({ errorCode }) => errorCode)).toEqual(
      Array(4).fill('upstream_timeout'),
    )
    expect((await resultsOf(run))[0]?.error).toMatch(/may still be paid for/)
    expect(server.batches.length).toBe(1)
  })

  test('reads no more of a file than its requests can be worth, and says so', async () => {
    const run = await aRun()
    await workAt(run, 0)
    const filler = JSON.stringify({ custom_id: 'req_nobody', padding: 'x'.repeat(1024 ** 2) })
    server.end({ besides: Array<string>(14).fill(filler) })

    const outcome = await workAt(run, HOUR_MS)

    expect(outcome).toBe('done')
    expect((await resultsOf(run)).map(({ errorCode }) => errorCode)).toEqual(
      Array(4).fill('upstream_too_large'),
    )
  })

  test('passes over a line that is too long to be an answer, and takes the others', async () => {
    const run = await aRun()
    await workAt(run, 0)
    const long = JSON.stringify({ custom_id: 'req_nobody', padding: 'x'.repeat(9 * 1024 ** 2) })
    server.end({ besides: [long] })

    const outcome = await workAt(run, HOUR_MS)

    expect(outcome).toBe('done')
    expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 4, failed: 0 })
    expect((await batchOf(run)).note).toMatch(/1 lines are longer/)
  })

  test('is refused in words for a subject that no batch can ask', async () => {
    const targets = ['up', 'local'].map((upstream) => ({ upstream, model: 'm', weight: null, timeouts: {} }))
    const route = {
      targets,
      retries: 0,
      guarantee: { durability: 'process', policy: 'required', deadlineMs: 0 },
    } as const
    const routes = new Map([['two', { ...route, name: 'two' }]])
    const { gateway } = planeAt(0, { routes }).batches
    const key = {
      id: 'run_1',
      name: 'run',
      owner: null,
      projectId: 'prj_default',
      roles: ['engineer'],
    } as const
    const whole = { ...key, allowedRoutes: null, rpm: null, concurrency: null, expiresAtMs: null }
    const planned = (model: string) => () => planBatched(gateway.snapshot(), whole, model)

    expect(planned('local/m')).toThrow(/no batches are sent to the dialect local/)
    expect(planned('two')).toThrow(/may be answered by up\/m, local\/m, and a batch goes to one/)
    expect(planned('nobody/m')).toThrow(/No model/)
    expect(planned('up/m')().target).toMatchObject({ name: 'up/m' })
  })

  test('fails with these words when its subject is one', async () => {
    const run = await aRun(ONE.replace('up/m', 'local/m'))

    const outcome = await workAt(run, 0)

    expect(outcome).toBe('failed')
    expect((await rowOf(run)).error).toMatch(/no batches are sent/)
    expect(server.calls).toEqual([])
  })
})
