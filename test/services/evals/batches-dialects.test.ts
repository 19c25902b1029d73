/** Runs in batches of the dialects that are translated: the same run, whatever its upstream speaks. */

import { describe, expect, test } from 'vitest'
import { countResults } from '../../../src/evals/runs/count-results.ts'
import { rebuildSent } from '../../../src/gateway/rebuild.ts'
import { AnthropicBatchServer } from '../../support/anthropic-batch-server.ts'
import { batchRuns } from '../../support/batch-runs.ts'
import type { LineEnd } from '../../support/batch-server.ts'
import { describeDatabases } from '../../support/database.ts'
import { echo, numbered } from '../../support/eval-runs.ts'
import { GeminiBatchServer } from '../../support/gemini-batch-server.ts'

const SUITE = `
dataset: questions
subject: up/m
scorers: [equals]
parameters: { max_tokens: 20, temperature: 0.5 }
batch: true
`
/** Micro-USD per million tokens: 60 in, 40 from the cache and 10 out cost 44 in batches. */
const PRICE = {
  projectId: 'prj_default',
  id: 'price_1',
  upstream: 'up',
  model: 'm',
  source: 'contract 7',
  validFromMs: 0,
  figures: { input: '1000000', cachedInput: '200000', output: '2000000' },
  batch: { input: '500000', cachedInput: '100000', output: '1000000' },
}
const HOUR_MS = 3_600_000
const DIALECTS = [
  ['gemini', () => new GeminiBatchServer()],
  ['anthropic', () => new AnthropicBatchServer()],
] as const

