import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { runSyncSource } from '../../../src/jobs/sync-source.ts'
import type { Role } from '../../../src/keys/key.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Enqueuer } from '../../../src/queue/enqueue.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { describeDatabases } from '../../support/database.ts'
import { retrievalParts } from '../../support/retrieval.ts'

const ROWS = [
  { key: 'shoes', text: 'Shoes may be returned within thirty days.', metadata: { topic: 'returns' } },
  { key: 'lamps', text: 'Lamps have a warranty of five years.', title: 'Lamps', language: 'en' },
]

describeDatabases('/api/sources', (open) => {
  let server: ApiServer
  let folder: string
  let retrieval: ReturnType<typeof retrievalParts>
  let count = 0
  /** Another for each test: sources stay. */
  let name: string

  beforeAll(async () => {
    server = await startApiServer(open())
    folder = mkdtempSync(join(tmpdir(), 'aval-sources-'))
    retrieval = retrievalParts(folder)
  })
  afterAll(async () => {
    await server.close()
    await retrieval.close()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(() => {
    count += 1
    name = `handbook-${count}`
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

  const pushed = () => call('engineer', 'POST', '/sources', { name, kind: 'pushed', language: 'de' })
  const work = (syncId: string) => {
    const enqueuer = { enqueue: async () => undefined } as unknown as Enqueuer
    const deps = { ...retrieval.parts, sql: open().sql, clock: systemClock, enqueuer }
    return runSyncSource(deps, { syncId }, new AbortController().signal)
  }

  test('a source is made, changed by the same call, and both are on the log first', async () => {
    const first = await call('admin', 'POST', '/sources', { name, kind: 'folder', path: 'docs' })
    const again = await call('admin', 'POST', '/sources', {
      name,
      kind: 'folder',
      path: 'docs',
      language: 'en',
    })

    expect(first).toMatchObject({
      status: 201,
      json: {
        name,
        kind: 'folder',
        created: true,
        settings: { path: 'docs', include: [], exclude: [], language: null, licence: null },
        documents: 0,
        problems: 0,
        sync: null,
        snapshot: null,
        created_by_name: 'default admin',
      },
    })
    expect(first.json.created_at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
    expect(again).toMatchObject({ status: 200, json: { created: false, settings: { language: 'en' } } })
    expect(server.records.filter(({ target }) => target === name)).toMatchObject([
      { kind: 'admin', action: 'source.put', detail: { kind: 'folder' } },
      { kind: 'admin', action: 'source.put', detail: { settings: { language: 'en' } } },
    ])
  })

  test.each([
    ['a bad name', { name: 'Hand Book' }, 'invalid_value', /inner hyphens/],
    ['a kind that is none', { kind: 'ftp' }, 'invalid_value', /folder, urls or pushed/],
    ['an unknown field', { pat: 'x' }, 'unsupported_parameter', /Did you mean "path"/],
    ['a pattern that is none', { include: ['**/*.md', '{a'] }, 'invalid_value', /include: The pattern "\{a"/],
    ['a language that is none', { language: 'english!' }, 'invalid_value', /language tag/],
    [
      'an address that is none',
      { kind: 'urls', path: undefined, urls: ['file:///etc/passwd'] },
      'invalid_value',
      /http/,
    ],
    [
      'an address with a password',
      { kind: 'urls', path: undefined, urls: ['https://me:secret@example.org/'] },
      'invalid_value',
      /password out/,
    ],
  ])('%s is refused by name', async (_what, changed, code, message) => {
    const { status, json } = await call('admin', 'POST', '/sources', {
      name,
      kind: 'folder',
      path: 'docs',
      ...changed,
    })

    expect({ status, code: json.error.code }).toEqual({ status: 400, code })
    expect(json.error.message).toMatch(message)
    expect(json.error.message).not.toContain('secret')
  })

  test('a kind stays: the same name as another kind is a conflict', async () => {
    await pushed()

    const { status, json } = await call('admin', 'POST', '/sources', { name, kind: 'folder', path: 'docs' })

    expect(status).toBe(409)
    expect(json.error.message).toMatch(/another kind than folder.*Choose another name/)
  })

  test.each([
    ['a folder', { kind: 'folder', path: '/etc' }, /reads the worker's disk/],
    ['an address inside', { kind: 'urls', urls: ['http://169.254.169.254/latest'] }, /leads inside/],
    ['this machine', { kind: 'urls', urls: ['https://example.org', 'http://localhost:9/'] }, /leads inside/],
  ])('%s needs an admin', async (_what, source, message) => {
    const { status, json } = await call('engineer', 'POST', '/sources', { name, ...source })

    expect({ status, code: json.error.code }).toEqual({ status: 403, code: 'permission_denied' })
    expect(json.error.message).toMatch(message)
    const outside = { name, kind: 'urls', urls: ['https://example.org/terms.html'] }
    expect((await call('engineer', 'POST', '/sources', outside)).status).toBe(201)
  })

  test.each(['approver', 'auditor', 'app'] as const)('the role %s changes nothing', async (role) => {
    await pushed()

    expect((await call(role, 'POST', '/sources', { name, kind: 'pushed' })).status).toBe(403)
    expect((await call(role, 'POST', `/sources/${name}/documents`, { documents: ROWS })).status).toBe(403)
    expect((await call(role, 'DELETE', `/sources/${name}/documents`, { keys: ['a'] })).status).toBe(403)
    expect((await call(role, 'POST', `/sources/${name}/sync`)).status).toBe(403)
    expect((await call(role, 'GET', `/sources/${name}`)).status).toBe(role === 'app' ? 403 : 200)
  })

  test('documents are pushed, replaced by key and taken away, in the source as it stands', async () => {
    await pushed()

    const first = await call('engineer', 'POST', `/sources/${name}/documents`, { documents: ROWS })
    const changed = { key: 'shoes', text: 'Shoes may be returned within sixty days.' }
    const second = await call('engineer', 'POST', `/sources/${name}/documents`, { documents: [changed] })
    const third = await call('engineer', 'DELETE', `/sources/${name}/documents`, {
      keys: ['lamps', 'nothing'],
    })

    expect(first).toMatchObject({
      status: 200,
      json: { documents: 2, settings: { language: 'de' }, sync: { state: 'done', added: 2 } },
    })
    expect(second.json.documents).toBe(2)
    expect(third).toMatchObject({ status: 200, json: { removed: 1, source: { documents: 1 } } })
    const [row] = await open().sql`
      SELECT d.body, d.language FROM source_documents s JOIN documents d ON d.hash = s.hash
      JOIN sources o ON o.id = s.source_id WHERE o.name = ${name}`
    expect(row).toMatchObject({ body: changed.text, language: 'de' })
    expect(server.records.filter(({ target }) => target === name).map(({ action }) => action)).toEqual([
      'source.put',
      'source.push',
      'source.push',
      'source.remove',
    ])
  })

  test.each([
    [
      'more than a thousand',
      Array.from({ length: 1001 }, (_, at) => ({ key: `${at}`, text: 'x' })),
      /documents/,
    ],
    ['none', [], /documents/],
    ['one without text', [{ key: 'a', text: ' ' }], /documents\.0\.text: Write some text/],
    ['one with NUL characters', [{ key: 'a', text: 'a\0b' }], /documents\.0\.text: Take out NUL/],
    ['one with half a letter', [{ key: 'a', text: 'a\ud800b' }], /documents\.0\.text: Take out NUL/],
    ['NUL in metadata', [{ key: 'a', text: 'a', metadata: { b: 'c\0' } }], /documents\.0\.metadata\.b/],
    [
      'objects in metadata',
      [{ key: 'a', text: 'a', metadata: { b: { c: 1 } } }],
      /documents\.0\.metadata\.b/,
    ],
    ['one without a key', [{ text: 'a' }], /documents\.0\.key/],
  ])('%s are refused, and nothing of them is kept', async (_what, documents, message) => {
    await pushed()

    const { status, json } = await call('engineer', 'POST', `/sources/${name}/documents`, { documents })

    expect(status).toBe(400)
    expect(json.error.message).toMatch(message)
    expect((await call('engineer', 'GET', `/sources/${name}`)).json).toMatchObject({
      documents: 0,
      sync: null,
    })
  })

  test('what is read from a place takes no documents, and what is pushed into is not read', async () => {
    await call('admin', 'POST', '/sources', { name, kind: 'folder', path: 'docs' })
    const push = await call('admin', 'POST', `/sources/${name}/documents`, { documents: ROWS })
    name = `${name}-b`
    await pushed()
    const sync = await call('admin', 'POST', `/sources/${name}/sync`)

    expect([push.status, sync.status]).toEqual([409, 409])
    expect(push.json.error.message).toMatch(/aval source add <name> --pushed/)
    expect(sync.json.error.message).toMatch(/nothing to read.*aval source push/)
  })

  test('a sync waits for a worker once, shows how far it is, and what could not be read page by page', async () => {
    await call('admin', 'POST', '/sources', { name, kind: 'folder', path: folder })
    for (const file of ['a.md', 'b.md', 'c.md']) writeFileSync(join(folder, file), `# ${file}\n\nText.`)
    for (const file of ['x.md', 'y.md', 'z.md']) writeFileSync(join(folder, file), '')

    const first = await call('engineer', 'POST', `/sources/${name}/sync`)
    const again = await call('engineer', 'POST', `/sources/${name}/sync`)
    const waiting = await call('auditor', 'GET', `/sources/${name}/syncs/${first.json.id}`)
    await work(first.json.id)

    expect(first).toMatchObject({ status: 202, json: { state: 'queued', files_total: null, files_done: 0 } })
    expect(again.json.id).toBe(first.json.id)
    expect(server.rung.slice(-2)).toEqual([`sync-source ${first.json.id}`, `sync-source ${first.json.id}`])
    expect(waiting.json).toEqual(first.json)
    expect((await call('auditor', 'GET', `/sources/${name}`)).json).toMatchObject({
      documents: 3,
      problems: 3,
      sync: { id: first.json.id, state: 'done', files_total: 6, files_done: 6, added: 3, failed: 3 },
      snapshot: { documents: 3, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    })
    const page = await call('auditor', 'GET', `/sources/${name}/problems?limit=2`)
    const rest = await call(
      'auditor',
      'GET',
      `/sources/${name}/problems?limit=2&cursor=${page.json.next_cursor}`,
    )
    expect(page.json).toMatchObject({
      data: [{ key: 'x.md', reason: 'empty', error: expect.stringContaining('empty') }, { key: 'y.md' }],
      next_cursor: 'y.md',
    })
    expect(rest.json).toMatchObject({ data: [{ key: 'z.md' }], next_cursor: null })
  })

  test('the list goes on by name', async () => {
    for (const end of ['a', 'b']) {
      await call('admin', 'POST', '/sources', { name: `zz-${name}-${end}`, kind: 'pushed' })
    }

    const first = await call('admin', 'GET', `/sources?limit=1&cursor=zz-${name}`)
    const second = await call('admin', 'GET', `/sources?limit=1&cursor=${first.json.next_cursor}`)

    expect(first.json.data).toMatchObject([{ name: `zz-${name}-a` }])
    expect(second.json).toMatchObject({ data: [{ name: `zz-${name}-b` }], next_cursor: null })
  })

  test('another project sees and changes nothing of it', async () => {
    await call('admin', 'POST', '/sources', { name, kind: 'folder', path: folder })
    const { json: sync } = await call('admin', 'POST', `/sources/${name}/sync`)
    const other = (method: string, path: string, body?: unknown) => call('admin', method, path, body, 'other')

    const answers = [
      await other('GET', `/sources/${name}`),
      await other('GET', `/sources/${name}/problems`),
      await other('GET', `/sources/${name}/syncs/${sync.id}`),
      await other('POST', `/sources/${name}/sync`),
      await other('POST', `/sources/${name}/documents`, { documents: ROWS }),
      await other('DELETE', `/sources/${name}/documents`, { keys: ['shoes'] }),
    ]

    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404])
    expect((await other('GET', '/sources')).json.data).toEqual([])
    const made = await other('POST', '/sources', { name, kind: 'pushed' })
    expect(made.json.created).toBe(true)
    expect((await other('GET', `/sources/${name}/syncs/${sync.id}`)).status).toBe(404)
  })

  test('a body beyond the limit is refused before it is read', async () => {
    await pushed()
    const documents = [{ key: 'a', text: 'x'.repeat(17 * 1024 ** 2) }]

    const { status, json } = await call('engineer', 'POST', `/sources/${name}/documents`, { documents })

    expect({ status, code: json.error.code }).toEqual({ status: 413, code: 'body_too_large' })
  })
})
