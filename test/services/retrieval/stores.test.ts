/** A worker at vector stores: what others do meanwhile, what fails, what ends, what is let go. */

import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { UpstreamError } from '../../../src/errors.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { newId } from '../../../src/lib/ids.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import { moveLabel } from '../../../src/promotion/promote.ts'
import type { Provider } from '../../../src/providers/provider.ts'
import { createRelease } from '../../../src/registry/releases/create.ts'
import { createParser, type Parser } from '../../../src/retrieval/documents/parser.ts'
import { keepFile, receiveFile } from '../../../src/retrieval/files/files.ts'
import { findFile, reserveFile } from '../../../src/retrieval/files/store.ts'
import { dropIndex } from '../../../src/retrieval/indexes/create.ts'
import { findIndex, findIndexById } from '../../../src/retrieval/indexes/store.ts'
import { Retriever } from '../../../src/retrieval/retrieve.ts'
import {
  addFiles,
  changeAttributes,
  createStore,
  deleteStore,
  getStore,
  removeFile,
  showStore,
} from '../../../src/retrieval/stores/change.ts'
import { dropOtherVersions } from '../../../src/retrieval/stores/drop-versions.ts'
import { findStoreFile } from '../../../src/retrieval/stores/file-rows.ts'
import { compileFilter } from '../../../src/retrieval/stores/filters.ts'
import { searchStore } from '../../../src/retrieval/stores/search.ts'
import { indexNameOf } from '../../../src/retrieval/stores/store.ts'
import { tidyStores } from '../../../src/retrieval/stores/tidy.ts'
import { SILENT_MS, type UpdateDeps, updateStore } from '../../../src/retrieval/stores/update.ts'
import { describeDatabases } from '../../support/database.ts'
import { AUTHOR, seedModel, seedPrompt } from '../../support/registry.ts'
import { shippedModels } from '../../support/retrieval.ts'

const DAY_MS = 86_400_000
const models = shippedModels()
const parser = createParser()
afterAll(async () => {
  await models.close()
  await parser.close()
})

