import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { CliDeps } from '../../../src/cli/root.ts'
import { runCli } from '../../../src/cli/run.ts'
import { createDatasetActions } from '../../../src/dataset-actions.ts'
import { createEvalActions } from '../../../src/eval-actions.ts'
import { createPromptActions } from '../../../src/prompt-actions.ts'
import { createSyncActions } from '../../../src/sync-actions.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { noAuditActions } from '../../support/audit-actions.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { logRow } from '../../support/log-row.ts'
import { noQualityActions } from '../../support/quality-actions.ts'

const BODY = '{"model":"support-answer","messages":[{"role":"user","content":"hi"}]}'
const ANSWER = JSON.stringify({ choices: [{ index: 0, message: { role: 'assistant', content: 'hello' } }] })
const id = (letter: string) => `req_01kb000000000000000000000${letter}`
const fit = { requestBody: BODY, responseBody: ANSWER, stream: false }

const rows = [
  logRow({ ...fit, id: id('a') }),
  logRow({ ...fit, id: id('b'), responseRedacted: { email: 1 } }),
  logRow({ ...fit, id: id('c'), requestRedacted: { email: 2 } }),
  logRow({ ...fit, id: id('d'), bodyState: 'erased', requestBody: null, responseBody: null }),
  logRow({ ...fit, id: id('e'), bodyState: 'unreadable', requestBody: null, responseBody: null }),
  logRow({ ...fit, id: id('f'), truncated: true, requestBody: BODY.slice(0, -9) }),
  logRow({ ...fit, id: id('g'), requestBody: '{"model":' }),
  logRow({ ...fit, id: id('h'), requestBody: '[1]' }),
  logRow({ ...fit, id: id('j'), operation: 'rerank' }),
  logRow({ ...fit, id: id('k'), keyId: null }),
  logRow({ ...fit, id: id('m'), replayOf: id('a'), durationMs: 240, inputTokens: null }),
  logRow({ ...fit, id: id('n'), truncated: true, inputTokens: null }),
]

let database: TestDatabase
let server: ApiServer
let calls: { body: string; replayOf: string | undefined }[]

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database, { rows })
  server.app.post('/v1/chat/completions', async (c) => {
    const body = await c.req.text()
    calls.push({ body, replayOf: c.req.header('x-aval-replay-of') })
    const error = (code: string) => ({ error: { message: `Said ${code}.`, type: 'x', param: null, code } })
    if (body.includes('"hour"')) return c.json(error('rate_limit_exceeded'), 429, { 'retry-after': '3600' })
    if (body.includes('"soon"') && calls.length < 4) {
      return c.json(error('rate_limit_exceeded'), 429, { 'retry-after-ms': '1' })
    }
    if (body.includes('"gone"')) return c.json(error('model_not_found'), 404)
    if (body.includes('"cut"')) {
      const events = `data: {"choices":[]}\n\ndata: ${JSON.stringify(error('upstream_cut'))}\n\n`
      return c.body(events, 200, { 'content-type': 'text/event-stream' })
    }
    // The log of this server is given: what stands there as the replay is what it says the new row is.
    return c.body(ANSWER, 200, { 'x-request-id': id('m'), 'content-type': 'application/json' })
  })
})
beforeEach(() => {
  calls = []
  server.records.length = 0
})
afterAll(async () => {
  await server.close()
  await database.close()
})

async function replay(words: string[], person: { interactive?: boolean; answer?: boolean } = {}) {
  const output = { out: '', err: '' }
  const asked: string[] = []
  const deps: CliDeps = {
    version: '0.1.0',
    settings: { url: server.url, key: server.keyOf('default', 'admin').token },
    terminal: {
      write: (text) => {
        output.out += text
      },
      writeError: (text) => {
        output.err += text
      },
      interactive: person.interactive ?? false,
      colors: false,
      columns: 120,
      timeZone: 'Asia/Tokyo',
      ask: async () => null,
      confirm: async (question) => {
        asked.push(question)
        return person.answer ?? false
      },
      progressStream: process.stderr,
    },
    actions: {
      serve: async () => 0,
      work: async () => 0,
      migrate: async () => 0,
      check: async () => 0,
      selfCheck: async () => [],
      audit: noAuditActions(),
      prompts: createPromptActions('.'),
      retrieval: async () => ({ sources: [], indexes: [] }),
      policies: { check: async () => [] },
      quality: noQualityActions(),
      datasets: createDatasetActions('.'),
      evals: createEvalActions('.'),
      sync: createSyncActions('.'),
    },
    nowMs: () => 1000,
  }
  const exitCode = await runCli(deps, ['requests', 'replay', '--against', 'other', ...words])
  return { exitCode, asked, ...output }
}

test('what cannot be sent again is counted by its reason', async () => {
  const { out, exitCode } = await replay(['--dry-run', '--json'])

  expect(JSON.parse(out)).toMatchObject({
    requests: [id('a'), id('b'), id('n')],
    skipped: {
      redacted: 1,
      erased: 1,
      unreadable: 1,
      cut: 1,
      not_json: 2,
      unsupported_operation: 1,
      no_key: 1,
      replay: 1,
    },
    input_tokens: { known: 24, unknown: 1 },
    cost: null,
  })
  expect(exitCode).toBe(0)
  expect(calls).toEqual([])
})

