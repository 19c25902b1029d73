import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../../src/lib/json.ts'
import { createAnthropicBatches } from '../../../../src/providers/anthropic/batches.ts'
import { anthropicTranslation } from '../../../../src/providers/anthropic/translation.ts'
import { ORDER, resultsOf, signal, wanted, wire } from '../batch-wire.ts'
import { fixtures, info } from '../translated-answers.ts'

const { bytes, json } = fixtures('anthropic')
const BATCHES = '/v1/messages/batches'
const batch = json('batch.json')
const { id } = batch as { id: string }
const speak = (script: Parameters<typeof wire>[2]) =>
  wire(createAnthropicBatches, anthropicTranslation, script)
const ended = (more: object = {}) => ({ ...batch, processing_status: 'ended', ...more })

describe('an order', () => {
  test('holds all requests in one body, each as a single call would send it', async () => {
    const { batches, sent } = speak({ [`POST ${BATCHES}`]: batch })
    if (batches.takes !== 'body') throw new Error('It takes a body.')
    const parts = batches.encode([
      { id: 'req_1', body: Buffer.from('{"model":"m","max_tokens":1e3}') },
      { id: 'req_2', body: Buffer.from('{"model":"m"}') },
    ])

    const made = await batches.create({ ...ORDER, parts }, signal)

    expect(sent).toEqual([
      {
        method: 'POST',
        path: BATCHES,
        headers: { 'x-key': 'k' },
        body: '{"requests":[{"custom_id":"req_1","params":{"model":"m","max_tokens":1e3}},{"custom_id":"req_2","params":{"model":"m"}}]}',
      },
    ])
    expect(made).toMatchObject({
      id,
      phase: 'under-way',
      status: 'in_progress',
      counts: { completed: 0, failed: 0 },
    })
    expect(batches.outputLimit({ max_tokens: 20 })).toBe(20)
    expect(batches.outputLimit({})).toBeNull()
  })

  test.each(['{"half":', '[]', '{}', '{"id":"","processing_status":"ended"}', '{"id":"x"}', '"x"'])(
    'that is answered with %s is answered with nonsense',
    async (answer) => {
      const { batches } = speak({ [`GET ${BATCHES}/x`]: answer })

      await expect(batches.read('x', signal)).rejects.toMatchObject({ code: 'upstream_malformed' })
    },
  )

  test('is read and stopped by its id, which cannot leave its collection', async () => {
    const { batches, sent } = speak({
      [`GET ${BATCHES}/..%2F..%2Fmodels`]: ended({ request_counts: { succeeded: 3, errored: 1 } }),
      [`POST ${BATCHES}/a%3Fb/cancel`]: batch,
    })

    const read = await batches.read('../../models', signal)
    await batches.cancel('a?b', signal)

    expect(read).toMatchObject({ phase: 'ended', results: [id], counts: { completed: 3, failed: 1 } })
    expect(sent.map(({ path }) => path)).toEqual([`${BATCHES}/..%2F..%2Fmodels`, `${BATCHES}/a%3Fb/cancel`])
  })
})

