/** Vector stores as the official client drives them, over a listening server, a worker and a real database. */

import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { describeDatabases } from '../../support/database.ts'
import { type StoreServer, startStoreServer } from '../../support/store-server.ts'

describeDatabases('a vector store', (open) => {
  let server: StoreServer
  beforeAll(async () => {
    server = await startStoreServer(open())
  })
  afterAll(() => server.close())
  beforeEach(() => {
    server.events.length = 0
    server.rows.length = 0
    server.bugs.length = 0
    server.outcomes.length = 0
  })

  const connect = (project: 'default' | 'other' = 'default') =>
    new OpenAI({
      baseURL: `${server.url}/v1`,
      apiKey: server.keyOf(project, 'app').token,
      maxRetries: 0,
    })
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => null,
      (error: unknown) => error,
    )
  const text = (name: string, content: string | Buffer) => toFile(Buffer.from(content), name)
  const upload = async (client: OpenAI, name: string, content: string | Buffer) =>
    await client.files.create({ file: await text(name, content), purpose: 'assistants' })

  const SHOES = 'Shoes may be returned within thirty days, unworn and in their box.'
  const INVOICE = 'An invoice is due fourteen days after delivery. Late payment costs interest.'
  const LAMP = 'Every lamp has a warranty of five years against defects of the bulb.'

  const LIBRARY = [
    ['shoes.md', `# Returns\n\n${SHOES}`],
    ['invoice.txt', INVOICE],
    ['lamp.html', `<html lang="en"><body><h1>Warranty</h1><p>${LAMP}</p></body></html>`],
  ] as const

  test('goes through its whole life as the official client drives it', async () => {
    const client = connect()
    const store = await client.vectorStores.create({
      name: 'Shop',
      description: 'What customers ask.',
      metadata: { team: 'support' },
      expires_after: { anchor: 'last_active_at', days: 7 },
    })
    expect(store).toMatchObject({
      object: 'vector_store',
      name: 'Shop',
      status: 'completed',
      usage_bytes: 0,
      file_counts: { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 },
      metadata: { team: 'support' },
      expires_after: { anchor: 'last_active_at', days: 7 },
    })
    expect(await client.vectorStores.search(store.id, { query: 'shoes' })).toMatchObject({ data: [] })

    const files = await Promise.all(LIBRARY.map(([name, content]) => text(name, content)))
    const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, { files })
    const found = await client.vectorStores.search(store.id, {
      query: 'Can I send back shoes?',
      rewrite_query: true,
    })
    const now = await client.vectorStores.retrieve(store.id)

    expect(batch).toMatchObject({
      object: 'vector_store.files_batch',
      status: 'completed',
      vector_store_id: store.id,
      file_counts: { in_progress: 0, completed: 3, failed: 0, cancelled: 0, total: 3 },
    })
    expect(now).toMatchObject({ status: 'completed', file_counts: { completed: 3, total: 3 } })
    expect(now.usage_bytes).toBeGreaterThan(SHOES.length + INVOICE.length)
    expect(found).toMatchObject({ object: 'vector_store.search_results.page' })
    expect(found.data[0]).toMatchObject({ filename: 'shoes.md', attributes: {} })
    expect(found.data[0]?.content[0]).toMatchObject({ type: 'text' })
    expect(found.data[0]?.content[0]?.text).toContain(SHOES)
    expect(found.data[0]?.score).toBeGreaterThan(0.2)
    expect(found.data[0]?.score).toBeLessThanOrEqual(1)

    const listed = await client.vectorStores.files.list(store.id)
    const invoice = listed.data.find(({ id }) => found.data.some((one) => one.file_id === id))
    expect(listed.data).toHaveLength(3)
    expect(invoice).toMatchObject({ object: 'vector_store.file', status: 'completed', last_error: null })
    const changed = await client.vectorStores.update(store.id, { name: 'Store', expires_after: null })
    expect(changed).toMatchObject({ name: 'Store', metadata: { team: 'support' }, expires_after: null })

    expect(await client.vectorStores.delete(store.id)).toEqual({
      id: store.id,
      object: 'vector_store.deleted',
      deleted: true,
    })
    expect(await failure(client.vectorStores.retrieve(store.id))).toBeInstanceOf(OpenAI.NotFoundError)
    await server.idle()
    const { sql } = open()
    expect(await sql`SELECT id FROM vector_stores WHERE id = ${store.id}`).toEqual([])
    expect(await sql`SELECT hash FROM documents WHERE metadata ->> 'vector_store_id' = ${store.id}`).toEqual(
      [],
    )
    expect(await chunkTables(store.id)).toEqual([])
    for (const { id } of listed.data) await client.files.delete(id)
    expect(server.bugs).toEqual([])
    expect(new Set(server.outcomes)).not.toContain(expect.any(Error))
  })

  test('is made with its files at once, and gains and loses single ones', async () => {
    const client = connect()
    const [shoes, invoice] = [await upload(client, 'shoes.md', SHOES), await upload(client, 'i.txt', INVOICE)]
    const made = await client.vectorStores.create({ file_ids: [shoes.id, shoes.id] })
    expect(made).toMatchObject({ status: 'in_progress', file_counts: { in_progress: 1, total: 1 } })
    await client.vectorStores.files.poll(made.id, shoes.id)

    const added = await client.vectorStores.files.createAndPoll(made.id, { file_id: invoice.id })
    const again = await client.vectorStores.files.create(made.id, { file_id: invoice.id })
    const content = await client.vectorStores.files.content(invoice.id, { vector_store_id: made.id })
    const both = await client.vectorStores.search(made.id, { query: 'late payment interest' })
    const gone = await client.vectorStores.files.delete(invoice.id, { vector_store_id: made.id })
    const without = await client.vectorStores.search(made.id, { query: 'late payment interest' })

    expect(added).toMatchObject({ id: invoice.id, status: 'completed', vector_store_id: made.id })
    expect(again.status).toBe('completed')
    expect(content.data).toEqual([{ type: 'text', text: INVOICE }])
    expect(both.data[0]?.file_id).toBe(invoice.id)
    expect(gone).toEqual({ id: invoice.id, object: 'vector_store.file.deleted', deleted: true })
    // At once, whatever the worker does meanwhile.
    expect(without.data.map(({ file_id }) => file_id)).toEqual([shoes.id])
    await server.idle()
    const later = await client.vectorStores.search(made.id, { query: 'late payment interest' })
    expect(later.data.map(({ file_id }) => file_id)).toEqual([shoes.id])
    expect(await chunkTables(made.id)).toHaveLength(1)
    // The file itself is still there, but no text of it in a store.
    expect(await client.files.retrieve(invoice.id)).toMatchObject({ id: invoice.id })
    expect(await textsOf(invoice.id)).toEqual([])
  })

  test('is searched with filters on attributes, which hold as soon as they are changed', async () => {
    const client = connect()
    const store = await client.vectorStores.create({})
    const years = [2021, 2022, 2023]
    const files = []
    for (const year of years) {
      const { id } = await upload(client, `${year}.txt`, `The report of the year ${year} tells of lamps.`)
      const attributes = { year, kind: year === 2022 ? 'draft' : 'final', open: year === 2023 }
      files.push({ file_id: id, attributes })
    }
    await client.vectorStores.fileBatches.createAndPoll(store.id, { files })
    const ask = async (filters: OpenAI.VectorStoreSearchParams['filters']) => {
      const { data } = await client.vectorStores.search(store.id, {
        query: 'report about lamps',
        ...(filters === undefined ? {} : { filters }),
      })
      return data.map(({ attributes }) => attributes?.year).toSorted()
    }

    expect(await ask(undefined)).toEqual([2021, 2022, 2023])
    expect(await ask({ type: 'eq', key: 'kind', value: 'draft' })).toEqual([2022])
    expect(await ask({ type: 'ne', key: 'kind', value: 'draft' })).toEqual([2021, 2023])
    expect(await ask({ type: 'eq', key: 'open', value: true })).toEqual([2023])
    expect(await ask({ type: 'gte', key: 'year', value: 2022 })).toEqual([2022, 2023])
    expect(await ask({ type: 'lt', key: 'year', value: 2022 })).toEqual([2021])
    expect(await ask({ type: 'in', key: 'year', value: [2021, 2023, 'x'] })).toEqual([2021, 2023])
    expect(await ask({ type: 'nin', key: 'year', value: [2021] })).toEqual([2022, 2023])
    expect(await ask({ type: 'eq', key: 'nothing', value: 1 })).toEqual([])
    expect(
      await ask({
        type: 'or',
        filters: [
          { type: 'eq', key: 'year', value: 2021 },
          {
            type: 'and',
            filters: [
              { type: 'gt', key: 'year', value: 2021 },
              { type: 'eq', key: 'kind', value: 'final' },
            ],
          },
        ],
      }),
    ).toEqual([2021, 2023])

    const [{ file_id: first } = { file_id: '' }] = files
    const updated = await client.vectorStores.files.update(first, {
      vector_store_id: store.id,
      attributes: { year: 1999 },
    })
    expect(updated.attributes).toEqual({ year: 1999 })
    expect(await ask({ type: 'lt', key: 'year', value: 2000 })).toEqual([1999])
    await server.idle()
    expect(await ask({ type: 'lt', key: 'year', value: 2000 })).toEqual([1999])
    const metadata = await open().sql<{ year: string }[]>`
      SELECT metadata ->> 'year' AS year FROM documents WHERE key = ${first}`
    expect(metadata).toEqual([{ year: '1999' }])

    const wrong = { type: 'and', filters: [{ type: 'near', key: 'year', value: 1 }] }
    expect(
      await failure(client.vectorStores.search(store.id, { query: 'x', filters: wrong as never })),
    ).toMatchObject({ status: 400, param: 'filters.filters.0.type' })
  })

  test('is asked several questions at once, for few results, above a score, by vectors alone', async () => {
    const client = connect()
    const ids = await Promise.all(
      LIBRARY.map(async ([name, content]) => (await upload(client, name, content)).id),
    )
    const store = await client.vectorStores.create({ file_ids: ids })
    await finished(client, store.id)
    const names = (page: { data: { filename: string }[] }) => page.data.map(({ filename }) => filename)

    const both = await client.vectorStores.search(store.id, {
      query: ['sending back shoes', 'warranty of a lamp'],
      max_num_results: 2,
    })
    const one = await client.vectorStores.search(store.id, {
      query: 'warranty of a lamp',
      max_num_results: 1,
      ranking_options: { ranker: 'none' },
    })
    const none = await client.vectorStores.search(store.id, {
      query: 'warranty of a lamp',
      ranking_options: { score_threshold: 0.99 },
    })

    expect(names(both).toSorted()).toEqual(['lamp.html', 'shoes.md'])
    expect(names(one)).toEqual(['lamp.html'])
    expect(names(none)).toEqual([])
    for (const wrong of [{ query: '' }, { query: [] }, { query: 'x', max_num_results: 51 }, {}]) {
      const refused = await failure(client.vectorStores.search(store.id, wrong as { query: string }))
      expect(refused).toBeInstanceOf(OpenAI.BadRequestError)
    }
  })

  test('takes the files that can be read, and says of each other one why not', async () => {
    const client = connect()
    const contents: [string, Buffer | string, string | null][] = [
      ['good.txt', SHOES, null],
      ['copy.txt', SHOES, null],
      ['code.ts', 'export const answer = 42 // the answer', null],
      ['rows.csv', 'id,city\n1,Lisbon\n2,Porto\n', null],
      ['empty.txt', '', 'invalid_file'],
      ['blank.md', ' \n\n ', 'invalid_file'],
      ['binary.txt', Buffer.from([0, 1, 2, 3, 255, 254, 0, 0, 9, 8]), 'unsupported_file'],
      ['broken.pdf', '%PDF-1.7 and then nothing of the kind', 'invalid_file'],
      ['broken.docx', 'PK no zip', 'invalid_file'],
      ['picture.png', Buffer.from('89504e470d0a1a0a', 'hex'), 'unsupported_file'],
    ]
    const store = await client.vectorStores.create({})
    const ids = new Map<string, string>()
    for (const [name, content] of contents) ids.set(name, (await upload(client, name, content)).id)

    const batch = await client.vectorStores.fileBatches.createAndPoll(store.id, {
      file_ids: [...ids.values()],
    })

    expect(batch).toMatchObject({
      status: 'completed',
      file_counts: { completed: 4, failed: 6, in_progress: 0, total: 10 },
    })
    for (const [name, , code] of contents) {
      const file = await client.vectorStores.files.retrieve(ids.get(name) ?? '', {
        vector_store_id: store.id,
      })
      expect([name, file.last_error?.code ?? null]).toEqual([name, code])
      expect(file.status).toBe(code === null ? 'completed' : 'failed')
      if (code !== null) expect(file.last_error?.message).toMatch(/\w+.*\./)
    }
    const failed = await client.vectorStores.files.list(store.id, { filter: 'failed' })
    expect(failed.data).toHaveLength(6)
    const { data } = await client.vectorStores.search(store.id, { query: 'returning shoes' })
    expect(
      data
        .slice(0, 2)
        .map(({ filename }) => filename)
        .toSorted(),
    ).toEqual(['copy.txt', 'good.txt'])
    const rows = await client.vectorStores.files.content(ids.get('rows.csv') ?? '', {
      vector_store_id: store.id,
    })
    expect(rows.data).toHaveLength(2)
    expect((await client.vectorStores.search(store.id, { query: 'Porto' })).data[0]?.filename).toBe(
      'rows.csv',
    )
  })

  test('of files none of which can be read is done, and holds nothing', async () => {
    const client = connect()
    const { id } = await upload(client, 'empty.txt', '')
    const store = await client.vectorStores.create({})

    const batch = await client.vectorStores.fileBatches.createAndPoll(store.id, { file_ids: [id] })

    expect(batch).toMatchObject({ status: 'failed', file_counts: { failed: 1, total: 1 } })
    expect(await client.vectorStores.retrieve(store.id)).toMatchObject({
      status: 'completed',
      usage_bytes: 0,
    })
    expect((await client.vectorStores.search(store.id, { query: 'x' })).data).toEqual([])
  })

  test('makes one version of many files that come one after the other', async () => {
    const client = connect()
    const store = await client.vectorStores.create({})
    const ids = []
    for (let at = 0; at < 12; at += 1) ids.push((await upload(client, `${at}.txt`, `Text number ${at}.`)).id)

    for (const id of ids) await client.vectorStores.files.create(store.id, { file_id: id })
    await finished(client, store.id)
    await server.idle()

    const versions = await open().sql<{ version: number }[]>`
      SELECT version FROM index_versions WHERE name = ${store.id.replace('_', '-')}`
    expect(versions.length).toBeLessThanOrEqual(2)
    expect(await chunkTables(store.id)).toHaveLength(1)
    expect(await client.vectorStores.retrieve(store.id)).toMatchObject({ file_counts: { completed: 12 } })
  })

  test('that comes back to what it held before is searched again', async () => {
    const client = connect()
    const [a, b] = [await upload(client, 'a.txt', SHOES), await upload(client, 'b.txt', INVOICE)]
    const store = await client.vectorStores.create({ file_ids: [a.id] })
    await finished(client, store.id)
    await client.vectorStores.files.createAndPoll(store.id, { file_id: b.id })
    await client.vectorStores.files.delete(b.id, { vector_store_id: store.id })
    await server.idle()

    const { data } = await client.vectorStores.search(store.id, { query: 'shoes' })
    await client.vectorStores.files.createAndPoll(store.id, { file_id: b.id })
    const both = await client.vectorStores.search(store.id, { query: 'shoes' })

    expect(data.map(({ file_id }) => file_id)).toEqual([a.id])
    expect(both.data.map(({ file_id }) => file_id)).toEqual([a.id, b.id])
    await server.idle()
    expect(await chunkTables(store.id)).toHaveLength(1)
  })

  test('cuts each file as was asked for', async () => {
    const client = connect()
    const long = Array.from({ length: 400 }, (_, at) => `Sentence number ${at} is here.`).join(' ')
    const [a, b] = [await upload(client, 'a.txt', long), await upload(client, 'b.txt', long)]
    const store = await client.vectorStores.create({})
    const fixed = { max_chunk_size_tokens: 100, chunk_overlap_tokens: 50 }

    const cut = await client.vectorStores.files.createAndPoll(store.id, {
      file_id: a.id,
      chunking_strategy: { type: 'static', static: fixed },
    })
    const auto = await client.vectorStores.files.createAndPoll(store.id, {
      file_id: b.id,
      chunking_strategy: { type: 'auto' },
    })
    await server.idle()

    expect(cut.chunking_strategy).toEqual({ type: 'static', static: fixed })
    expect(auto.chunking_strategy).toEqual({ type: 'other' })
    const [table] = await chunkTables(store.id)
    const counts = await open().sql.unsafe<{ key: string; chunks: number }[]>(
      `SELECT d.key, count(*)::integer AS chunks FROM ${table} c JOIN documents d ON d.hash = c.document_hash GROUP BY 1`,
    )
    const chunksOf = (id: string) => counts.find(({ key }) => key === id)?.chunks ?? 0
    expect(chunksOf(a.id)).toBeGreaterThan(3 * chunksOf(b.id))
    const wrong = {
      type: 'static' as const,
      static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 51 },
    }
    expect(
      await failure(client.vectorStores.files.create(store.id, { file_id: a.id, chunking_strategy: wrong })),
    ).toMatchObject({ status: 400, param: 'chunking_strategy.static' })
  })

  test('gives up a batch that is cancelled before it is done', async () => {
    const client = connect()
    const store = await client.vectorStores.create({})
    const ids = [(await upload(client, 'a.txt', SHOES)).id, (await upload(client, 'b.txt', LAMP)).id]
    server.awake = false
    const batch = await client.vectorStores.fileBatches.create(store.id, { file_ids: ids })
    expect(batch.status).toBe('in_progress')

    const cancelled = await client.vectorStores.fileBatches.cancel(batch.id, { vector_store_id: store.id })
    server.awake = true
    const done = await client.vectorStores.fileBatches.createAndPoll(store.id, {
      file_ids: ids.slice(0, 1),
    })
    const files = await client.vectorStores.fileBatches.listFiles(batch.id, { vector_store_id: store.id })

    expect(cancelled).toMatchObject({ status: 'cancelled', file_counts: { cancelled: 2, total: 2 } })
    expect(done.file_counts).toMatchObject({ completed: 1, total: 1 })
    expect(files.data.map(({ status }) => status).toSorted()).toEqual(['cancelled', 'completed'])
    expect((await client.vectorStores.search(store.id, { query: 'lamp' })).data).toHaveLength(1)
  })

  test('is listed in pages, both ways', async () => {
    const client = connect()
    for await (const { id } of client.vectorStores.list()) await client.vectorStores.delete(id)
    const ids: string[] = []
    for (const name of ['a', 'b', 'c', 'd']) ids.push((await client.vectorStores.create({ name })).id)
    const names = ({ data }: { data: { name: string }[] }) => data.map(({ name }) => name).join('')
    const at = (index: number) => ids[index] ?? ''

    const seen: string[] = []
    for await (const { name } of client.vectorStores.list({ limit: 3 })) seen.push(name)
    const first = await client.vectorStores.list({ limit: 2 })
    const raw: unknown = await (await client.vectorStores.list({ limit: 2 }).asResponse()).json()

    expect(seen.join('')).toBe('dcba')
    expect(names(first)).toBe('dc')
    expect(raw).toMatchObject({ object: 'list', has_more: true, first_id: at(3), last_id: at(2) })
    expect(names(await client.vectorStores.list({ order: 'asc', after: at(0) }))).toBe('bcd')
    expect(names(await client.vectorStores.list({ before: at(0), limit: 2 }))).toBe('cb')
    expect(names(await client.vectorStores.list({ order: 'asc', before: at(3), limit: 2 }))).toBe('bc')
    expect(await failure(client.vectorStores.list({ limit: 101 }))).toMatchObject({ param: 'limit' })
  })

  test('is not there for another project, and neither are its files and batches', async () => {
    const [own, other] = [connect(), connect('other')]
    const file = await upload(own, 'a.txt', SHOES)
    const store = await own.vectorStores.create({})
    const batch = await own.vectorStores.fileBatches.createAndPoll(store.id, { file_ids: [file.id] })
    const theirs = await other.vectorStores.create({ name: 'theirs' })
    const at = { vector_store_id: store.id }

    for (const call of [
      () => other.vectorStores.retrieve(store.id),
      () => other.vectorStores.update(store.id, { name: 'x' }),
      () => other.vectorStores.delete(store.id),
      () => other.vectorStores.search(store.id, { query: 'shoes' }),
      () => other.vectorStores.files.list(store.id),
      () => other.vectorStores.files.retrieve(file.id, at),
      () => other.vectorStores.files.update(file.id, { ...at, attributes: {} }),
      () => other.vectorStores.files.content(file.id, at),
      () => other.vectorStores.files.delete(file.id, at),
      () => other.vectorStores.fileBatches.retrieve(batch.id, at),
      () => other.vectorStores.fileBatches.cancel(batch.id, at),
      () => other.vectorStores.fileBatches.listFiles(batch.id, at),
      // Their own store, and a file or a batch that is not theirs.
      () => other.vectorStores.files.create(theirs.id, { file_id: file.id }),
      () => other.vectorStores.create({ file_ids: [file.id] }),
      () => other.vectorStores.fileBatches.create(theirs.id, { file_ids: [file.id] }),
      () => other.vectorStores.fileBatches.retrieve(batch.id, { vector_store_id: theirs.id }),
    ]) {
      expect(await failure(call())).toBeInstanceOf(OpenAI.NotFoundError)
    }
    expect(await own.vectorStores.retrieve(store.id)).toMatchObject({ file_counts: { completed: 1 } })
  })

  test('loses a file that is deleted', async () => {
    const client = connect()
    const [a, b] = [await upload(client, 'a.txt', SHOES), await upload(client, 'b.txt', INVOICE)]
    const store = await client.vectorStores.create({ file_ids: [a.id, b.id] })
    await finished(client, store.id)

    await client.files.delete(a.id)

    expect(
      (await client.vectorStores.search(store.id, { query: 'shoes' })).data.map((one) => one.file_id),
    ).toEqual([b.id])
    await server.idle()
    expect(await client.vectorStores.retrieve(store.id)).toMatchObject({ file_counts: { total: 1 } })
    expect(await textsOf(a.id)).toEqual([])
  })

  test('is embedded by the model that its metadata names, for ever', async () => {
    const client = connect()

    const made = await client.vectorStores.create({ metadata: { embedding_model: 'local/static-minilm' } })
    const refused = await failure(
      client.vectorStores.update(made.id, { metadata: { embedding_model: 'a/b' } }),
    )
    const unknown = await failure(client.vectorStores.create({ metadata: { embedding_model: 'nowhere/x' } }))
    const wrong = await failure(client.vectorStores.create({ metadata: { embedding_model: 'embed' } }))

    expect(made).toMatchObject({ embedding_model: 'local/static-minilm' })
    expect(refused).toMatchObject({ status: 400, param: 'metadata.embedding_model' })
    expect(unknown).toMatchObject({ status: 404, code: 'model_not_found' })
    expect(wrong).toMatchObject({ status: 400, param: 'metadata.embedding_model' })
  })

  test('is on the log: what is done to it, and each search with its question, its version and what was found', async () => {
    const client = connect()
    const file = await upload(client, 'a.txt', SHOES)
    const store = await client.vectorStores.create({ name: 'x' })
    await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id })
    await client.vectorStores.search(store.id, { query: 'returning shoes' })
    await failure(client.vectorStores.search(store.id, { query: 'x', max_num_results: 99 }))
    await failure(client.vectorStores.search('vs_none', { query: 'x' }))
    await client.vectorStores.files.content(file.id, { vector_store_id: store.id })
    await client.vectorStores.files.update(file.id, { vector_store_id: store.id, attributes: { a: 1 } })
    await client.vectorStores.update(store.id, { name: 'y' })
    await client.vectorStores.files.delete(file.id, { vector_store_id: store.id })
    await client.vectorStores.delete(store.id)

    expect(server.events.map(({ kind, action }) => `${kind} ${action}`)).toEqual([
      'admin file.upload',
      'admin vector_store.create',
      'admin vector_store.add',
      'access vector_store.read',
      'admin vector_store.attributes',
      'admin vector_store.update',
      'admin vector_store.remove',
      'admin vector_store.delete',
    ])
    const [search, refused, missing] = server.rows
    expect(search?.open).toMatchObject({
      operation: 'vector_store_search',
      path: `/v1/vector_stores/${store.id}/search`,
      index: `${store.id.replace('_', '-')}@1`,
      projectId: 'prj_default',
    })
    expect(search?.close).toMatchObject({
      outcome: 'completed',
      status: 200,
      upstream: 'local',
      model: 'embed',
      retrieval: { contexts: [{ document: file.id, chunk: 0 }], without: null },
    })
    expect(search?.request).toContain('returning shoes')
    expect(search?.answer).toContain(SHOES)
    expect([refused?.close.outcome, refused?.close.status]).toEqual(['rejected', 400])
    expect([missing?.close.outcome, missing?.close.status]).toEqual(['rejected', 404])
    expect(server.rows).toHaveLength(3)
  })

  test('is for keys that may call what embeds it, and counts against their limits', async () => {
    const client = connect()
    const store = await client.vectorStores.create({})
    const narrow = new OpenAI({
      ...wire(),
      apiKey: await mint({ routes: ['support-answer'] }),
      maxRetries: 0,
    })
    const wide = new OpenAI({ ...wire(), apiKey: await mint({ routes: ['local/*'] }), maxRetries: 0 })
    const slow = new OpenAI({ ...wire(), apiKey: await mint({ rpm: 2 }), maxRetries: 0 })

    for (const call of [
      () => narrow.vectorStores.retrieve(store.id),
      () => narrow.vectorStores.search(store.id, { query: 'x' }),
      () => narrow.vectorStores.create({}),
      () => narrow.files.list(),
    ]) {
      expect(await failure(call())).toBeInstanceOf(OpenAI.PermissionDeniedError)
    }
    expect((await narrow.vectorStores.list()).data).toEqual([])
    expect((await wide.vectorStores.search(store.id, { query: 'x' })).data).toEqual([])
    expect((await wide.files.list()).data).toBeInstanceOf(Array)
    await slow.vectorStores.search(store.id, { query: 'x' })
    await slow.vectorStores.search(store.id, { query: 'x' })
    expect(await failure(slow.vectorStores.search(store.id, { query: 'x' }))).toBeInstanceOf(
      OpenAI.RateLimitError,
    )
    expect(await slow.vectorStores.retrieve(store.id)).toMatchObject({ id: store.id })
  })

  const wire = () => ({ baseURL: `${server.url}/v1` })
  async function mint(limits: { routes?: string[]; rpm?: number }): Promise<string> {
    const answer = await fetch(`${server.url}/api/keys`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.keyOf('default', 'admin').token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ name: 'limited', roles: ['app'], ...limits }),
    })
    const { token } = (await answer.json()) as { token: string }
    await server.keyring.refresh()
    return token
  }

  async function finished(client: OpenAI, storeId: string): Promise<void> {
    await expect
      .poll(async () => (await client.vectorStores.retrieve(storeId)).status, {
        timeout: 20_000,
        interval: 100,
      })
      .toBe('completed')
  }
  const chunkTables = async (storeId: string) =>
    (
      await open().sql<{ name: string }[]>`
        SELECT c.relname AS name FROM index_versions v JOIN pg_class c ON c.relname = 'chunks_' || v.number
        WHERE v.name = ${storeId.replace('_', '-')}`
    ).map(({ name }) => name)
  const textsOf = async (fileId: string) =>
    await open().sql`SELECT hash FROM documents WHERE split_part(key, '#', 1) = ${fileId}`
})
