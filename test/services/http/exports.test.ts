import { randomUUID } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { writeExport } from '../../../src/audit/export/write-export.ts'
import { deriveAuditKeys } from '../../../src/audit/privacy/audit-keys.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { auditSecrets } from '../../support/audit-records.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'

const ORDER = { since: '7d', format: 'jsonl', purpose: 'case 311' }
const keys = deriveAuditKeys(auditSecrets().auditKey)
let database: TestDatabase
let server: ApiServer

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  await database.sql`DELETE FROM exports`
  server.records.length = 0
  server.rung.length = 0
})

type Answer = { status: number; headers: Headers; text: string; json: Record<string, unknown> }

async function ask(
  path: string,
  options: {
    role?: 'auditor' | 'admin' | 'engineer' | 'app'
    project?: 'default' | 'other'
    body?: unknown
  } = {},
): Promise<Answer> {
  const { token } = server.keyOf(options.project ?? 'default', options.role ?? 'auditor')
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = options.body === undefined ? {} : { method: 'POST', body: JSON.stringify(options.body) }
  const answer = await fetch(`${server.url}/api${path}`, { headers, ...body })
  const bytes = Buffer.from(await answer.arrayBuffer())
  const isJson = answer.headers.get('content-type')?.includes('json') === true
  const text = bytes.toString('latin1')
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    json: isJson ? (JSON.parse(bytes.toString('utf8')) as Record<string, unknown>) : {},
  }
}

async function finished(): Promise<string> {
  const id = (await ask('/exports', { body: ORDER })).json.id as string
  const { signal } = new AbortController()
  expect(await writeExport({ db: database.db, keys, clock: systemClock, signal }, id)).toBe('done')
  server.records.length = 0
  return id
}

describe('an export', () => {
  test('is recorded before anything happens, and a worker is told', async () => {
    const body = { ...ORDER, route: 'support', subject: 'ada', status: '5xx', stream: 'true', bodies: true }
    const { status, json } = await ask('/exports', { body })

    expect(status).toBe(201)
    const filters = {
      since: expect.stringMatching(/^20\d\d-.*Z$/),
      until: expect.stringMatching(/^20\d\d-.*Z$/),
      route: 'support',
      subject: 'sub_of_prj_default_ada',
      status: '5xx',
      stream: 'true',
    }
    expect(json).toMatchObject({
      state: 'queued',
      format: 'jsonl',
      bodies: true,
      purpose: 'case 311',
      filters,
    })
    expect(server.records).toMatchObject([
      {
        kind: 'access',
        action: 'requests.export',
        target: json.id,
        purpose: 'case 311',
        actorId: server.keyOf('default', 'auditor').id,
        detail: { format: 'jsonl', bodies: true, filters },
      },
    ])
    expect(server.rung).toEqual([json.id])
  })

  test.each<[string, object, string]>([
    ['a purpose', { since: '7d' }, 'missing_required_parameter'],
    ['a beginning', { purpose: 'x' }, 'missing_required_parameter'],
    ['a known format', { ...ORDER, format: 'csv' }, 'invalid_value'],
    ['known fields', { ...ORDER, rotue: 'x' }, 'unsupported_parameter'],
    ['a span forwards', { ...ORDER, since: '1d', until: '2d' }, 'invalid_value'],
  ])('needs %s, and nothing is recorded or done without', async (_what, body, code) => {
    const { status, json } = await ask('/exports', { body })

    expect({ status, json }).toMatchObject({ status: 400, json: { error: { code } } })
    expect(server.records).toEqual([])
    expect(server.rung).toEqual([])
  })

  test.each(['admin', 'engineer', 'app'] as const)('is not for the role %s', async (role) => {
    const id = await finished()

    for (const path of ['/exports', `/exports/${id}`, `/exports/${id}/files/manifest.json`]) {
      expect(await ask(path, { role })).toMatchObject({ status: 403 })
    }
    expect(await ask('/exports', { role, body: ORDER })).toMatchObject({ status: 403 })
    expect(server.records).toEqual([])
  })

  test('of another project does not exist', async () => {
    const id = await finished()

    for (const path of [`/exports/${id}`, `/exports/${id}/files/manifest.json`]) {
      expect(await ask(path, { project: 'other' })).toMatchObject({ status: 404 })
    }
    expect((await ask('/exports', { project: 'other' })).json.data).toEqual([])
  })

  test('gives its files, each download recorded with what it gives', async () => {
    const id = await finished()
    const { json } = await ask(`/exports/${id}`)
    const files = json.files as { name: string; bytes: number; sha256: string }[]
    expect(json).toMatchObject({ state: 'done', rows_total: 0, rows_done: 0 })
    expect(files.map(({ name }) => name)).toEqual(['requests.jsonl.gz', 'manifest.json'])

    const manifest = await ask(`/exports/${id}/files/manifest.json`)
    const data = await ask(`/exports/${id}/files/requests.jsonl.gz`)

    expect(JSON.parse(manifest.text)).toMatchObject({ format: 'aval-export/1', export: id, rows: 0 })
    expect(manifest.headers.get('content-length')).toBe(String(files[1]!.bytes))
    expect(gunzipSync(Buffer.from(data.text, 'latin1')).toString()).toBe('')
    expect(server.records).toMatchObject([
      { action: 'exports.download', target: id, purpose: 'case 311', detail: { file: 'manifest.json' } },
      {
        action: 'exports.download',
        target: id,
        detail: { file: 'requests.jsonl.gz', sha256: files[0]!.sha256 },
      },
    ])
  })

  test('has no files before it is done, and no others afterwards', async () => {
    const early = (await ask('/exports', { body: ORDER })).json.id as string
    expect(await ask(`/exports/${early}/files/manifest.json`)).toMatchObject({ status: 409 })
    await database.sql`DELETE FROM exports`
    const id = await finished()

    for (const name of ['nothing', encodeURIComponent('../manifest.json')]) {
      expect(await ask(`/exports/${id}/files/${name}`)).toMatchObject({ status: 404 })
    }
    expect(server.records).toEqual([])
  })

  test('whose chunk was changed breaks the download instead of giving it', async () => {
    const id = await finished()
    await database.sql`
      UPDATE export_files SET bytes = set_byte(bytes, 20, get_byte(bytes, 20) # 1) WHERE name = 'manifest.json'`

    await expect(ask(`/exports/${id}/files/manifest.json`)).rejects.toThrow()
  })

  test('lists go on page by page without gaps', async () => {
    const ids: string[] = []
    for (let at = 0; at < 5; at += 1) ids.unshift(await finished())

    const first = await ask('/exports?limit=3')
    const second = await ask(`/exports?limit=3&cursor=${String(first.json.next_cursor)}`)

    const idsOf = ({ json }: Answer) => (json.data as { id: string }[]).map(({ id }) => id)
    expect([...idsOf(first), ...idsOf(second)]).toEqual(ids)
    expect(second.json.next_cursor).toBeNull()
  })

  test('that never was is not found', async () => {
    expect(await ask(`/exports/exp_${randomUUID()}`)).toMatchObject({ status: 404 })
  })
})
