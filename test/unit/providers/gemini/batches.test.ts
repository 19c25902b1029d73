import { describe, expect, test } from 'vitest'
import { UpstreamError } from '../../../../src/errors.ts'
import { createGeminiBatches } from '../../../../src/providers/gemini/batches.ts'
import { geminiTranslation } from '../../../../src/providers/gemini/translation.ts'
import { ORDER, resultsOf, signal, wanted, wire } from '../batch-wire.ts'
import { fixtures, info } from '../translated-answers.ts'

const { bytes, json } = fixtures('gemini')
const batch = json('batch.json')
const id = '7h9w4gzuqot3bb3fpd1e2nqcp980iwnmjs7n'
const speak = (script: Parameters<typeof wire>[2]) => wire(createGeminiBatches, geminiTranslation, script)
const metadata = batch.metadata as object
const inState = (state: string, more: object = {}) => ({
  name: `batches/${id}`,
  metadata: { ...metadata, output: undefined, state, ...more },
})

describe('an order', () => {
  test('is made of a file that goes up with what it is called in front of it', async () => {
    const { batches, sent } = speak({
      'POST /upload/v1beta/files?uploadType=multipart': {
        file: { name: 'files/85nave4ld71j', state: 'ACTIVE' },
      },
      'POST /v1beta/models/some-model:batchGenerateContent': batch,
    })
    if (batches.takes !== 'file') throw new Error('It takes a file.')
    const parts = batches.encode([
      { id: 'req_1', body: Buffer.from('{"contents":[],"x":1e3}') },
      { id: 'req_2', body: Buffer.from('{}') },
    ])

    const fileId = await batches.upload({ name: 'bat_1.jsonl', parts }, signal)
    const made = await batches.create({ ...ORDER, fileId }, signal)

    const [upload, create] = sent
    const boundary = /^multipart\/related; boundary=(\S+)$/.exec(upload?.headers['content-type'] ?? '')?.[1]
    expect(upload?.body).toBe(
      `--${boundary}\r\ncontent-type: application/json; charset=utf-8\r\n\r\n{"file":{"displayName":"bat_1.jsonl","mimeType":"application/jsonl"}}\r\n` +
        `--${boundary}\r\ncontent-type: application/jsonl\r\n\r\n{"key":"req_1","request":{"contents":[],"x":1e3}}\n{"key":"req_2","request":{}}\n\r\n--${boundary}--\r\n`,
    )
    expect(JSON.parse(create?.body ?? '')).toEqual({
      batch: { display_name: 'bat_1', input_config: { file_name: 'files/85nave4ld71j' } },
    })
    expect(fileId).toBe('85nave4ld71j')
    expect(made).toMatchObject({
      id,
      phase: 'ended',
      results: ['batch-7h9w4gzuqot3'],
      counts: { completed: 2, failed: 1 },
    })
  })

  test('says how long answers may be in its own way', () => {
    const { batches } = speak({})

    expect(batches.outputLimit({ generationConfig: { maxOutputTokens: 20, candidateCount: 3 } })).toBe(60)
    expect(batches.outputLimit({ generationConfig: { maxOutputTokens: 20 } })).toBe(20)
    expect(batches.outputLimit({ max_tokens: 20 })).toBeNull()
  })

  test.each(['{}', '[]', '{"name":7}', '{"name":"models/x"}', '{"name":"batches/"}'])(
    'that is answered with %s is answered with nonsense',
    async (answer) => {
      const { batches } = speak({ 'GET /v1beta/batches/x': answer })

      await expect(batches.read('x', signal)).rejects.toMatchObject({ code: 'upstream_malformed' })
    },
  )

  test.each([
    ['BATCH_STATE_PENDING', {}, 'under-way'],
    ['BATCH_STATE_RUNNING', {}, 'under-way'],
    ['SOMETHING_NEW', {}, 'under-way'],
    ['BATCH_STATE_SUCCEEDED', {}, 'ended'],
    ['JOB_STATE_SUCCEEDED', {}, 'ended'],
    // Nothing was answered: nobody is paid, and it may go again.
    ['BATCH_STATE_EXPIRED', { batchStats: { requestCount: '3' } }, 'cut'],
    ['BATCH_STATE_CANCELLED', { batchStats: { requestCount: '3' } }, 'cut'],
    ['BATCH_STATE_FAILED', { batchStats: { requestCount: '3' } }, 'refused'],
    // What was answered is there, and the rest was not asked.
    ['BATCH_STATE_CANCELLED', { output: { responsesFile: 'files/x' } }, 'cut'],
    // Something was answered that nobody is given, or nobody knows whether.
    ['BATCH_STATE_CANCELLED', {}, 'failed'],
    ['BATCH_STATE_EXPIRED', { batchStats: null }, 'failed'],
    ['BATCH_STATE_FAILED', {}, 'failed'],
  ])('in the state %s with %j is %s', async (state, more, phase) => {
    const { batches } = speak({ [`GET /v1beta/batches/${id}`]: inState(state, more) })

    expect(await batches.read(id, signal)).toMatchObject({ phase, status: state })
  })

  test('that failed has the reason of the operation, and is stopped by its id', async () => {
    const { batches } = speak({
      [`GET /v1beta/batches/${id}`]: {
        ...inState('BATCH_STATE_FAILED'),
        error: { code: 9, message: 'No file.' },
      },
      'POST /v1beta/batches/a%2Fb:cancel': {},
    })

    const { errors } = await batches.read(id, signal)
    await batches.cancel('a/b', signal)

    expect(errors).toEqual([{ line: null, code: 'FAILED_PRECONDITION', message: 'No file.' }])
  })
})

