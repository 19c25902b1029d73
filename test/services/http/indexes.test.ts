import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { runBuildIndex } from '../../../src/jobs/build-index.ts'
import type { Role } from '../../../src/keys/key.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { describeDatabases } from '../../support/database.ts'
import { retrievalParts } from '../../support/retrieval.ts'

const ROWS = [
  { key: 'shoes', text: 'Shoes may be returned within thirty days, unworn.', metadata: { topic: 'returns' } },
  { key: 'invoice', text: 'An invoice is due fourteen days after delivery.' },
  { key: 'warranty', text: 'Every lamp has a warranty of five years.' },
]

describeDatabases('/api/indexes', (open) => {
  let server: ApiServer
  let retrieval: ReturnType<typeof retrievalParts>
  let count = 0
  /** Another for each test: versions stay. */
  let name: string

  beforeAll(async () => {
    server = await startApiServer(open())
    retrieval = retrievalParts('.')
  })
  afterAll(async () => {
    await server.close()
    await retrieval.close()
  })
  beforeEach(async () => {
    count += 1
    name = `handbook-${count}`
    await call('engineer', 'POST', '/sources', { name, kind: 'pushed', language: 'en' })
    await push(ROWS)
  })

  async function call(
    role: Role,
    method: string,
    path: string,
    body?: unknown,
    project: 'default' | 'other' = 'default',
  ) {
    const answer = await fetch(`${server.url}/api${path}`, {
      method,
      headers: {
        authorization: `Bearer ${server.keyOf(project, role).token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, json: JSON.parse(await answer.text()) }
  }

  const push = (documents: object[]) => call('engineer', 'POST', `/sources/${name}/documents`, { documents })
  const create = (changed: object = {}) =>
    call('engineer', 'POST', '/indexes', { name, source: name, embedding: 'local/embed', ...changed })
  const build = (indexId: string) => {
    const { sql, embedded } = open()
    const { models } = retrieval.parts
    const deps = { sql, embedded, models, clock: systemClock }
    return runBuildIndex(deps, { indexId }, new AbortController().signal)
  }
  const built = async (changed: object = {}) => {
    const { json } = await create(changed)
    expect(await build(json.id)).toBe('ready')
    return json as { id: string; version: number }
  }
  const ask = (question: string, more: object = {}) =>
    call('engineer', 'POST', `/indexes/${name}/1/search`, { question, ...more })

  test('a plan says what a version would be made of and what it takes, and makes nothing', async () => {
    const plan = await call('engineer', 'POST', '/indexes/plan', { name, source: name })

    expect(plan).toMatchObject({
      status: 200,
      json: {
        documents: 3,
        chunks: 3,
        tokens: expect.any(Number),
        cost_usd: null,
        manifest: {
          source: { name, documents: 3 },
          chunker: { kind: 'headings', max_tokens: 320, overlap_tokens: 40 },
          embedding: { model: 'local/embed', digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
          metric: 'cosine',
          storage: 'vector',
        },
      },
    })
    expect((await call('engineer', 'GET', `/indexes?name=${name}`)).json.data).toEqual([])
    await built()
    const after = await call('engineer', 'POST', '/indexes/plan', { name, source: name })
    expect(after.json.seconds).toBeGreaterThan(0)
  })

  test('a version is made once, built by a worker, and shown without the probes', async () => {
    const first = await create()
    const again = await create()
    await build(first.json.id)
    const shown = await call('auditor', 'GET', `/indexes/${name}/newest`)

    expect(first).toMatchObject({
      status: 201,
      json: {
        name,
        version: 1,
        created: true,
        state: 'queued',
        step: null,
        documents_total: 3,
        validation: null,
      },
    })
    expect(again).toMatchObject({ status: 200, json: { id: first.json.id, created: false } })
    expect(server.rung.slice(-2)).toEqual([`build-index ${first.json.id}`, `build-index ${first.json.id}`])
    expect(shown.json).toMatchObject({
      state: 'ready',
      chunks_total: 3,
      chunks_done: 3,
      validation: { chunks: 3, self_recall: 1, recall_at_10: 1 },
      error: null,
    })
    expect(JSON.stringify(shown.json)).not.toContain('probes')
    expect(server.records.filter(({ action }) => action === 'index.create').at(-1)).toMatchObject({
      kind: 'admin',
      target: name,
      detail: { embedding: { model: 'local/embed' } },
    })
  })

  test.each([
    ['a bad name', { name: 'Hand Book' }, 400, /inner hyphens/],
    ['an unknown field', { chunkr: {} }, 400, /Did you mean "chunker"/],
    ['a model without its upstream', { embedding: 'embed' }, 400, /upstream\/model/],
    ['chunks that are too small', { chunker: { max_tokens: 1 } }, 400, /chunker\.max_tokens/],
    ['an overlap of most of a chunk', { chunker: { max_tokens: 100, overlap_tokens: 90 } }, 400, /half/],
    ['a source that is not there', { source: 'nothing' }, 404, /no source "nothing"/],
    ['an upstream that is not there', { embedding: 'nowhere/model' }, 404, /No upstream "nowhere"/],
    ['a model that is not there', { embedding: 'local/nothing' }, 503, /No local model "nothing"/],
  ])('%s is refused, with what to do', async (_what, changed, status, message) => {
    const answer = await create(changed)

    expect(answer.status).toBe(status)
    expect(answer.json.error.message).toMatch(message)
  })

  test('a source without documents is a conflict that says what to do', async () => {
    await call('engineer', 'DELETE', `/sources/${name}/documents`, { keys: ROWS.map(({ key }) => key) })

    const { status, json } = await create()

    expect(status).toBe(409)
    expect(json.error.message).toMatch(/no documents yet/)
  })

  test('roles: engineers make, approvers and auditors look, admins drop', async () => {
    await built()

    expect((await call('approver', 'POST', '/indexes', { name, source: name })).status).toBe(403)
    expect((await call('auditor', 'POST', '/indexes/plan', { name, source: name })).status).toBe(403)
    expect((await call('approver', 'POST', `/indexes/${name}/1/search`, { question: 'x' })).status).toBe(403)
    expect((await call('engineer', 'DELETE', `/indexes/${name}/1`)).status).toBe(403)
    expect((await call('app', 'GET', `/indexes/${name}/1`)).status).toBe(403)
    expect((await call('approver', 'GET', `/indexes/${name}/1`)).status).toBe(200)
    expect((await call('auditor', 'POST', `/indexes/${name}/1/search`, { question: 'x' })).status).toBe(200)
  })

  test('a question finds chunks with their documents, and the search is on the log without its words', async () => {
    await built()

    const found = await ask('Can I send back shoes?', { limit: 2 })
    const filtered = await ask('lamp', { filters: { topic: 'returns' }, mode: 'vector' })

    expect(found).toMatchObject({ status: 200, json: { index: `${name}@1`, without: null } })
    expect(found.json.chunks[0]).toMatchObject({
      chunk: expect.any(Number),
      document: { key: 'shoes', title: null, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      heading: null,
      text: ROWS[0]!.text,
      start: 0,
      score: expect.any(Number),
      cosine: expect.any(Number),
      ranks: { words: 1, vectors: 1 },
    })
    expect(found.json.chunks.length).toBeLessThanOrEqual(2)
    expect(filtered.json.chunks.map((chunk: { document: { key: string } }) => chunk.document.key)).toEqual([
      'shoes',
    ])
    const record = server.records.findLast(({ action }) => action === 'index.search')
    expect(record).toMatchObject({ kind: 'access', target: `${name}@1`, detail: { mode: 'vector' } })
    expect(server.records.map((one) => JSON.stringify(one)).join()).not.toContain('send back')
  })

  test.each([
    [{ question: '  ' }, /Write a question/],
    [{ question: 'a\0b' }, /NUL/],
    [{ question: 'x', limit: 0 }, /limit/],
    [{ question: 'x', per_documnt: 1 }, /Did you mean "per_document"/],
    [{ question: 'x', rerank: 'model' }, /upstream\/model/],
  ])('the question %j is refused by name', async (body, message) => {
    await create()

    const { status, json } = await call('engineer', 'POST', `/indexes/${name}/1/search`, body)

    expect(status).toBe(400)
    expect(json.error.message).toMatch(message)
  })

  test('a version that is not built, or was dropped, cannot be searched and says why', async () => {
    const { json } = await create()
    const early = await ask('shoes')
    await build(json.id)
    await ask('shoes')
    const dropped = await call('admin', 'DELETE', `/indexes/${name}/1`)
    const late = await ask('shoes')

    expect(early).toMatchObject({ status: 409 })
    expect(early.json.error.message).toMatch(/is being built.*aval index show/)
    expect(dropped).toMatchObject({ status: 200, json: { state: 'dropped', hash: json.hash } })
    expect(late).toMatchObject({ status: 409 })
    expect(late.json.error.message).toMatch(/it was dropped/)
    expect(server.records.findLast(({ action }) => action === 'index.drop')).toMatchObject({
      target: `${name}@1`,
    })
  })

  test('a dropped version that is asked for again is the same version, built again', async () => {
    const { id } = await built()
    await call('admin', 'DELETE', `/indexes/${name}/1`)

    const again = await create()
    expect(again).toMatchObject({
      status: 200,
      json: { id, version: 1, created: false, state: 'queued', chunks_done: 0 },
    })
    expect(await build(id)).toBe('ready')

    expect((await ask('shoes')).json.chunks[0]).toMatchObject({ document: { key: 'shoes' } })
  })

  test('a failed version that is asked for again goes on', async () => {
    const { json } = await create()
    const nowhere = async () => ({ embedderOf: () => null, digestOf: async () => null })
    const { sql, embedded } = open()
    const deps = { sql, embedded, clock: systemClock, models: nowhere }
    const outcome = await runBuildIndex(deps, { indexId: json.id }, new AbortController().signal)
    const failed = await call('engineer', 'GET', `/indexes/${name}/1`)

    const again = await create()

    expect(outcome).toBe('failed')
    expect(failed.json).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('No upstream "local"'),
    })
    expect(again.json).toMatchObject({ id: json.id, state: 'queued', error: null, attempts: 0 })
    expect(await build(json.id)).toBe('ready')
  })

  test('two versions differ by members of the manifest and by documents', async () => {
    await create()
    await push([
      { key: 'shoes', text: 'Shoes may be returned within sixty days.' },
      { key: 'gifts', text: 'Gift cards are never returned.' },
    ])
    await call('engineer', 'DELETE', `/sources/${name}/documents`, { keys: ['invoice'] })
    await create({ chunker: { max_tokens: 200 }, storage: 'halfvec' })

    const diff = await call('auditor', 'GET', `/indexes/diff?from=${name}@1&to=${name}@2&limit=2`)
    const rest = await call(
      'auditor',
      'GET',
      `/indexes/diff?from=${name}@1&to=${name}&limit=2&cursor=${diff.json.documents.next_cursor}`,
    )
    const same = await call('auditor', 'GET', `/indexes/diff?from=${name}@1&to=${name}@1`)

    expect(diff.json).toMatchObject({ from: `${name}@1`, to: `${name}@2` })
    expect(diff.json.manifest).toEqual(
      expect.arrayContaining([
        { member: 'chunker.max_tokens', from: 320, to: 200 },
        { member: 'storage', from: 'vector', to: 'halfvec' },
      ]),
    )
    expect(diff.json.documents).toMatchObject({
      added: 1,
      changed: 1,
      removed: 1,
      data: [
        { key: 'gifts', change: 'added' },
        { key: 'invoice', change: 'removed' },
      ],
      next_cursor: 'invoice',
    })
    expect(rest.json.documents).toMatchObject({
      data: [{ key: 'shoes', change: 'changed' }],
      next_cursor: null,
    })
    expect(same.json).toMatchObject({
      manifest: [],
      documents: { added: 0, changed: 0, removed: 0, data: [] },
    })
    const wrong = await call('auditor', 'GET', `/indexes/diff?from=${name}@1&to=Hand!`)
    expect(wrong.json.error).toMatchObject({ param: 'to', message: expect.stringContaining('handbook@5') })
  })

  test('the list goes on by id, newest first, of one name or of all', async () => {
    await create()
    await create({ storage: 'halfvec' })

    const first = await call('auditor', 'GET', `/indexes?name=${name}&limit=1`)
    const second = await call(
      'auditor',
      'GET',
      `/indexes?name=${name}&limit=1&cursor=${first.json.next_cursor}`,
    )

    expect(first.json.data).toMatchObject([{ name, version: 2 }])
    expect(second.json).toMatchObject({ data: [{ name, version: 1 }], next_cursor: null })
  })

  test('another project sees, searches and drops nothing of it', async () => {
    await built()
    const other = (method: string, path: string, body?: unknown) => call('admin', method, path, body, 'other')

    const answers = [
      await other('GET', `/indexes/${name}/1`),
      await other('POST', `/indexes/${name}/1/search`, { question: 'shoes' }),
      await other('GET', `/indexes/diff?from=${name}@1&to=${name}@1`),
      await other('DELETE', `/indexes/${name}/1`),
      await other('POST', '/indexes/plan', { name, source: name }),
      await other('POST', '/indexes', { name, source: name }),
    ]

    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404])
    expect((await other('GET', '/indexes')).json.data).toEqual([])
    expect((await ask('shoes')).status).toBe(200)
  })
})
