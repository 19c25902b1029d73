/** An index in use: what the log says of its searches, and real questions as a query set that measures the next version. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandLine } from '../support/command-line.ts'
import { callAdmin } from './support/admin.ts'
import { type Contract, eventually, startContract } from './support/harness.ts'

const PROMPT = `
variables:
  type: object
  required: [question]
  properties: { question: { type: string } }
messages:
  - role: user
    content: "{{#contexts}}[{{number}}] {{text}} {{/contexts}}{{question}}"
`
const CHAT = '/v1/chat/completions'
/** Newest last. The third is the first again. */
const ASKED = [
  'May I return shoes?',
  'When is an invoice due?',
  'may I  return SHOES?',
  'How long is the warranty?',
]

let contract: Contract
let folder: string

const admin = (method: string, path: string, body?: object) => callAdmin(contract.gateway, method, path, body)

const aval = (...words: string[]) =>
  commandLine(words, { url: contract.gateway.url, key: contract.gateway.adminKey }, { directory: folder })
const linesOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aval-index-use-'))
  contract = await startContract({ settings: (up) => ({ upstreams: { up } }) })
  await admin('POST', '/sources', { kind: 'pushed', name: 'handbook', language: 'en' })
  await admin('POST', '/sources/handbook/documents', {
    documents: [
      { key: 'returns.md', text: 'Shoes may be returned within thirty days.' },
      { key: 'invoices.md', text: 'An invoice is due fourteen days after delivery.' },
      { key: 'warranty.md', text: 'Every lamp has a warranty of five years.' },
    ],
  })
  await admin('POST', '/indexes', { name: 'handbook', source: 'handbook' })
  await eventually('the build', async () => {
    const { state, error } = await admin('GET', '/indexes/handbook/1')
    if (state === 'failed') throw new Error(String(error))
    return state === 'ready' ? true : null
  })
  await admin('POST', '/prompts', { name: 'answer', content: PROMPT })
  await admin('POST', '/model-versions', { name: 'small', upstream: 'up', model: 'small-1' })
  const release = { prompt: 'answer', models: [{ model: 'small' }], index: 'handbook' }
  await admin('POST', '/releases', { ...release, route: 'answer', retrieval: { limit: 2 } })
  await admin('POST', '/releases', { ...release, route: 'strict', retrieval: { min_score: 0.999 } })
  for (const route of ['answer', 'strict']) {
    await admin('PUT', `/labels/${route}/production`, { release: 'r1', reason: 'first' })
  }
  for (const question of ASKED) {
    await contract.post(CHAT, { model: 'answer', prompt: { variables: { question } } })
  }
  await contract.post(CHAT, { model: 'strict', prompt: { variables: { question: 'Do you sell hats?' } } })
  await eventually('the log', async () => {
    const { count } = await admin('GET', '/requests/count?index=handbook')
    return count === 5 ? true : null
  })
}, 120_000)
afterAll(async () => {
  await contract?.close()
  rmSync(folder, { recursive: true })
})

describe('aval index signals', () => {
  test('tells how near passages were, how often there was none, and how old the documents are', async () => {
    const { exitCode, out } = await aval('index', 'signals', 'handbook', '--min-score', '0.9', '--json')

    const { data } = JSON.parse(out)
    const points = {
      p5: expect.any(Number),
      p25: expect.any(Number),
      p50: expect.any(Number),
      p75: expect.any(Number),
      p95: expect.any(Number),
    }
    expect(exitCode).toBe(0)
    expect(data).toEqual([
      {
        index: 'handbook@1',
        searched: 5,
        unsearched: 0,
        empty: { count: 1, share: 0.2 },
        without_vectors: { count: 0, share: 0 },
        without_words: { count: 0, share: 0 },
        below: { min_score: 0.9, count: 5, share: 1 },
        best_cosine: points,
        first_score: points,
        duration_ms: points,
        source: {
          name: 'handbook',
          documents: 3,
          snapshot_at: expect.stringMatching(/^\d{4}-.+Z$/),
          snapshot_age_seconds: expect.any(Number),
          synced_at: expect.stringMatching(/^\d{4}-.+Z$/),
        },
      },
    ])
    const { p5, p50, p95 } = data[0].best_cosine
    expect(p5).toBeGreaterThan(0)
    expect(p50).toBeGreaterThanOrEqual(p5)
    expect(p95).toBeLessThan(0.9)
    expect(data[0].source.snapshot_age_seconds).toBeLessThan(600)
  })

  test('is a few lines for a person, and a record on the log', async () => {
    const { out } = await aval('index', 'signals', 'handbook', '--purpose', 'weekly look')

    expect(out).toMatch(/^handbook@1\nsearched +5 times\nno passage +1 \(20\.0 %\)\n/)
    expect(out).toMatch(/^best cosine +0\.\d{3}/m)
    expect(out).toMatch(/^search took +[\d.]+ m?s/m)
    const events = await eventually('the record', async () => {
      const { data } = await admin('GET', '/events?action=index.signals')
      const found = data as { target: string; purpose: string | null }[]
      return found.length > 1 ? found : null
    })
    expect(events[0]).toMatchObject({ target: 'handbook', purpose: 'weekly look' })
  })

  test.each([
    [['nothing'], 2, /no index nothing/],
    [['handbook@1'], 2, /Write handbook, without a version/],
    [['handbook', '--min-score', '2'], 2, /Write a cosine from -1 to 1/],
  ])('refuses %j', async (words, code, message) => {
    const { exitCode, err } = await aval('index', 'signals', ...words)

    expect(exitCode).toBe(code)
    expect(err).toMatch(message)
  })

  test('says when nobody asked in this time', async () => {
    const { exitCode, out } = await aval(
      'index',
      'signals',
      'handbook',
      '--since',
      '2020-01-01',
      '--until',
      '2020-01-02',
    )

    expect([exitCode, out]).toEqual([
      0,
      expect.stringContaining('No logged request pinned handbook in this time.'),
    ])
  })

  test('is nothing for an app: it tells of the log', async () => {
    const { exitCode, err } = await commandLine(
      ['index', 'signals', 'handbook'],
      { url: contract.gateway.url, key: contract.gateway.appKey },
      { directory: folder },
    )

    expect([exitCode, err]).toEqual([2, expect.stringContaining('permission_denied')])
  })
})