describe('results', () => {
  const path = 'GET /download/v1beta/files/f1:download?alt=media'

  test('are chat answers, failures and requests that it did not get to', async () => {
    const { batches } = speak({ [path]: bytes('batch-results.jsonl').toString() })

    const [answered, refused, untouched, limited] = await resultsOf(batches, 'f1')

    if (typeof answered !== 'object' || answered.end.kind !== 'answered') throw new Error('It is answered.')
    expect(JSON.parse(answered.end.body.toString())).toMatchObject({
      id: 'chatcmpl-req_1',
      model: 'some-model',
      choices: [{ message: { content: 'Photosynthesis makes sugar of light.' }, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 8,
        completion_tokens: 412,
        completion_tokens_details: { reasoning_tokens: 400 },
      },
    })
    expect(refused).toMatchObject({
      id: 'req_2',
      end: { kind: 'failed', error: { code: 'upstream_refused', upstreamStatus: 400 } },
    })
    expect(untouched).toEqual({ id: 'req_3', end: { kind: 'untouched', code: 'CANCELLED' } })
    expect(limited).toMatchObject({
      id: 'req_4',
      end: { kind: 'failed', error: { code: 'upstream_rate_limited' } },
    })
  })

  test.each([
    'text',
    'thinking',
    'parallel-tools',
    'two-candidates',
    'safety',
    'blocked-prompt',
    'cache-usage',
  ])('translate %s as a single call is', async (name) => {
    const response = json(`${name}.json`)
    const { batches } = speak({ [path]: JSON.stringify({ key: 'abc123', response }) })

    const [result] = await resultsOf(batches, 'f1')

    if (typeof result !== 'object' || result.end.kind !== 'answered') throw new Error('It is answered.')
    expect(JSON.parse(result.end.body.toString())).toEqual(
      JSON.parse(JSON.stringify(geminiTranslation.response('chat', response, info))),
    )
  })

  test('that are garbage are counted, whatever stands between them', async () => {
    const lines = [
      '{half',
      'null',
      '{"key":7}',
      'x'.repeat(20_000),
      '{"key":"a"}',
      '{"metadata":{"key":"b"},"response":{}}',
    ]
    const { batches } = speak({ [path]: lines.join('\n') })

    const results = await resultsOf(batches, 'f1')

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
  const first = 'GET /v1beta/batches?pageSize=100'
  const other = {
    name: 'batches/other',
    metadata: { displayName: 'bat_2', inputConfig: { fileName: 'files/y' } },
  }

  test.each([
    ['its name', wanted()],
    ['its file', wanted({ name: 'bat_9', fileId: '85nave4ld71j' })],
  ])('is found by %s, on whichever page it stands', async (_what, order) => {
    const { batches } = speak({
      [first]: { operations: [other, { name: 'tunedModels/x/operations/y' }], nextPageToken: 'next' },
      [`${first}&pageToken=next`]: { operations: [batch] },
    })

    expect(await batches.find(order, signal)).toMatchObject({ kind: 'found', batch: { id } })
  })

  test('is not there when the whole list has nothing of it', async () => {
    const { batches } = speak({
      [first]: { operations: [other], nextPageToken: 'n' },
      [`${first}&pageToken=n`]: {},
    })

    expect(await batches.find(wanted(), signal)).toEqual({ kind: 'none' })
  })

  test.each([[{ operations: 'none' }], [{ operations: [{}] }], [{ operations: [null] }], [[]]])(
    'is not taken for missing when the list is %j',
    async (list) => {
      const { batches } = speak({ [first]: list })

      await expect(batches.find(wanted(), signal)).rejects.toMatchObject({ code: 'upstream_malformed' })
    },
  )

  test('is looked for in smaller pages where others stand in the list with all their results', async () => {
    const tooLarge = new UpstreamError('upstream_too_large', 'Too large.', { retryable: false })
    const page = (size: number) => `GET /v1beta/batches?pageSize=${size}`
    const { batches } = speak({
      [page(100)]: tooLarge,
      [page(10)]: { operations: [other], nextPageToken: 'n' },
      [`${page(10)}&pageToken=n`]: tooLarge,
      [`${page(1)}&pageToken=n`]: { operations: [batch] },
    })
    const huge = speak({ [page(100)]: tooLarge, [page(10)]: tooLarge, [page(1)]: tooLarge })

    expect(await batches.find(wanted(), signal)).toMatchObject({ kind: 'found', batch: { id } })
    await expect(huge.batches.find(wanted(), signal)).rejects.toBe(tooLarge)
  })

  test('is not looked for without end', async () => {
    const { batches, sent } = speak({
      [first]: { operations: [other], nextPageToken: 'n' },
      [`${first}&pageToken=n`]: { operations: [other], nextPageToken: 'n' },
    })

    await expect(batches.find(wanted(), signal)).rejects.toMatchObject({ code: 'upstream_malformed' })
    expect(sent.length).toBe(500)
  })
})
