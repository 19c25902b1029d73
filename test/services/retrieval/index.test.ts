/** An index version from documents to answers: built, looked at, searched, dropped. */

import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { newId } from '../../../src/lib/ids.ts'
import { createLocalProvider } from '../../../src/providers/local/local.ts'
import { DEFAULT_RETRIEVAL } from '../../../src/registry/releases/retrieval-settings.ts'
import { chunkerSettings } from '../../../src/retrieval/chunking/settings.ts'
import { buildIndex } from '../../../src/retrieval/indexes/build.ts'
import { createIndex, dropIndex, planIndex } from '../../../src/retrieval/indexes/create.ts'
import { findIndex } from '../../../src/retrieval/indexes/store.ts'
import { Retriever } from '../../../src/retrieval/retrieve.ts'
import { pushDocuments } from '../../../src/retrieval/sources/push.ts'
import { describeDatabases } from '../../support/database.ts'

const PROJECT = 'prj_default'
const ACTOR = { id: 'vk_test', name: 'test', projectId: PROJECT }
const MODELS = fileURLToPath(new URL('../../../models', import.meta.url))
const local = createLocalProvider({ folders: [MODELS], hub: { enabled: false, cacheFolder: MODELS } })
afterAll(() => local.close())

const TIMEOUTS = { connectMs: 1000, firstByteMs: 60_000, idleMs: 60_000, totalMs: 60_000 }
const embedderOf = (upstream: string, model: string) =>
  upstream === 'local' ? { upstream, provider: local, model, timeouts: TIMEOUTS } : null

const TEXTS = [
  ['shoes', 'Shoes may be returned within thirty days, unworn and in their box.'],
  ['invoice', 'An invoice is due fourteen days after delivery. Late payment costs interest.'],
  ['warranty', 'Every lamp has a warranty of five years against defects of the bulb.'],
  ['shipping', 'Parcels leave our warehouse on the day of the order and arrive in two days.'],
] as const

describeDatabases('an index version', (open) => {
  beforeEach(() => open().truncate())

  function deps() {
    const { db, sql, embedded } = open()
    const digestOf = async (_upstream: string, model: string) => local.describeEmbedding(model)
    return {
      db,
      sql,
      embedded,
      clock: systemClock,
      embedderOf,
      digestOf,
      signal: new AbortController().signal,
    }
  }

  async function built() {
    await pushDocuments(
      { sql: open().sql, clock: systemClock },
      ACTOR,
      'handbook',
      TEXTS.map(([key, text]) => ({ key, text, title: null, language: 'en', metadata: { topic: key } })),
    )
    const plan = await planIndex(deps(), PROJECT, {
      name: 'handbook',
      source: 'handbook',
      chunker: chunkerSettings.parse({}),
      embedding: { upstream: 'local', model: 'embed', queryPrefix: '', documentPrefix: '' },
      storage: 'vector',
    })
    const { index, created } = await createIndex(deps(), ACTOR, 'handbook', plan.manifest)
    expect(created).toBe(true)
    expect(await buildIndex(deps(), index.id)).toBe('ready')
    return index
  }

  function ask(text: string, settings: Partial<typeof DEFAULT_RETRIEVAL> = {}, projectId = PROJECT) {
    const { sql } = open()
    return new Retriever({ sql, clock: systemClock, embedderOf }).retrieve({
      projectId,
      index: { name: 'handbook', version: 1 },
      text,
      settings: { ...DEFAULT_RETRIEVAL, budget_ms: 30_000, ...settings },
      requestId: newId('req', Date.now()),
      signal: new AbortController().signal,
    })
  }

  test('is built, validated and finds what is asked for', async () => {
    const index = await built()
    const row = await findIndex(open().sql, PROJECT, { name: 'handbook', version: 1 })
    const { chunks, without } = await ask('Can I send back shoes?')

    expect(row).toMatchObject({
      state: 'ready',
      chunksTotal: 4,
      chunksDone: 4,
      documentsDone: 4,
      configurations: 'english',
    })
    expect(JSON.parse(row?.validation ?? '{}')).toMatchObject({ chunks: 4, selfRecall: 1, recallAt10: 1 })
    expect(without).toBe(null)
    expect(chunks[0]).toMatchObject({ key: 'shoes', ranks: { words: 1, vectors: 1 } })
    expect(index.version).toBe(1)
  })

  test('is searched by words alone, by vectors alone, and with filters', async () => {
    await built()

    expect((await ask('late interest', { mode: 'text' })).chunks.map(({ key }) => key)).toEqual(['invoice'])
    expect((await ask('bulb guarantee', { mode: 'vector', limit: 1 })).chunks.map(({ key }) => key)).toEqual([
      'warranty',
    ])
    expect((await ask('shoes', { filters: { topic: 'shipping' } })).chunks.map(({ key }) => key)).toEqual([
      'shipping',
    ])
    expect((await ask('shoes', { filters: { topic: 'nothing' } })).chunks).toEqual([])
  })

  test('is not there for another project, and gone once it is dropped', async () => {
    const index = await built()
    await expect(ask('shoes', {}, 'prj_other')).rejects.toMatchObject({ code: 'not_found' })

    await dropIndex(deps(), index)

    await expect(ask('shoes')).rejects.toMatchObject({ code: 'conflict' })
    const left = await open()
      .sql`SELECT relname FROM pg_class WHERE relname LIKE ${`chunks_${index.number}%`}`
    expect(left).toEqual([])
  })
})
