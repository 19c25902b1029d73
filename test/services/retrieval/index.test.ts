/** An index version from documents to answers: built, looked at, searched, dropped. */

import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { newId } from '../../../src/lib/ids.ts'
import { createLocalProvider } from '../../../src/providers/local/local.ts'
import type { Provider, ProviderCall, ProviderHandle } from '../../../src/providers/provider.ts'
import { DEFAULT_RETRIEVAL } from '../../../src/registry/releases/retrieval-settings.ts'
import { chunkerSettings } from '../../../src/retrieval/chunking/settings.ts'
import { buildIndex } from '../../../src/retrieval/indexes/build.ts'
import { createIndex, dropIndex, planIndex } from '../../../src/retrieval/indexes/create.ts'
import { parseManifest } from '../../../src/retrieval/indexes/manifest.ts'
import { documentsFrom, findIndex } from '../../../src/retrieval/indexes/store.ts'
import { Retriever } from '../../../src/retrieval/retrieve.ts'
import { nearestTo } from '../../../src/retrieval/search/nearest.ts'
import { pushDocuments } from '../../../src/retrieval/sources/push.ts'
import { describeDatabases } from '../../support/database.ts'

const PROJECT = 'prj_default'
const ACTOR = { id: 'vk_test', name: 'test', projectId: PROJECT, person: 'vk_test' }
const MODELS = fileURLToPath(new URL('../../../models', import.meta.url))
const local = createLocalProvider({ folders: [MODELS], hub: { enabled: false, cacheFolder: MODELS } })
afterAll(() => local.close())

const TIMEOUTS = { connectMs: 1000, firstByteMs: 60_000, idleMs: 60_000, totalMs: 60_000 }
const embedderOf = (upstream: string, model: string) =>
  upstream === 'local' ? { upstream, provider: local, model, timeouts: TIMEOUTS } : null

type Asked = { projectId: string; provider: Provider; signal: AbortSignal }

/** The shipped model behind a provider that does something to it on the way. */
function through(change: (call: ProviderCall, pass: () => ProviderHandle) => ProviderHandle): Provider {
  return {
    dialect: 'openai',
    supports: () => true,
    listModels: async () => [],
    close: async () => undefined,
    call: (call, sink) => change(call, () => local.call(call, sink)),
  }
}

