/** `aval index eval` against a real index behind a real /api. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runBuildIndex } from '../../../src/jobs/build-index.ts'
import type { Role } from '../../../src/keys/key.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { SET_DOCUMENTS, SET_QUERIES, writePublicSet } from '../../support/public-set.ts'
import { retrievalParts } from '../../support/retrieval.ts'

const FILES = ['--queries', 'shop-queries.jsonl', '--qrels', 'shop-qrels.tsv']

let database: TestDatabase
let server: ApiServer
let retrieval: ReturnType<typeof retrievalParts>
let folder: string

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
  retrieval = retrievalParts('.')
  folder = mkdtempSync(join(tmpdir(), 'aval-eval-'))
  writePublicSet(folder, 'shop')
  await call('POST', '/sources', { name: 'shop', kind: 'pushed', language: 'en' })
  await call('POST', '/sources/shop/documents', { documents: SET_DOCUMENTS })
  await build()
  // The second version lacks what two of the questions ask for.
  await call('DELETE', '/sources/shop/documents', { keys: ['shoes', 'invoice'] })
  await build()
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await server.close()
  await retrieval.close()
  await database.close()
})

async function call(method: string, path: string, body: object) {
  const answer = await fetch(`${server.url}/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${server.keyOf('default', 'engineer').token}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(await answer.text())
  return (await answer.json()) as { id: string }
}

async function build() {
  const { id } = await call('POST', '/indexes', { name: 'shop', source: 'shop' })
  const { sql, embedded } = database
  const deps = { sql, embedded, models: retrieval.parts.models, clock: systemClock }
  expect(await runBuildIndex(deps, { indexId: id }, new AbortController().signal)).toBe('ready')
}

const evaluate = (words: readonly string[], role: Role = 'engineer') =>
  commandLine(
    ['index', 'eval', ...words],
    { url: server.url, key: server.keyOf('default', role).token },
    { directory: folder },
  )
const put = (name: string, rows: readonly object[]) =>
  writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

describe('aval index eval', () => {
  test('measures a version by the judgements of a file', async () => {
    const { exitCode, out, err } = await evaluate(['shop@1', ...FILES, '--k', '5'])

    expect([exitCode, err]).toEqual([0, expect.stringContaining('shop@1  100 % of 6 questions')])
    expect(out).toMatch(/^shop@1, hybrid: 6 queries, means with 95 % intervals\n/)
    expect(out).toMatch(/^ +nDCG@10 +recall@5 +MRR +precision@5$/m)
    expect(out).toMatch(/^shop@1 +(?:0\.9\d\d|1\.000) \[.+\] +1\.000 \[1\.000, 1\.000\]/m)
  })

  test('compares two versions question by question', async () => {
    const { exitCode, out } = await evaluate(['shop@2', '--against', 'shop@1', ...FILES, '--json'])

    const figures = JSON.parse(out)
    expect(exitCode).toBe(0)
    expect(figures).toMatchObject({
      index: 'shop@2',
      against: 'shop@1',
      mode: 'hybrid',
      k: 10,
      queries: 6,
      baseline: 'shop@1',
      without: { 'shop@1': { words: 0, vectors: 0 }, 'shop@2': { words: 0, vectors: 0 } },
    })
    expect(figures.rows.map(({ name }: { name: string }) => name)).toEqual(['shop@1', 'shop@2'])
    expect(figures.rows.map((row: { recall_at_k: { mean: number } }) => row.recall_at_k.mean)).toEqual([
      1,
      4 / 6,
    ])
    expect(figures.differences[0]).toMatchObject({ name: 'shop@2', recall_at_k: { mean: -2 / 6 } })
  })

  test('asks the newest version when none is named, and by words alone when told so', async () => {
    const { out } = await evaluate(['shop', '--mode', 'text', ...FILES])

    expect(out).toMatch(/^shop@2, text: /)
  })

  test('says when the judgements name documents in another way than the index', async () => {
    put(
      'other.jsonl',
      SET_QUERIES.map(({ id }) => ({ query_id: id, doc_id: 'a.md', relevance: 1 })),
    )

    const { out } = await evaluate(['shop@1', '--queries', 'shop-queries.jsonl', '--qrels', 'other.jsonl'])

    expect(out).toContain('the judgements name documents like "a.md", and the index has documents like "')
    expect(out).toContain('Name them by their key in the source.')
  })

  test('says what was left out of the files', async () => {
    put('more.jsonl', [...SET_QUERIES, { id: 'q7', text: 'Do you sell hats?' }])

    const { out } = await evaluate(['shop@1', '--queries', 'more.jsonl', '--qrels', 'shop-qrels.tsv'])

    expect(out).toContain('Left out: 1 queries that nobody judged.')
  })

  test.each([
    [['shop@1', '--queries', 'none.jsonl', '--qrels', 'none.tsv'], 103, /none\.jsonl: cannot be read/],
    [['nothing', ...FILES], 2, /no index nothing/],
    [['shop@9', ...FILES], 2, /no index shop@9/],
    [['shop@1', '--against', 'shop@1', ...FILES], 2, /shop@1 itself/],
    [['shop@1', '--k', '51', ...FILES], 2, /at most 50/],
    [['shop@1', '--mode', 'both', ...FILES], 2, /Allowed choices are hybrid, vector, text/],
  ])('refuses %j', async (words, code, message) => {
    const { exitCode, out, err } = await evaluate(words)

    expect([exitCode, out]).toEqual([code, ''])
    expect(err).toMatch(message)
  })

  test('is nothing for a key that may not search', async () => {
    const { exitCode, err } = await evaluate(['shop@1', ...FILES], 'app')

    expect([exitCode, err]).toEqual([2, expect.stringContaining('permission_denied')])
  })
})
