/** Public sets measured with the code that serves, on every kind of database. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { chunkerSettings } from '../../../src/retrieval/chunking/settings.ts'
import { benchJson, benchText } from '../../../src/retrieval/quality/bench-report.ts'
import { measureSet, type SetStep } from '../../../src/retrieval/quality/measure-set.ts'
import { findPublicSets, readDocuments, readQuerySet } from '../../../src/retrieval/quality/public-sets.ts'
import { describeDatabases } from '../../support/database.ts'
import { writePublicSet } from '../../support/public-set.ts'
import { shippedModels } from '../../support/retrieval.ts'

const models = shippedModels()
const folder = mkdtempSync(join(tmpdir(), 'aval-bench-'))
writePublicSet(folder, 'shop')
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await models.close()
})

function readShop() {
  const found = findPublicSets(folder)
  const [paths] = 'sets' in found ? found.sets : []
  if (paths === undefined) throw new Error('The set was not found.')
  const set = readQuerySet(paths.name, paths.queries, paths.qrels)
  const documents = readDocuments(paths.documents)
  if ('problems' in set || 'problems' in documents) throw new Error('The set has mistakes.')
  return { set, documents: documents.documents }
}

describeDatabases('a public set', (open) => {
  beforeEach(() => open().truncate())

  async function measure(onStep: (step: SetStep) => void = () => undefined, signal?: AbortSignal) {
    const { db, sql, embedded } = open()
    const deps = {
      ...models,
      db,
      sql,
      embedded,
      clock: systemClock,
      signal: signal ?? new AbortController().signal,
    }
    const settings = {
      name: 'set-1',
      chunker: chunkerSettings.parse({}),
      embedding: { upstream: 'local', model: 'embed', queryPrefix: '', documentPrefix: '' },
      language: 'en',
      k: 5,
    }
    return await measureSet(deps, { ...readShop(), settings }, onStep)
  }

  test('is pushed, indexed and asked by words, by vectors and by both', async () => {
    const steps: SetStep[] = []

    const measured = await measure((step) => void steps.push(step))

    const { report } = measured
    expect(report).toMatchObject({ set: 'shop', k: 5, queries: 6, baseline: 'text-only' })
    expect(report.rows.map(({ name, unanswered }) => [name, unanswered])).toEqual([
      ['text-only', 0],
      ['vector-only', 0],
      ['hybrid', 0],
    ])
    for (const { metrics } of report.rows) expect(metrics.recall?.mean).toBe(1)
    expect(report.rows[2]?.metrics.ndcg?.mean).toBeGreaterThan(0.9)
    expect(report.differences.map(({ name }) => name)).toEqual(['vector-only', 'hybrid'])
    expect(measured).toMatchObject({ documents: 12, chunks: 12, candidates: 100 })
    expect(steps.at(0)).toEqual({ what: 'pushing', done: 0, total: 12 })
    expect(steps.at(-1)).toEqual({ what: 'asking', done: 18, total: 18 })
  })

  test('is reported with what was indexed and how long searches took', async () => {
    const head = { model: 'local/embed', language: 'en', measured: [await measure()] }

    expect(benchText(head)).toMatch(
      /^shop: 6 queries.+\n\n.+nDCG@10.+\ntext-only .+\nvector-only .+\nhybrid /,
    )
    expect(benchText(head)).toContain('12 documents in 12 chunks (headings, at most 320 tokens)')
    expect(benchJson(head)).toMatchObject({
      model: 'local/embed',
      sets: [{ set: 'shop', k: 5, documents: 12, chunks: 12, dimensions: 256 }],
    })
  })

  test('is left at once when the person has enough', async () => {
    const enough = new AbortController()
    const measured = measure(({ what }) => {
      if (what === 'asking') enough.abort()
    }, enough.signal)

    await expect(measured).rejects.toMatchObject({ name: 'AbortError' })
  })
})