describe('aval index queries', () => {
  test('gives each question once, newest first, with what was found and a form to judge it', async () => {
    const template = join(folder, 'qrels.jsonl')

    const { exitCode, out, err } = await aval('index', 'queries', 'handbook', '--template', template)

    const lines = linesOf(out)
    expect(exitCode).toBe(0)
    expect(lines.map(({ text, asked }) => [text, asked])).toEqual([
      ['Do you sell hats?', 1],
      ['How long is the warranty?', 1],
      ['may I  return SHOES?', 2],
      ['When is an invoice due?', 1],
    ])
    expect(lines[1]).toMatchObject({
      id: expect.stringMatching(/^req_/),
      request_id: lines[1].id,
      index: 'handbook@1',
      retrieved: [{ doc_id: 'warranty.md', chunk: expect.any(Number), cosine: expect.any(Number) }, {}],
    })
    expect(lines[0].retrieved).toEqual([])
    expect(err).toContain('4 questions of 5 requests; each read is on the log.')
    expect(linesOf(readFileSync(template, 'utf8'))).toContainEqual({
      query_id: lines[1].id,
      doc_id: 'warranty.md',
      relevance: null,
      question: 'How long is the warranty?',
    })
  })

  test('every body that was read is on the log, with the purpose', async () => {
    await aval('index', 'queries', 'handbook@1', '--limit', '2', '--purpose', 'judging returns')

    const reads = await eventually('the records', async () => {
      const { data } = await admin('GET', '/events?action=requests.show&limit=200')
      const found = (data as { purpose: string | null }[]).filter(
        ({ purpose }) => purpose === 'judging returns',
      )
      return found.length >= 2 ? found : null
    })
    expect(reads.length).toBeLessThanOrEqual(4)
  })

  test('a judged form measures the index: what was asked yesterday decides what is served tomorrow', async () => {
    const { out } = await aval('index', 'queries', 'handbook')
    writeFileSync(join(folder, 'queries.jsonl'), out)
    const right = { 'How long is the warranty?': 'warranty.md', 'When is an invoice due?': 'invoices.md' }
    const judged = linesOf(out).flatMap(({ id, text }) => {
      const document = right[text as keyof typeof right]
      return document === undefined ? [] : [{ query_id: id, doc_id: document, relevance: 1 }]
    })
    writeFileSync(join(folder, 'judged.jsonl'), judged.map((row) => `${JSON.stringify(row)}\n`).join(''))

    const evaluated = await aval(
      ...['index', 'eval', 'handbook', '--queries', 'queries.jsonl', '--qrels', 'judged.jsonl', '--json'],
    )

    expect(JSON.parse(evaluated.out)).toMatchObject({
      index: 'handbook@1',
      queries: 2,
      rows: [{ name: 'handbook@1', recall_at_k: { mean: 1 } }],
      notes: expect.arrayContaining(['Left out: 2 queries that nobody judged.']),
    })
  })

  test('a form that is not filled in is told by its line, and one that is there is not written over', async () => {
    const template = join(folder, 'again.jsonl')
    await aval('index', 'queries', 'handbook', '--template', template)
    const again = await aval('index', 'queries', 'handbook', '--template', template)
    const evaluated = await aval(
      ...['index', 'eval', 'handbook', '--queries', 'queries.jsonl', '--qrels', 'again.jsonl'],
    )

    expect([again.exitCode, again.err]).toEqual([2, expect.stringContaining('is not written over')])
    expect(evaluated.exitCode).toBe(103)
    expect(evaluated.err).toContain('again.jsonl: line 1: "relevance" is not a number.')
  })

  test('nothing to give is exit 103', async () => {
    const { exitCode, out } = await aval('index', 'queries', 'other')

    expect([exitCode, out]).toEqual([103, ''])
  })
})

test('requests are listed and exported by the index that their release pins', async () => {
  const any = await aval('requests', 'list', '--index', 'handbook', '--json')
  const one = await aval('requests', 'list', '--index', 'handbook@1', '--json')
  const none = await aval('requests', 'list', '--index', 'handbook@11', '--json')
  const wrong = await aval('requests', 'list', '--index', 'Hand Book')

  expect(JSON.parse(any.out).data).toHaveLength(5)
  expect(JSON.parse(one.out).data).toHaveLength(5)
  expect(JSON.parse(none.out).data).toEqual([])
  expect([wrong.exitCode, wrong.err]).toEqual([2, expect.stringContaining('handbook@5')])
})
