/** What a build takes from the version before: vectors of the same texts by the same model, and nothing else. */

import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLocalProvider } from '../../../src/providers/local/local.ts'
import type { Provider } from '../../../src/providers/provider.ts'
import { chunkerSettings } from '../../../src/retrieval/chunking/settings.ts'
import { buildIndex } from '../../../src/retrieval/indexes/build.ts'
import { createIndex, planIndex } from '../../../src/retrieval/indexes/create.ts'
import { partitionOf } from '../../../src/retrieval/indexes/partitions.ts'
import { findIndexById } from '../../../src/retrieval/indexes/store.ts'
import { PROBES } from '../../../src/retrieval/probe.ts'
import { pushDocuments } from '../../../src/retrieval/sources/push.ts'
import { describeDatabases } from '../../support/database.ts'

const PROJECT = 'prj_default'
const ACTOR = { id: 'vk_test', name: 'test', projectId: PROJECT, person: 'vk_test' }
const MODELS = fileURLToPath(new URL('../../../models', import.meta.url))
const local = createLocalProvider({ folders: [MODELS], hub: { enabled: false, cacheFolder: MODELS } })
afterAll(() => local.close())
const TIMEOUTS = { connectMs: 1000, firstByteMs: 60_000, idleMs: 60_000, totalMs: 60_000 }

/** Texts that were embedded, without the ones that only tell models apart. */
let embedded: string[] = []
/** Put before every text: another model behind the same name. */
let accent = ''
const listening: Provider = {
  dialect: 'openai',
  supports: () => true,
  listModels: async () => [],
  close: async () => undefined,
  call: (call, sink) => {
    const input = call.parsed.input as string[]
    embedded.push(...input.filter((text) => !(PROBES as readonly string[]).includes(text)))
    const parsed = { ...call.parsed, input: input.map((text) => accent + text) }
    return local.call({ ...call, parsed }, sink)
  },
}

describeDatabases('a build after a build', (open) => {
  beforeEach(async () => {
    await open().truncate()
    embedded = []
    accent = ''
  })

  const deps = () => ({
    ...open(),
    clock: systemClock,
    embedderOf: (upstream: string, model: string) => ({
      upstream,
      provider: listening,
      model,
      timeouts: TIMEOUTS,
    }),
    digestOf: async () => null,
    signal: new AbortController().signal,
  })

  const push = (key: string, text: string, metadata = {}) =>
    pushDocuments(deps(), ACTOR, 'handbook', [{ key, text, title: null, language: 'en', metadata }])

  async function build() {
    const plan = await planIndex(deps(), PROJECT, {
      name: 'handbook',
      source: 'handbook',
      chunker: chunkerSettings.parse({}),
      embedding: { upstream: 'remote', model: 'embed', queryPrefix: '', documentPrefix: '' },
      storage: 'vector',
    })
    const { index } = await createIndex(deps(), ACTOR, 'handbook', plan.manifest)
    embedded = []
    expect(await buildIndex(deps(), index.id)).toBe('ready')
    return index
  }

  const vectorsOf = async (number: number) =>
    await open().sql.unsafe<{ body: string; embedding: string; lexemes: string }[]>(
      `SELECT c.body, v.embedding::text AS embedding, t.lexemes::text AS lexemes
       FROM ${partitionOf('chunks', number)} c
       JOIN ${partitionOf('chunk_vectors', number)} v USING (index_number, number)
       JOIN ${partitionOf('chunk_terms', number)} t USING (index_number, number) ORDER BY c.body`,
    )

  test('embeds what is new, and has the rest from it: also of a document whose metadata changed', async () => {
    await push('a', 'Shoes may be returned within thirty days.')
    await push('b', 'An invoice is due after fourteen days.')
    const first = await build()
    await push('a', 'Shoes may be returned within thirty days.', { topic: 'shoes' })
    await push('c', 'Every lamp has a warranty of five years.')

    const second = await build()

    const [old, now] = [await vectorsOf(first.number), await vectorsOf(second.number)]
    // What comes after it are questions of the validation.
    expect(embedded.slice(0, 1)).toEqual(['Every lamp has a warranty of five years.'])
    expect(now).toHaveLength(3)
    for (const row of old) expect(now).toContainEqual(row)
    expect(await findIndexById(open().sql, second.id)).toMatchObject({ chunksDone: 3, chunksTotal: 3 })
  })

  test('takes nothing when the model behind the name gives other vectors', async () => {
    await push('a', 'Shoes may be returned within thirty days.')
    await build()
    await push('b', 'An invoice is due after fourteen days.')
    accent = 'A song of the sea, of ships and of storms. '

    await build()

    expect(embedded.slice(0, 2).toSorted()).toEqual([
      'An invoice is due after fourteen days.',
      'Shoes may be returned within thirty days.',
    ])
  })

  test('has a text that stands twice, in the version before and in this one, once for each place', async () => {
    await push('a', 'The same words.')
    await push('b', 'The same words.')
    await build()
    await push('c', 'The same words.')

    const second = await build()

    expect(await vectorsOf(second.number)).toHaveLength(3)
  })
})