const SILENT: ProviderHandle = { abort: () => undefined, pause: () => undefined, resume: () => undefined }

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

  async function planned() {
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
    return index
  }
  async function built() {
    const index = await planned()
    expect(await buildIndex(deps(), index.id)).toBe('ready')
    return index
  }

  function ask(text: string, settings: Partial<typeof DEFAULT_RETRIEVAL> = {}, more: Partial<Asked> = {}) {
    const { sql } = open()
    const { projectId = PROJECT, provider = local } = more
    const retriever = new Retriever({
      sql,
      clock: systemClock,
      embedderOf: (upstream, model) => ({ upstream, provider, model, timeouts: TIMEOUTS }),
    })
    return retriever.retrieve({
      projectId,
      index: { name: 'handbook', version: 1 },
      text,
      settings: { ...DEFAULT_RETRIEVAL, budget_ms: 30_000, ...settings },
      requestId: newId('req', Date.now()),
      signal: more.signal ?? new AbortController().signal,
    })
  }

  test('is asked in the words that its HNSW index was made with', async () => {
    const index = await built()
    const manifest = parseManifest(index.content)
    const vector = `'[${Array.from({ length: manifest.embedding.dimensions }, () => 1).join(',')}]'`
    const plan = await open().sql.begin(async (transaction) => {
      // Four rows are read faster than any index: what could be used is asked, not what is.
      await transaction`SET LOCAL enable_seqscan = off`
      await transaction`SET LOCAL enable_sort = off`
      return await transaction.unsafe(`EXPLAIN ${nearestTo({ ...index, manifest }, vector, 3, null)}`)
    })

    expect(plan.map((row) => Object.values(row)[0]).join('\n')).toContain(
      `Index Scan using chunk_vectors_${index.number}_hnsw`,
    )
  })

  test('is built from documents a few characters at a time, and from one however long', async () => {
    const { source } = parseManifest((await built()).content)
    const place = { projectId: PROJECT, snapshotHash: source.snapshot, source: source.name }
    const page = (from: number, characters: number, limit = 10) =>
      documentsFrom(open().sql, place, { from, characters, limit })
    const all = await page(0, 1_000_000)
    const [first, second] = all.map(({ body }) => body.length)

    expect(all.map(({ position }) => position)).toEqual([0, 1, 2, 3])
    expect(await page(0, 1)).toEqual(all.slice(0, 1))
    expect(await page(0, (first ?? 0) + 1)).toEqual(all.slice(0, 2))
    expect(await page(1, second ?? 0)).toEqual(all.slice(1, 2))
    expect(await page(0, 1_000_000, 3)).toEqual(all.slice(0, 3))
  })

  test('is refused when a document of its snapshot is missing, also among others', async () => {
    const index = await planned()
    await open().sql`DELETE FROM documents WHERE key = 'shipping'`

    expect(await buildIndex(deps(), index.id)).toBe('failed')

    const [build] = await open().sql`SELECT state, error FROM index_builds`
    expect(build).toMatchObject({
      state: 'failed',
      error: expect.stringMatching(/Document 1 of the snapshot is not there/),
    })
  })

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

  test('says that it is gone to a search that had opened it before', async () => {
    const index = await built()
    const retriever = new Retriever({ sql: open().sql, clock: systemClock, embedderOf })
    const question = () =>
      retriever.retrieve({
        projectId: PROJECT,
        index: { name: 'handbook', version: 1 },
        text: 'shoes',
        settings: { ...DEFAULT_RETRIEVAL, budget_ms: 30_000 },
        requestId: newId('req', Date.now()),
        signal: new AbortController().signal,
      })
    expect((await question()).chunks.length).toBeGreaterThan(0)

    await dropIndex(deps(), index)

    for (let round = 0; round < 2; round += 1) {
      await expect(question()).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('it was dropped'),
      })
    }
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
    await expect(ask('shoes', {}, { projectId: 'prj_other' })).rejects.toMatchObject({ code: 'not_found' })

    await dropIndex(deps(), index)

    await expect(ask('shoes')).rejects.toMatchObject({ code: 'conflict' })
    const left = await open()
      .sql`SELECT relname FROM pg_class WHERE relname LIKE ${`chunks_${index.number}%`}`
    expect(left).toEqual([])
  })

  test('is not searched with another model of the same dimension behind its model’s name', async () => {
    await built()
    // The same vectors in another order of columns: the right length, and meaningless beside the old ones.
    const shuffled: Provider = {
      ...through((_call, pass) => pass()),
      call: (call, sink) =>
        local.call(call, {
          ...sink,
          onHead: (head) => sink.onHead(head),
          onEnd: () => sink.onEnd(),
          onError: (error) => sink.onError(error),
          onData: (chunk) => {
            const answer = JSON.parse(chunk.toString()) as { data: { embedding: string }[] }
            for (const row of answer.data) {
              const bytes = Buffer.from(row.embedding, 'base64')
              row.embedding = bytes.swap32().reverse().toString('base64')
            }
            sink.onData(Buffer.from(JSON.stringify(answer)))
          },
        }),
    }

    await expect(ask('shoes', {}, { provider: shuffled })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('is not the model that its chunks were embedded with'),
    })
    expect((await ask('shoes')).chunks[0]?.key).toBe('shoes')
  })

  test('answers by words alone when the model is late or fails, and says so', async () => {
    await built()
    let calls = 0
    // The first call compares the probes; the second embeds the question.
    const late = through((_call, pass) => {
      calls += 1
      return calls === 1 ? pass() : SILENT
    })
    const { chunks, without } = await ask('late interest', { budget_ms: 300 }, { provider: late })

    expect(without).toBe('vectors')
    expect(chunks.map(({ key, cosine }) => [key, cosine])).toEqual([['invoice', null]])
    await expect(
      ask('late interest', { mode: 'vector', budget_ms: 300 }, { provider: late }),
    ).rejects.toMatchObject({
      code: 'upstream_timeout',
      message: expect.stringContaining('within 300 ms'),
    })
  })

  test('ends at once when whoever asked has left', async () => {
    await built()
    const left = new AbortController()
    const silent = through(() => {
      left.abort()
      return SILENT
    })

    await expect(ask('shoes', {}, { provider: silent, signal: left.signal })).rejects.toMatchObject({
      name: 'AbortError',
    })
  })

  test('spreads what it gives over documents and, when asked to, over meanings', async () => {
    await built()
    const all = await ask('delivery of an order', { limit: 4, mode: 'vector' })
    const varied = await ask('delivery of an order', { limit: 4, mode: 'vector', diversity: 0 })

    expect(varied.chunks.map(({ key }) => key).toSorted()).toEqual(
      all.chunks.map(({ key }) => key).toSorted(),
    )
    expect((await ask('delivery of an order', { mode: 'vector', min_score: 0.99 })).chunks).toEqual([])
  })

  test('is the same version when it is made again of the same, and another one of other documents', async () => {
    const index = await built()
    const again = await planAgain()
    await pushDocuments({ sql: open().sql, clock: systemClock }, ACTOR, 'handbook', [
      { key: 'shoes', text: 'Shoes stay with you.', title: null, language: 'en', metadata: {} },
    ])
    const changed = await planAgain()

    expect([again.index.id, again.created]).toEqual([index.id, false])
    expect([changed.index.version, changed.created]).toEqual([2, true])
  })

  async function planAgain() {
    const plan = await planIndex(deps(), PROJECT, {
      name: 'handbook',
      source: 'handbook',
      chunker: chunkerSettings.parse({}),
      embedding: { upstream: 'local', model: 'embed', queryPrefix: '', documentPrefix: '' },
      storage: 'vector',
    })
    return await createIndex(deps(), ACTOR, 'handbook', plan.manifest)
  }
})