describeDatabases('a run in batches', (open) => {
  describe.each(DIALECTS)('of the dialect %s', (dialect, createServer) => {
    const server = createServer()
    const given = { dialect, registry: { prices: [PRICE] } }
    const runs = batchRuns(open, { server, suite: SUITE, given })
    const { setting, aRun, planeAt, workAt, letGo, rowOf, batchOf, resultsOf, move } = runs

    test('is answered, judged and paid for once, at the price of batches', async () => {
      const run = await aRun()

      const first = await workAt(run, 0)
      const waiting = await batchOf(run)
      const looked = await workAt(run, 2 * 60_000)
      server.end()
      const last = await workAt(run, HOUR_MS)

      expect([first, looked, last]).toEqual(['waiting', 'waiting', 'done'])
      expect(waiting).toMatchObject({ state: 'submitted', requests: 4 })
      expect([...server.paid.values()]).toEqual([1, 1, 1, 1])
      const answers = (await resultsOf(run)).map(({ output, finishReason, cost }) => ({
        output,
        finishReason,
        cost,
      }))
      expect(answers).toEqual(
        ['0', '1', '2', '3'].map((output) => ({ output, finishReason: 'stop', cost: '44' })),
      )
      expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 4, failed: 0, cost: '176' })
      expect(await batchOf(run)).toMatchObject({ state: 'ended', note: null, completed: 4, failed: 0 })
    })

    test('is on the log: an event before a byte goes out, then a row for each request with its usage', async () => {
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
      server.end()
      await workAt(run, HOUR_MS, { log })

      expect(sentBefore).toEqual([0])
      expect(setting.kept.events[0]).toMatchObject({
        action: 'eval_batch.submit',
        target: run.id,
        detail: { part: 1, upstream: 'up', model: 'm', requests: 4, digest: (await batchOf(run)).digest },
      })
      const reasoningTokens = dialect === 'gemini' ? 3 : null
      expect(
        setting.kept.wholes.map(([, { outcome, costMicroUsd, usage }]) => ({ outcome, costMicroUsd, usage })),
      ).toEqual(
        Array.from({ length: 4 }, () => ({
          outcome: 'completed',
          costMicroUsd: 44,
          usage: expect.objectContaining({
            inputTokens: 100,
            cachedInputTokens: 40,
            outputTokens: 10,
            reasoningTokens,
          }) as unknown,
        })),
      )
      const ids = setting.kept.wholes.map(([{ id }]) => id).toSorted()
      expect((await resultsOf(run)).map(({ requestId }) => requestId).toSorted()).toEqual(ids)
      expect(
        server
          .questions()
          .map(({ id }) => id)
          .toSorted(),
      ).toEqual(ids)
    })

    test('sends what a single call would send: the log makes it again byte for byte', async () => {
      const run = await aRun()
      const { batches } = planeAt(0)
      await workAt(run, 0)
      server.end()
      await workAt(run, HOUR_MS)

      const sent = new Map(server.questions().map(({ id, body }) => [id, body]))
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
        setting.kept.wholes.map(([{ id }]) => sent.get(id)),
      )
    })

    test('keeps each failure with its reason, and leaves out what names no request', async () => {
      const run = await aRun(SUITE, numbered(6))
      await workAt(run, 0)
      const ends: Record<string, LineEnd> = {
        '1': { status: 400, code: 'invalid_request_error' },
        '2': { error: { code: 'api_error', message: 'Too much for us.' } },
        '3': null,
      }
      const { id } = server.questions()[0]!
      const garbage = dialect === 'gemini' ? { key: id } : { custom_id: id, result: { type: 'unheard_of' } }
      server.end({
        each: (question) => (echo(question) in ends ? ends[echo(question)]! : { answer: echo(question) }),
        besides: [
          'no json',
          '{"key":7,"custom_id":7}',
          '[]',
          '{"key":"x","custom_id":"x"',
          JSON.stringify(garbage),
        ],
      })

      const outcome = await workAt(run, HOUR_MS)

      const results = await resultsOf(run)
      expect(outcome).toBe('done')
      // The first line that names a request decides, and a second one is left out.
      expect(results.map(({ errorCode }) => errorCode)).toEqual([
        'upstream_unavailable',
        'upstream_refused',
        'upstream_unavailable',
        'upstream_malformed',
        null,
        null,
      ])
      expect(results[1]?.error).toMatch(/did not answer this request of its batch/)
      expect(results[3]?.error).toMatch(/without a word about this request/)
      expect((await batchOf(run)).note).toMatch(/^5 lines/)
      expect(JSON.stringify(setting.kept.wholes.map(([, { attempts }]) => attempts[0]?.detail))).toContain(
        'Too much for us.',
      )
      expect(setting.kept.wholes.length).toBe(6)
    })

    test('fails an answer that is none, and keeps the others', async () => {
      const run = await aRun()
      await workAt(run, 0)
      const ids = server.questions().map(({ id }) => id)
      const besides = ids
        .slice(0, 2)
        .map((id) =>
          JSON.stringify(
            dialect === 'gemini'
              ? { key: id, response: { candidates: 'none' } }
              : { custom_id: id, result: { type: 'succeeded', message: { content: 'none' } } },
          ),
        )
      server.end({ besides })

      const outcome = await workAt(run, HOUR_MS)

      expect(outcome).toBe('done')
      expect((await resultsOf(run)).map(({ errorCode }) => errorCode)).toEqual([
        'upstream_malformed',
        'upstream_malformed',
        null,
        null,
      ])
    })

    test('takes what an expired batch has, and asks the rest again', async () => {
      const run = await aRun(SUITE, numbered(6))
      await workAt(run, 0)
      server.end({
        status: 'expired',
        each: (question) =>
          Number(echo(question)) < 3
            ? { answer: echo(question) }
            : { error: { code: 'batch_expired', message: 'Not in time.' } },
      })

      await workAt(run, HOUR_MS)
      const afterOne = await countResults(open().sql, run.id)
      const second = server.questions().map(({ question }) => echo(question))
      server.end()
      const outcome = await workAt(run, 2 * HOUR_MS)

      expect(afterOne).toMatchObject({ answered: 3, failed: 0 })
      expect(second).toEqual(['3', '4', '5'])
      expect(outcome).toBe('done')
      expect([...server.paid.values()]).toEqual(Array(6).fill(1))
    })

    test('that is cancelled has its batch stopped, keeps what that answered, and goes on with the rest', async () => {
      const run = await aRun()
      await workAt(run, 0)
      await move(run, 'queued', 'cancelled')

      const asked = await letGo(run, 0)
      const stops = server.count('cancel')
      server.end({
        status: 'cancelled',
        each: (question) =>
          question.includes('1') ? { answer: '1' } : { error: { code: 'batch_cancelled', message: '' } },
      })
      const ended = await letGo(run, HOUR_MS)
      await move(run, 'cancelled', 'queued')
      await workAt(run, 2 * HOUR_MS)
      server.end()
      const outcome = await workAt(run, 3 * HOUR_MS)

      expect([asked, ended, outcome]).toEqual(['waiting', 'let-go', 'done'])
      expect(stops).toBe(1)
      expect([...server.paid.values()]).toEqual([1, 1, 1, 1])
      const outcomes = setting.kept.wholes.map(([, { outcome: end }]) => end).toSorted()
      expect(outcomes).toEqual([...Array(3).fill('client_abort'), ...Array(4).fill('completed')])
    })

    test.each([
      ['lost', { status: 502 }],
      ['half', { status: 200, body: '{"id":"msgb' }],
      ['no batch', { status: 200, body: '{"error":{}}' }],
    ])('does not pay again when the answer to its submission is %s', async (_what, answered) => {
      const run = await aRun()
      server.refuse = { at: 'create', work: true, ...answered }

      const first = await workAt(run, 0)
      const unknown = await batchOf(run)
      await workAt(run, HOUR_MS)
      server.end()
      const outcome = await workAt(run, 2 * HOUR_MS)

      expect([first, unknown.state, outcome]).toEqual(['waiting', 'submitting', 'done'])
      expect(server.batches.length).toBe(1)
      expect([...server.paid.values()]).toEqual([1, 1, 1, 1])
    })

    test('is submitted again when its upstream has nothing of it', async () => {
      const run = await aRun()
      server.refuse = { at: 'create', status: 500 }
      await workAt(run, 0)

      const tooEarly = await workAt(run, 10_000)
      const before = server.batches.length
      await workAt(run, HOUR_MS)
      server.end()
      const outcome = await workAt(run, 2 * HOUR_MS)

      expect([tooEarly, before, outcome]).toEqual(['nothing', 0, 'done'])
      expect(server.batches.length).toBe(1)
      expect(setting.kept.events.length).toBe(1)
      expect((await batchOf(run)).digest).toBe(setting.kept.events[0]?.detail.digest)
    })

    test('is sent again later when its upstream says that it does not take it now', async () => {
      const run = await aRun()
      server.refuse = { at: 'create', status: 429 }

      const first = await workAt(run, 0)
      const { state } = await batchOf(run)
      await workAt(run, HOUR_MS)
      server.end()
      const outcome = await workAt(run, 2 * HOUR_MS)

      expect([first, state, outcome]).toEqual(['waiting', 'prepared', 'done'])
      expect(server.batches.length).toBe(1)
      expect(setting.kept.events.length).toBe(2)
    })

    test.each([401, 400])('fails in words at an upstream that answers %d to it', async (status) => {
      const run = await aRun()
      server.refuse = { at: 'create', status }

      const outcome = await workAt(run, 0)

      expect(outcome).toBe('failed')
      expect((await rowOf(run)).error).toMatch(new RegExp(`^Part 1 cannot be sent: .*${status}`))
      expect(server.batches).toEqual([])
    })

    test('holds its budget before anything is sent', async () => {
      const run = await aRun(`${SUITE}budget_usd: 0.0001\n`)

      const outcome = await workAt(run, 0)

      expect(outcome).toBe('stopped')
      expect((await rowOf(run)).error).toMatch(/does not hold a batch of 4 requests/)
      expect(server.calls).toEqual([])
      expect(setting.kept.events).toEqual([])
    })

    test('lets a request fail that the dialect cannot say, and sends the others', async () => {
      const yaml = SUITE.replace('temperature: 0.5', 'logit_bias: { "50256": -100 }')
      const run = await aRun(yaml)

      const outcome = await workAt(run, 0)

      expect(outcome).toBe('done')
      expect(server.calls).toEqual([])
      expect((await resultsOf(run)).map(({ errorCode }) => errorCode)).toEqual(
        Array(4).fill('unsupported_parameter'),
      )
      expect(setting.kept.wholes.map(([, { outcome: end }]) => end)).toEqual(Array(4).fill('rejected'))
    })

    test('stops a batch at its deadline, and ends without it when that never ends', async () => {
      const run = await aRun()
      await workAt(run, 0)

      await workAt(run, 27 * HOUR_MS)
      const stops = server.count('cancel')
      const outcome = await workAt(run, 29 * HOUR_MS)

      expect([stops, outcome]).toEqual([1, 'done'])
      expect((await resultsOf(run)).map(({ errorCode }) => errorCode)).toEqual(
        Array(4).fill('upstream_timeout'),
      )
    })
    if (server instanceof GeminiBatchServer) {
      test('ends with the words of an upstream that fails it before anything is answered', async () => {
        const run = await aRun()
        await workAt(run, 0)
        server.fail('The file is no JSON.')

        const outcome = await workAt(run, HOUR_MS)

        expect(outcome).toBe('failed')
        expect((await rowOf(run)).error).toMatch(
          /nothing of it was asked\. INVALID_ARGUMENT: The file is no JSON\./,
        )
        expect(await countResults(open().sql, run.id)).toMatchObject({ answered: 0, failed: 0 })
        expect(setting.kept.wholes.length).toBe(4)
      })

      test('is not asked again where answers were made that nobody is given', async () => {
        const run = await aRun()
        await workAt(run, 0)
        server.fail('Out of quota.', { answered: 1 })

        const outcome = await workAt(run, HOUR_MS)

        expect(outcome).toBe('done')
        expect((await resultsOf(run)).map(({ errorCode }) => errorCode)).toEqual(
          Array(4).fill('upstream_unavailable'),
        )
        expect((await resultsOf(run))[0]?.error).toMatch(
          /ended as BATCH_STATE_FAILED .* may be paid for all the same/,
        )
        expect(server.batches.length).toBe(1)
      })
    }
  })
})