describeDatabases('a worker at a vector store', (open) => {
  /** How far the clock of the test is ahead. */
  let aheadMs = 0
  const clock = { ...systemClock, nowMs: () => Date.now() + aheadMs }
  beforeEach(async () => {
    aheadMs = 0
    await open().truncate()
  })

  const deps = (more: Partial<UpdateDeps> = {}): UpdateDeps => ({
    ...open(),
    clock,
    parser,
    models: async () => models,
    signal: new AbortController().signal,
    ...more,
  })
  const { projectId } = AUTHOR

  async function file(name: string, content: string, expiresAfterSeconds: number | null = null) {
    async function* bytes() {
      yield Buffer.from(content)
    }
    const received = await receiveFile(deps(), AUTHOR, bytes(), content.length)
    const about = { name, mediaType: null, purpose: 'assistants' as const, expiresAfterSeconds }
    return (await keepFile(deps(), received, about)).id
  }
  const given = (fileId: string, attributes: object = {}) => ({
    fileId,
    attributes: JSON.stringify(attributes),
    chunker: null,
  })
  async function store(files: string[], more: { expiresDays?: number; embedding?: string } = {}) {
    return await createStore(deps(), AUTHOR, newId('vs', clock.nowMs()), {
      name: 'store',
      description: null,
      metadata: '{}',
      embedding: more.embedding ?? 'local/embed',
      expiresDays: more.expiresDays ?? null,
      files: files.map((id) => given(id)),
    })
  }
  const now = (id: string) => getStore(deps(), projectId, id)
  const countsOf = async (id: string) => JSON.parse((await showStore(deps(), projectId, id)).counts)
  async function ask(
    id: string,
    query: string,
    retriever?: Pick<Retriever, 'retrieve'>,
    minScore: number | null = null,
  ) {
    const own = retriever ?? new Retriever({ ...deps(), embedderOf: models.embedderOf })
    const search = { queries: [query], filter: null, limit: 10, minScore, vectorsAlone: false }
    const call = { requestId: newId('req', 1), signal: new AbortController().signal }
    const { found } = await searchStore({ ...deps(), retriever: own }, await now(id), search, call)
    return found.map(({ fileName }) => fileName)
  }
  const versions = async (id: string) =>
    await open().sql<{ version: number; state: string }[]>`
      SELECT v.version, b.state FROM index_versions v JOIN index_builds b ON b.index_id = v.id
      WHERE v.name = ${indexNameOf(id)} ORDER BY v.version`
  /** A parser that waits in the middle of each file. */
  function pausing(during: (name: string) => Promise<unknown>): Pick<Parser, 'parse'> {
    return {
      parse: async (bytes, about) => {
        await during(about.name)
        return await parser.parse(bytes, about)
      },
    }
  }

  test('is alone there, and finds what was added while it worked', async () => {
    const first = await file('first.txt', 'Shoes may be returned.')
    const second = await file('second.txt', 'An invoice is due.')
    const { id } = await store([first])
    const others: string[] = []
    const during = async (name: string) => {
      if (name !== 'first.txt') return
      others.push(await updateStore(deps(), id))
      await addFiles(deps(), await now(id), [given(second)], null)
      others.push(await updateStore(deps(), id))
    }

    const outcome = await updateStore(deps({ parser: pausing(during) }), id)

    expect([outcome, ...others]).toEqual(['done', 'nothing', 'nothing'])
    expect(await countsOf(id)).toMatchObject({ completed: 2, in_progress: 0 })
    expect((await ask(id, 'invoice')).toSorted()).toEqual(['first.txt', 'second.txt'])
    expect(await updateStore(deps(), id)).toBe('nothing')
  })

  test('that is silent for long is replaced, and can do nothing any more', async () => {
    const { id } = await store([await file('a.txt', 'Shoes may be returned.')])
    let replaced = ''
    const during = async () => {
      aheadMs = SILENT_MS + 1_000
      replaced = await updateStore(deps(), id)
    }

    const outcome = await updateStore(deps({ parser: pausing(during) }), id)

    expect([outcome, replaced]).toEqual(['taken-over', 'done'])
    expect(await countsOf(id)).toMatchObject({ completed: 1 })
    expect(await ask(id, 'shoes')).toEqual(['a.txt'])
    expect((await versions(id)).map(({ state }) => state)).toEqual(['ready'])
    const made = await open().sql`SELECT created_by, created_by_person FROM index_versions`
    expect([...made]).toEqual([{ created_by: AUTHOR.id, created_by_person: AUTHOR.person }])
  })

  test('reads a file again whose attributes were changed while it was read, and forgets one that was taken out', async () => {
    const [kept, gone] = [await file('kept.txt', 'Shoes may be returned.'), await file('gone.txt', 'Gone.')]
    const { id } = await store([kept, gone])
    let turns = 0
    const during = async (name: string) => {
      turns += 1
      if (turns === 1) await changeAttributes(deps(), await now(id), kept, '{"year": 2024}')
      if (name === 'gone.txt') await removeFile(deps(), await now(id), gone)
    }

    await updateStore(deps({ parser: pausing(during) }), id)

    const documents = await open().sql<{ key: string; year: string }[]>`
      SELECT key, metadata ->> 'year' AS year FROM documents`
    expect(documents).toEqual([{ key: kept, year: '2024' }])
    expect(await findStoreFile(open().sql, id, gone)).toBeNull()
    expect(await countsOf(id)).toMatchObject({ completed: 1, total: 1 })
  })

  test('that is stopped lets go at once, and the next one goes on', async () => {
    const files = [await file('a.txt', 'Shoes may be returned.'), await file('b.txt', 'An invoice is due.')]
    const { id } = await store(files)
    const stop = new AbortController()
    const during = async () => stop.abort()

    const stopped = await updateStore(deps({ parser: pausing(during), signal: stop.signal }), id).catch(
      (error: unknown) => error,
    )

    expect(stopped).toMatchObject({ name: 'AbortError' })
    expect(await now(id)).toMatchObject({ attempts: 0, error: null })
    expect(await updateStore(deps(), id)).toBe('done')
    expect(await countsOf(id)).toMatchObject({ completed: 2 })
  })

  test('tries again when the model is away, says why, and after many tries tells the files', async () => {
    const { id } = await store([await file('a.txt', 'Shoes may be returned.')])
    const away = failingModels(new UpstreamError('upstream_unavailable', 'It is away.', { retryable: true }))

    await expect(updateStore(deps({ models: away }), id)).rejects.toThrow('It is away.')

    expect(await now(id)).toMatchObject({ attempts: 1, error: 'It is away.' })
    expect(await countsOf(id)).toMatchObject({ in_progress: 1 })
    await open().sql`UPDATE vector_stores SET attempts = 20`
    expect(await updateStore(deps({ models: away }), id)).toBe('done')
    const [row] = await open().sql`SELECT state, error_code, error FROM vector_store_files`
    expect(row).toMatchObject({ state: 'failed', error_code: 'server_error' })
    expect(row?.error).toContain('Given up after 20 tries. It is away.')
    expect(await updateStore(deps({ models: away }), id)).toBe('nothing')
  })

  test('leaves files that were added while the model refused others their turn', async () => {
    const [a, b] = [await file('a.txt', 'Shoes may be returned.'), await file('b.txt', 'An invoice is due.')]
    const { id } = await store([a])
    const refusal = failingModels(new UpstreamError('upstream_refused', 'Too long.', { retryable: false }))
    let turn = 0
    const refusingOnce = async () => {
      turn += 1
      if (turn > 1) return models
      await addFiles(deps(), await now(id), [given(b)], null)
      return await refusal()
    }

    expect(await updateStore(deps({ models: refusingOnce }), id)).toBe('done')

    expect(await countsOf(id)).toMatchObject({ completed: 1, failed: 1 })
    expect(await ask(id, 'invoice')).toEqual(['b.txt'])
  })

  test('tells the files when the model refuses them, keeps what was searched, and takes them when they are given again', async () => {
    const [a, b] = [await file('a.txt', 'Shoes may be returned.'), await file('b.txt', 'An invoice is due.')]
    const { id } = await store([a])
    await updateStore(deps(), id)
    await addFiles(deps(), await now(id), [given(b)], null)
    const refusing = failingModels(new UpstreamError('upstream_refused', 'Too long.', { retryable: false }))

    expect(await updateStore(deps({ models: refusing }), id)).toBe('done')

    expect(await findStoreFile(open().sql, id, b)).toMatchObject({
      state: 'failed',
      errorCode: 'server_error',
      error: 'Too long.',
    })
    expect(await countsOf(id)).toMatchObject({ completed: 1, failed: 1 })
    expect(await ask(id, 'invoice')).toEqual(['a.txt'])
    await addFiles(deps(), await now(id), [given(b)], null)
    expect(await updateStore(deps(), id)).toBe('done')
    expect(await countsOf(id)).toMatchObject({ completed: 2, failed: 0 })
    expect((await ask(id, 'invoice')).toSorted()).toEqual(['a.txt', 'b.txt'])
  })

  test('drops versions before, and their texts, but not one that a label serves', async () => {
    const [a, b] = [await file('a.txt', 'Shoes may be returned.'), await file('b.txt', 'An invoice is due.')]
    const { id } = await store([a])
    await updateStore(deps(), id)
    await pin(`${indexNameOf(id)}@1`)
    await addFiles(deps(), await now(id), [given(b)], null)
    await updateStore(deps(), id)
    await removeFile(deps(), await now(id), a)
    await updateStore(deps(), id)

    expect(await versions(id)).toEqual([
      { version: 1, state: 'ready' },
      { version: 2, state: 'dropped' },
      { version: 3, state: 'ready' },
    ])
    const texts = await open().sql<{ key: string }[]>`SELECT key FROM documents ORDER BY key`
    expect(texts.map(({ key }) => key)).toEqual([a, b].toSorted())
    await deleteStore(deps(), await now(id))
    await updateStore(deps(), id)
    expect((await versions(id)).map(({ state }) => state)).toEqual(['ready', 'dropped', 'dropped'])
    expect(await open().sql`SELECT key FROM documents`).toEqual([{ key: a }])
    await expect(now(id)).rejects.toThrow(/no vector store/)

    aheadMs = 1_800_000
    expect(await tidyStores(deps())).toEqual([])
    await unlabelled()
    aheadMs = 3_700_000
    expect(await tidyStores(deps())).toEqual([id])
    await updateStore(deps(), id)

    expect((await versions(id)).map(({ state }) => state)).toEqual(['dropped', 'dropped', 'dropped'])
    expect(await open().sql`SELECT key FROM documents`).toEqual([])
    expect(await open().sql`SELECT id FROM vector_stores`).toEqual([])
  })

  test('forgets texts of a version that was dropped before they were, and of files that no version had', async () => {
    const [a, b] = [await file('a.txt', 'Shoes may be returned.'), await file('b.txt', 'An invoice is due.')]
    const { id } = await store([a])
    await updateStore(deps(), id)
    await addFiles(deps(), await now(id), [given(b)], null)
    const refusing = failingModels(new UpstreamError('upstream_refused', 'Too long.', { retryable: false }))
    await updateStore(deps({ models: refusing }), id)
    await removeFile(deps(), await now(id), a)
    // As a worker leaves it that dies between dropping and forgetting.
    await open().sql`UPDATE index_builds SET state = 'dropped'`
    await open().sql`UPDATE vector_stores SET index_id = NULL`

    await updateStore(deps(), id)

    expect(await open().sql`SELECT key FROM documents`).toEqual([])
  })

  test('keeps texts that another index of its source still shows', async () => {
    const a = await file('a.txt', 'Shoes may be returned.')
    const { id } = await store([a, await file('b.txt', 'An invoice is due.')])
    await updateStore(deps(), id)
    // As `aval index build other --source vs-…` leaves it.
    await open().sql`
      INSERT INTO index_versions (id, project_id, name, version, hash, content, created_by, created_at)
      SELECT 'iv_other', project_id, 'other', 1, hash, content, created_by, created_at FROM index_versions`
    await open().sql`
      INSERT INTO index_builds (index_id, project_id, state, documents_total, created_at, updated_at)
      SELECT 'iv_other', project_id, 'ready', documents_total, created_at, updated_at FROM index_builds`
    const texts = async () =>
      (await open().sql<{ key: string }[]>`SELECT key FROM documents`).map(({ key }) => key)

    await removeFile(deps(), await now(id), a)
    await updateStore(deps(), id)
    expect(await texts()).toContain(a)
    await deleteStore(deps(), await now(id))
    await updateStore(deps(), id)

    expect(await texts()).toContain(a)
    await open().sql`UPDATE index_builds SET state = 'dropped' WHERE index_id = 'iv_other'`
    aheadMs = 3_700_000
    expect(await tidyStores(deps())).toEqual([id])
    await updateStore(deps(), id)
    expect(await texts()).toEqual([])
    expect(await open().sql`SELECT id FROM vector_stores`).toEqual([])
  })

  test('keeps a text that another source says is of this store, for as long as an index shows it', async () => {
    const a = await file('a.txt', 'Shoes may be returned.')
    const { id } = await store([a])
    await updateStore(deps(), id)
    // Copied into a source of somebody's own and taken out again: what was built of it still shows it.
    await open().sql`
      INSERT INTO source_snapshots (id, project_id, source_id, source, hash, documents, characters, created_at)
      SELECT 'sn_other', project_id, 'src_other', 'other', 'copied', documents, characters, created_at FROM source_snapshots`
    await open().sql`INSERT INTO snapshot_documents SELECT 'sn_other', position, hash FROM snapshot_documents`
    await open().sql`
      INSERT INTO index_versions (id, project_id, name, version, hash, content, created_by, created_at)
      SELECT 'iv_other', project_id, 'other', 1, 'other',
        jsonb_set(content::jsonb, '{source,snapshot}', '"copied"')::text, created_by, created_at FROM index_versions`
    await open().sql`
      INSERT INTO index_builds (index_id, project_id, state, documents_total, created_at, updated_at)
      SELECT 'iv_other', project_id, 'ready', documents_total, created_at, updated_at FROM index_builds`

    await deleteStore(deps(), await now(id))
    await updateStore(deps(), id)

    expect(await open().sql`SELECT key FROM documents`).toEqual([{ key: a }])
  })

  test('looks again at a version that a label let go of', async () => {
    const [a, b] = [await file('a.txt', 'Shoes may be returned.'), await file('b.txt', 'An invoice is due.')]
    const { id } = await store([a])
    await updateStore(deps(), id)
    await pin(`${indexNameOf(id)}@1`)
    await addFiles(deps(), await now(id), [given(b)], null)
    await updateStore(deps(), id)
    await unlabelled()
    const asked = vi.fn(async () => models)

    expect(await tidyStores(deps())).toEqual([])
    aheadMs = 3_700_000
    expect(await tidyStores(deps())).toEqual([id])
    expect(await updateStore(deps({ models: asked }), id)).toBe('done')

    expect((await versions(id)).map(({ state }) => state)).toEqual(['dropped', 'ready'])
    expect(asked).not.toHaveBeenCalled()
    aheadMs = 2 * 3_700_000
    expect(await tidyStores(deps())).toEqual([])
  })

  test('that was taken over drops nothing any more', async () => {
    const { id } = await store([await file('a.txt', 'Shoes may be returned.')])
    await updateStore(deps(), id)
    const own = () => Promise.reject(new Error('Another run has it.'))

    await expect(dropOtherVersions({ ...deps(), own }, await now(id), null)).rejects.toThrow('Another run')

    expect(await versions(id)).toEqual([{ version: 1, state: 'ready' }])
  })

  test('with a least score shows nothing whose score nobody knows', async () => {
    const { id } = await store([await file('a.txt', 'Shoes may be returned.')])
    await updateStore(deps(), id)
    const whole = new Retriever({ ...deps(), embedderOf: models.embedderOf })
    const wordsAlone: Pick<Retriever, 'retrieve'> = {
      retrieve: async (wish) => {
        const found = await whole.retrieve(wish)
        return { ...found, chunks: found.chunks.map((chunk) => ({ ...chunk, cosine: null })) }
      },
    }

    expect(await ask(id, 'shoes', wordsAlone)).toEqual(['a.txt'])
    expect(await ask(id, 'shoes', wordsAlone, 0.1)).toEqual([])
  })

  test('leaves a search its version, or the next one: none ends with a table that is gone', async () => {
    const [a, b] = [await file('a.txt', 'Shoes may be returned.'), await file('b.txt', 'An invoice is due.')]
    const { id } = await store([a])
    await updateStore(deps(), id)
    const retriever = new Retriever({ ...deps(), embedderOf: models.embedderOf })
    expect(await ask(id, 'shoes', retriever)).toEqual(['a.txt'])
    let turns = 0
    const late: Pick<Retriever, 'retrieve'> = {
      retrieve: async (question) => {
        turns += 1
        if (turns === 1) {
          await addFiles(deps(), await now(id), [given(b)], null)
          await updateStore(deps(), id)
        }
        return await retriever.retrieve(question)
      },
    }

    const found = await ask(id, 'shoes', late)

    expect(turns).toBe(2)
    expect(found.toSorted()).toEqual(['a.txt', 'b.txt'])
  })

  test('clears a store that nobody used for as long as it was to live, and lists it as expired for a month', async () => {
    const a = await file('a.txt', 'Shoes may be returned.')
    const { id } = await store([a], { expiresDays: 2 })
    await updateStore(deps(), id)
    aheadMs = 1.5 * DAY_MS
    expect(await tidyStores(deps())).toEqual([])
    expect(await ask(id, 'shoes')).toEqual(['a.txt'])
    aheadMs = 3 * DAY_MS
    expect(await tidyStores(deps())).toEqual([])
    expect((await now(id)).expired).toBe(false)

    aheadMs = 4 * DAY_MS
    expect((await now(id)).expired).toBe(true)
    await expect(ask(id, 'shoes')).rejects.toMatchObject({ code: 'conflict' })
    await tidyStores(deps())
    aheadMs += 60_000
    expect(await tidyStores(deps())).toEqual([id])
    expect(await updateStore(deps(), id)).toBe('done')

    expect(await showStore(deps(), projectId, id)).toMatchObject({
      expired: true,
      version: null,
      usageBytes: 0,
    })
    expect(await open().sql`SELECT key FROM documents`).toEqual([])
    expect((await versions(id)).map(({ state }) => state)).toEqual(['dropped'])
    await expect(addFiles(deps(), await now(id), [given(a)], null)).rejects.toMatchObject({
      code: 'conflict',
    })
    aheadMs += 40 * DAY_MS
    await tidyStores(deps())
    await updateStore(deps(), id)
    await expect(now(id)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('is told of stores whose bell was lost, and of files that expired or broke off', async () => {
    const [a, b] = [await file('a.txt', 'Shoes may be returned.'), await file('b.txt', 'Late.', 3600)]
    const { id } = await store([a, b])
    await reserveFile(
      open().sql,
      {
        id: 'file-broken',
        projectId,
        bytes: 10,
        createdBy: 'vk_1',
        createdByName: null,
        now: new Date().toISOString(),
        until: new Date(Date.now() + 1000).toISOString(),
      },
      1000,
    )
    expect(await tidyStores(deps())).toEqual([])
    aheadMs = 30_000
    expect(await tidyStores(deps())).toEqual([id])
    await updateStore(deps(), id)
    expect(await tidyStores(deps())).toEqual([])

    aheadMs = 3700_000
    expect(await findFile(open().sql, projectId, b, new Date(clock.nowMs()).toISOString())).toBeNull()
    await tidyStores(deps())
    await updateStore(deps(), id)

    expect(await open().sql`SELECT id FROM files`).toEqual([{ id: a }])
    expect(await countsOf(id)).toMatchObject({ completed: 1, total: 1 })
    expect(await ask(id, 'late')).toEqual(['a.txt'])
  })

  test('keeps the files of a project within its bound, however many come at once', async () => {
    const { sql } = open()
    const reserve = (at: number) =>
      reserveFile(
        sql,
        {
          id: `file-${at}`,
          projectId,
          bytes: 400,
          createdBy: 'vk_1',
          createdByName: null,
          now: new Date().toISOString(),
          until: new Date(Date.now() + 1000).toISOString(),
        },
        1000,
      )

    const taken = await Promise.all(Array.from({ length: 6 }, (_, at) => reserve(at)))

    expect(taken.filter((one) => one)).toHaveLength(2)
  })

  test('embeds only what is new in a version', async () => {
    const { id } = await store([await file('a.txt', 'Shoes may be returned.')])
    await updateStore(deps(), id)
    const tokensOf = async () => {
      const row = await findIndexById(open().sql, (await now(id)).indexId ?? '')
      return row?.tokens
    }
    const first = await tokensOf()
    await addFiles(deps(), await now(id), [given(await file('b.txt', 'Invoice.'))], null)
    await updateStore(deps(), id)

    expect(first).toBeGreaterThan(4)
    expect(await tokensOf()).toBeLessThan(first ?? 0)
  })

  test('is not stopped by a version that somebody dropped by hand', async () => {
    const { id } = await store([await file('a.txt', 'Shoes may be returned.')])
    await updateStore(deps(), id)
    const row = await findIndex(open().sql, projectId, { name: indexNameOf(id), version: 1 })
    if (row === null) throw new Error('There is no version.')
    const warm = new Retriever({ ...deps(), embedderOf: models.embedderOf })
    await ask(id, 'shoes', warm)
    await dropIndex(deps(), row)
    for (const retriever of [warm, undefined]) {
      await expect(ask(id, 'shoes', retriever)).rejects.toMatchObject({ code: 'conflict' })
    }
    await addFiles(deps(), await now(id), [given(await file('b.txt', 'Invoice.'))], null)

    await updateStore(deps(), id)

    expect((await ask(id, 'shoes')).toSorted()).toEqual(['a.txt', 'b.txt'])
  })

  test('compiles filters whose values hold quotes, percents and dollars', async () => {
    const odd = `'; DROP TABLE files; -- $1 % " \\\\`
    const { id } = await store([])
    await addFiles(
      deps(),
      await now(id),
      [given(await file('a.txt', 'Shoes.'), { [odd.slice(0, 60)]: odd })],
      null,
    )
    const condition = compileFilter({ type: 'eq', key: odd.slice(0, 60), value: odd }, 2)
    const rows = await open().sql.unsafe(
      `SELECT file_id FROM vector_store_files WHERE store_id = $1 AND ${condition.sql}`,
      [id, ...condition.values],
    )

    expect(rows).toHaveLength(1)
  })

  function failingModels(error: Error): UpdateDeps['models'] {
    const provider: Provider = {
      dialect: 'openai',
      supports: () => true,
      listModels: async () => [],
      close: async () => undefined,
      call: (_call, sink) => {
        queueMicrotask(() => sink.onError(error as UpstreamError))
        return { abort: () => undefined, pause: () => undefined, resume: () => undefined }
      },
    }
    return async () => ({
      ...models,
      embedderOf: (upstream, model) => {
        const found = models.embedderOf(upstream, model)
        return found === null ? null : { ...found, provider }
      },
    })
  }

  async function pin(index: string): Promise<void> {
    const { db } = open()
    await seedModel(db, { name: 'small', content: { upstream: 'up', model: 'small-1' } })
    await seedPrompt(db, {
      name: 'answer',
      content: {
        variables: { type: 'object', properties: { question: { type: 'string' } } },
        messages: [{ role: 'user', content: '{{#contexts}}[{{number}}] {{text}}{{/contexts}} {{question}}' }],
      },
    })
    await createRelease({ ...open(), clock }, AUTHOR, {
      route: 'answer',
      from: null,
      prompt: 'answer',
      models: [{ ref: 'small', weight: null }],
      parameters: null,
      retries: null,
      index,
      retrieval: null,
    })
    await moveLabel({ ...open(), clock }, AUTHOR, OPEN, {
      route: 'answer',
      label: 'production',
      to: 1,
      canary: null,
      expected: null,
      reason: 'a test',
    })
  }

  /** As if the label had gone on to another release: by hand none goes, but where the triggers do not fire. */
  async function unlabelled(): Promise<void> {
    await open().sql.begin(async (transaction) => {
      await transaction`SET LOCAL session_replication_role = replica`
      await transaction`DELETE FROM labels`
    })
  }
})