test('what people read before they consent', async () => {
  const { out } = await replay(['--dry-run'])

  expect(out).toMatchInlineSnapshot(`
    "requests    3 (3 chat) against other
    tokens in   24 (unknown of 1), when they were first sent
    tokens out  120, when they were first answered
    cost        unknown: no prices are known here

    LEFT OUT  WHY
    1         no chat, completion, embedding or response
    1         came without a valid key, so its body was never read
    1         a replay itself
    1         values were taken out of its body before it was kept
    1         its body was erased
    1         its body does not open: aval audit verify says more
    1         its body was kept in part
    2         its body is no JSON object with a model
    "
  `)
})

test('a person is asked, and no means that nothing is sent', async () => {
  const no = await replay([], { interactive: true, answer: false })

  expect(no).toMatchObject({ exitCode: 2, err: expect.stringContaining('Nothing was changed.') })
  expect(no.asked).toEqual(['Send these 3 requests to other? It is used and charged like any other call.'])
  expect(calls).toEqual([])
})

test('what people read when it is done', async () => {
  const { out, exitCode } = await replay(['--concurrency', '1'], { interactive: true, answer: true })

  expect(out).toMatchInlineSnapshot(`
    "3 of 3 sent to other, 3 completed

    OUTCOME    BEFORE  NOW
    completed  3       3

    COMPLETED BOTH TIMES  BEFORE  NOW     DIFFERENCE  N
    latency p50           1.24 s  240 ms  -1.00 s     3
    latency p95           1.24 s  240 ms              3
    first token p50       85 ms   85 ms   +0 ms       3
    first token p95       85 ms   85 ms               3

    TOKENS  BEFORE  UNKNOWN  NOW      UNKNOWN
    in      24      1        unknown  3
    out     120     0        120      0

    1 of 1 answers that could be compared are identical.
    "
  `)
  expect(exitCode).toBe(0)
  expect(calls).toEqual(
    ['a', 'b', 'n'].map((letter) => ({
      body: BODY.replace('support-answer', 'other'),
      replayOf: id(letter),
    })),
  )
})

test('an answer that was redacted or cut is not compared', async () => {
  const { out } = await replay(['--yes', '--json'])

  const { answers, pairs } = JSON.parse(out) as {
    answers: object
    pairs: { before: { id: string }; identical: boolean | null }[]
  }
  expect(answers).toEqual({ compared: 1, identical: 1, differing: 0 })
  expect(Object.fromEntries(pairs.map(({ before, identical }) => [before.id, identical]))).toEqual({
    [id('a')]: true,
    [id('b')]: null,
    [id('n')]: null,
  })
})

test('every read is on the log with the purpose, the one given or its own', async () => {
  await replay(['--yes', '--limit', '1'])
  const own = server.records.map(({ action, target, purpose }) => ({ action, target, purpose }))
  server.records.length = 0
  await replay(['--dry-run', '--limit', '1', '--purpose', 'ticket 812'])

  expect(own).toContainEqual({
    action: 'requests.show',
    target: id('a'),
    purpose: 'replay against other',
  })
  expect(new Set(own.map(({ purpose }) => purpose))).toEqual(new Set(['replay against other']))
  expect(server.records.map(({ purpose }) => purpose)).toEqual(['ticket 812', 'ticket 812'])
})

test('filters arrive as they are written for the list', async () => {
  await replay(['--dry-run', '--key-owner', 'web-shop', '--status', '5xx', '--replay-of', id('a')])

  expect(server.filters.at(-1)).toMatchObject({
    keyName: 'web-shop',
    status: { from: 500, to: 599 },
    replayOf: id('a'),
  })
})

test('a model that is none is refused before anything is read', async () => {
  const { exitCode, err } = await replay(['--against', 'x'.repeat(300)])

  expect(exitCode).toBe(2)
  expect(err).toContain('is no model')
  expect(server.records).toEqual([])
})

test('a limit is waited for as the server says', async () => {
  const { out, exitCode } = await replay(['--against', 'soon', '--limit', '1', '--yes', '--json'])

  expect(calls.map(({ replayOf }) => replayOf)).toEqual(Array(4).fill(id('a')))
  expect(JSON.parse(out)).toMatchObject({ sent: 1, outcomes: { completed: { before: 1, after: 1 } } })
  expect(exitCode).toBe(0)
})

test('a wait of an hour is a failure, told at once', async () => {
  const { out, exitCode } = await replay(['--against', 'hour', '--limit', '1', '--yes'])

  expect(calls).toHaveLength(1)
  expect(out).toMatch(/^rate_limit_exceeded +1 /m)
  expect(exitCode).toBe(1)
})

test('a stream that ends with an error is a failure, and nothing is compared', async () => {
  const { out, exitCode } = await replay(['--against', 'cut', '--yes'])

  expect(out).toContain('No two answers could be compared.')
  expect(out).toMatch(/^upstream_cut +3 /m)
  expect(exitCode).toBe(1)
})

test('a refusal that every other would meet, too, ends it', async () => {
  const { out, exitCode } = await replay(['--against', 'gone', '--concurrency', '1', '--yes', '--json'])

  expect(calls).toHaveLength(1)
  expect(JSON.parse(out)).toMatchObject({
    sent: 1,
    stopped: 'Given up: the others would have met the same. Said model_not_found.',
  })
  expect(exitCode).toBe(1)
})