describe('results', () => {
  const path = `GET ${BATCHES}/${id}/results`

  test('are chat answers, failures and requests that it did not get to', async () => {
    const { batches } = speak({ [path]: bytes('batch-results.jsonl').toString() })

    const [answered, failed, ...untouched] = await resultsOf(batches, id)

    if (typeof answered !== 'object' || answered.end.kind !== 'answered') throw new Error('It is answered.')
    expect(answered.id).toBe('req_2')
    expect(JSON.parse(answered.end.body.toString())).toMatchObject({
      id: 'chatcmpl-req_2',
      model: 'some-model',
      created: 1_790_000_000,
      choices: [{ message: { content: "Hello again! It's nice to see you." }, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 100,
        completion_tokens: 36,
        prompt_tokens_details: { cached_tokens: 59, cache_write_tokens: 30 },
      },
    })
    expect(failed).toMatchObject({
      id: 'req_1',
      end: {
        kind: 'failed',
        error: { code: 'upstream_refused', upstreamStatus: 400, detail: 'max_tokens: Field required' },
      },
    })
    expect(untouched).toEqual([
      { id: 'req_3', end: { kind: 'untouched', code: 'expired' } },
      { id: 'req_4', end: { kind: 'untouched', code: 'canceled' } },
    ])
  })

  test.each(['text', 'thinking', 'parallel-tools', 'max-tokens', 'refusal', 'cache-usage'])(
    'translate %s as a single call is',
    async (name) => {
      const message = json(`${name}.json`)
      const line = JSON.stringify({ custom_id: 'abc123', result: { type: 'succeeded', message } })
      const { batches } = speak({ [path]: line })

      const [result] = await resultsOf(batches, id)

      if (typeof result !== 'object' || result.end.kind !== 'answered') throw new Error('It is answered.')
      expect(JSON.parse(result.end.body.toString())).toEqual(
        JSON.parse(JSON.stringify(anthropicTranslation.response('chat', message, info))),
      )
    },
  )

  test('that are garbage are counted, whatever stands between them', async () => {
    const lines = [
      '{half',
      '7',
      '{"custom_id":7}',
      'x'.repeat(20_000),
      '{"custom_id":"a"}',
      '{"custom_id":"b","result":[]}',
    ]
    const { batches } = speak({ [path]: lines.join('\n') })

    const results = await resultsOf(batches, id)

    expect(results.map((result) => (typeof result === 'string' ? result : result.end.kind))).toEqual([
      'strange',
      'strange',
      'strange',
      'long',
      'failed',
      'failed',
    ])
  })
})

describe('a batch whose submission was cut', () => {
  const listed = (one: string, more: object = {}): JsonObject => ({ ...batch, ...more, id: one })
  const list = (data: object[], more: object = {}) => ({ data, has_more: false, ...more })
  const first = `GET ${BATCHES}?limit=100`
  const theirs = '{"custom_id":"theirs","result":{"type":"expired"}}\n'
  const ours = '{"custom_id":"req_1","result":{"type":"expired"}}\n'

  test('is the one whose results name requests of ours', async () => {
    const { batches } = speak({
      [first]: list([listed('a', ended()), listed('b'), listed('c', ended())]),
      [`GET ${BATCHES}/a/results`]: theirs.repeat(30),
      [`GET ${BATCHES}/c/results`]: theirs + ours,
    })

    expect(await batches.find(wanted(), signal)).toMatchObject({ kind: 'found', batch: { id: 'c' } })
  })

  test('is none of another size, of another time, or of another order', async () => {
    const { batches, sent } = speak({
      [first]: list(
        [
          listed('late', { created_at: '2026-11-29T13:11:00Z' }),
          listed('large', {
            request_counts: { processing: 3, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
          }),
          listed('other'),
          listed('early', { created_at: '2026-11-29T11:49:00Z' }),
        ],
        { has_more: true },
      ),
    })

    expect(await batches.find(wanted({ others: async (ids) => new Set(ids) }), signal)).toEqual({
      kind: 'none',
    })
    // Behind one that is too old there are only older ones.
    expect(sent.length).toBe(1)
  })

  test('may be each that goes on, says nothing of itself, or has results that nobody can read', async () => {
    const mute = { created_at: null, request_counts: null }
    const { batches } = speak({
      [first]: list([listed('goes-on'), listed('mute', mute)], { has_more: true }),
      [`${first}&after_id=mute`]: list(['gone', 'garbage', 'theirs'].map((one) => listed(one, ended()))),
      [`GET ${BATCHES}/garbage/results`]: '{half',
      [`GET ${BATCHES}/theirs/results`]: theirs,
    })

    expect(await batches.find(wanted(), signal)).toEqual({
      kind: 'unclear',
      ids: ['goes-on', 'mute', 'gone', 'garbage'],
    })
  })

  test('is not looked for without end, nor given up for an upstream that cannot be asked', async () => {
    const page = Array.from({ length: 100 }, (_, at) => listed(`b${at}`))
    const endless = speak({
      [first]: list(page, { has_more: true }),
      [`${first}&after_id=b99`]: list(page, { has_more: true }),
    })
    const away = speak({ [first]: list([listed('a', ended())]), [`GET ${BATCHES}/a/results`]: 500 })
    const garbage = speak({ [first]: { data: 'none' } })

    for (const { batches } of [endless, away, garbage]) {
      await expect(batches.find(wanted(), signal)).rejects.toMatchObject({ name: 'UpstreamError' })
    }
    expect(endless.sent.length).toBe(3)
  })
})
