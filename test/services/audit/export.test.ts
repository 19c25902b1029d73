import { createHash, createSecretKey } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createExport, findExportFile, readExportFile } from '../../../src/audit/export/exports.ts'
import {
  deleteExpiredExports,
  findExport,
  listForgottenExports,
  type StoredExport,
} from '../../../src/audit/export/store.ts'
import { type WriteOutcome, writeExport } from '../../../src/audit/export/write-export.ts'
import { deriveAuditKeys, pseudonym } from '../../../src/audit/privacy/audit-keys.ts'
import type { RequestScope } from '../../../src/audit/store.ts'
import { decodeTrail, leafOf } from '../../../src/audit/trail.ts'
import { RequestError } from '../../../src/errors.ts'
import { parseCheckpoint } from '../../../src/lib/checkpoint.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { newId } from '../../../src/lib/ids.ts'
import { treeRoot } from '../../../src/lib/merkle.ts'
import { verifyNote } from '../../../src/lib/signed-note.ts'
import { parseVerifierKey } from '../../../src/lib/verifier-key.ts'
import { aClose, aFolder, anEvent, anOpen, auditSecrets } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

const DAY_MS = 86_400_000
const NOON = Date.UTC(2026, 10, 20, 12)
const ROWS = 620
const MINE: RequestScope = { projectId: 'prj_default', unowned: false }
const keys = deriveAuditKeys(auditSecrets().auditKey)

type Line = Record<string, unknown> & {
  id: string
  seq: number
  writer: string
  trail: string
  open_record: string
  close_record: string | null
}

describeDatabases('an export', (open) => {
  /** Ids of all rows of the project, newest first as exports have them. */
  let ids: string[] = []

  beforeAll(async () => {
    await open().truncate()
    const folder = aFolder()
    const audit = startAuditRoom({ dataFolder: folder, databaseUrl: open().url })
    const logged: { id: string; startedAtMs: number }[] = []
    for (let at = 0; at < ROWS; at += 1) {
      const startedAtMs = NOON + Math.floor(at / 3) * 1000 - (at % 2) * DAY_MS
      const record = anOpen({
        startedAtMs,
        subject: at % 5 === 0 ? 'ada' : null,
        route: at % 10 === 0 ? 'tenth' : 'answer',
        stream: at % 7 === 0,
      })
      logged.push({ id: record.id, startedAtMs })
      const answer =
        at === 3 ? Buffer.from([0xff, 0x00, 0xfe]) : Buffer.from(`answer ${at} ${'ü'.repeat(at)}`)
      await audit.log.open(record, Buffer.from(`question ${at}`))
      if (at % 7 === 0) audit.log.part(record.id, Buffer.from('a piece, '))
      await audit.log.close(aClose(record.id, at % 4 === 0 ? { usage: null } : {}), answer)
      if (at % 100 === 0) await audit.log.event(anEvent())
    }
    const others = anOpen({ startedAtMs: NOON, projectId: 'prj_other' })
    await audit.log.open(others, Buffer.from('a secret of others'))
    await audit.log.close(aClose(others.id), Buffer.from('x'))
    await audit.close(60_000)
    await rm(folder, { recursive: true })
    ids = logged
      .toSorted((a, b) => b.startedAtMs - a.startedAtMs || (a.id < b.id ? 1 : -1))
      .map(({ id }) => id)
  })
  beforeEach(() => open().sql`DELETE FROM exports`)
  afterAll(() => open().truncate())

  async function order(wanted: Partial<Parameters<typeof createExport>[1]> = {}): Promise<StoredExport> {
    return await createExport(
      { db: open().db, keys, clock: systemClock },
      {
        id: newId('exp', Date.now()),
        scope: MINE,
        filters: { sinceMs: NOON - 2 * DAY_MS, untilMs: NOON + DAY_MS },
        format: 'jsonl',
        withBodies: false,
        purpose: 'a test',
        createdBy: 'vk_auditor',
        createdByName: 'auditor',
        ...wanted,
      },
    )
  }

  function write(id: string, more: Partial<Parameters<typeof writeExport>[0]> = {}): Promise<WriteOutcome> {
    const { signal } = new AbortController()
    return writeExport({ db: open().db, keys, clock: systemClock, signal, ...more }, id)
  }

  async function stateOf(id: string): Promise<StoredExport> {
    return (await findExport(open().db, MINE.projectId, id))!
  }

  async function read(id: string, name: string): Promise<Buffer> {
    const stored = await stateOf(id)
    const file = await findExportFile(open().db, stored, name)
    const chunks: Buffer[] = []
    for await (const chunk of readExportFile({ db: open().db, keys }, stored, file)) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256)
    return bytes
  }

  async function lines(id: string): Promise<Line[]> {
    const text = gunzipSync(await read(id, 'requests.jsonl.gz')).toString('utf8')
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line)
  }

  test('as JSON lines has every row of the project once, newest first, and none of others', async () => {
    const { id } = await order()

    expect(await write(id)).toBe('done')

    const rows = await lines(id)
    expect(rows.map((row) => row.id)).toEqual(ids)
    expect(rows[0]).toMatchObject({
      project_id: 'prj_default',
      outcome: 'completed',
      attempts: [{ status: 200, upstream_request_id: 'req-upstream-1' }],
    })
    expect(rows[0]).not.toHaveProperty('request_body')
    expect(await stateOf(id)).toMatchObject({ state: 'done', rowsTotal: ROWS, rowsDone: ROWS, error: null })
  })

  test('has open bodies when they are asked for, bytes that are no text as base64', async () => {
    const { id } = await order({ withBodies: true })

    await write(id)

    const rows = await lines(id)
    const plain = rows.filter((row) => row.response_body_encoding === 'utf8')
    expect(plain).toHaveLength(ROWS - 1)
    expect(plain.every((row) => /^(a piece, )?answer \d+ ü*$/.test(String(row.response_body)))).toBe(true)
    expect(rows.every((row) => /^question \d+$/.test(String(row.request_body)))).toBe(true)
    expect(rows.find((row) => row.response_body_encoding === 'base64')).toMatchObject({
      response_body: Buffer.from([0xff, 0x00, 0xfe]).toString('base64'),
      body_state: 'kept',
    })
  })

  test('as Parquet says the same as JSON lines, with types', async () => {
    const [json, parquet] = [
      await order({ withBodies: true }),
      await order({ withBodies: true, format: 'parquet' }),
    ]

    await write(json.id)
    await write(parquet.id)

    const bytes = await read(parquet.id, 'requests.parquet')
    const file = Uint8Array.from(bytes).buffer
    const rows = await parquetReadObjects({ file, utf8: false })
    expect(Number(parquetMetadata(file).num_rows)).toBe(ROWS)
    const asJson = rows.map((row) => ({
      ...Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
      ),
      started_at: (row.started_at as Date).toISOString(),
      attempts: JSON.parse(row.attempts as string) as unknown,
      trail: Buffer.from(row.trail as Uint8Array).toString('base64'),
    }))
    expect(asJson).toEqual(await lines(json.id))
  })

  test('keeps to its filters', async () => {
    const { id } = await order({
      filters: {
        sinceMs: NOON,
        untilMs: NOON + DAY_MS,
        route: 'tenth',
        subject: pseudonym(keys, 'prj_default', 'ada'),
      },
    })

    await write(id)

    const rows = await lines(id)
    expect(rows).toHaveLength(ROWS / 10)
    expect(rows.every((row) => row.route === 'tenth')).toBe(true)
    const manifest = JSON.parse(String(await read(id, 'manifest.json')))
    expect(manifest.filters).toEqual({
      since: '2026-11-20T12:00:00.000Z',
      until: '2026-11-21T12:00:00.000Z',
      route: 'tenth',
      subject: pseudonym(keys, 'prj_default', 'ada'),
    })
  })

  test('can be checked with what is in it: digests, leaves, root, signature', async () => {
    const { id } = await order()
    await write(id)

    const manifest = JSON.parse(String(await read(id, 'manifest.json')))
    const [writer] = manifest.writers
    const leaves = await read(id, writer.leaves_file)
    const { text } = verifyNote(writer.checkpoint, manifest.signing_keys.map(parseVerifierKey))
    const head = parseCheckpoint(text)
    expect(manifest).toMatchObject({ rows: ROWS, export: id, purpose: 'a test', created_by: 'vk_auditor' })
    expect(manifest.files.map((file: { name: string }) => file.name)).toEqual([
      'requests.jsonl.gz',
      writer.leaves_file,
    ])
    expect(head.size).toBe(leaves.length / 32)
    expect(treeRoot(leaves)).toEqual(head.root)
    const rows = await lines(id)
    const seqs = rows.flatMap((row) => {
      const entries = decodeTrail(Buffer.from(row.trail, 'base64'))!
      const texts = [row.open_record, ...entries.slice(2).map(() => ''), row.close_record ?? '']
      for (const [at, entry] of entries.entries()) {
        const leaf = leafOf(entry, row.id, Buffer.from(texts[at]!))
        expect(leaves.subarray(entry.seq * 32, entry.seq * 32 + 32)).toEqual(leaf)
      }
      return entries.map(({ seq }) => seq)
    })
    expect(writer).toMatchObject({ from_seq: Math.min(...seqs), to_seq: Math.max(...seqs), rows: ROWS })
  })

  test('stands in the database sealed, and goes with its key', async () => {
    const { id } = await order({ withBodies: true })
    await write(id)

    const chunks = await open().sql<{ bytes: Buffer }[]>`SELECT bytes FROM export_files`
    const name = Buffer.from('"checkpoint"')
    expect(chunks.length).toBeGreaterThanOrEqual(3)
    expect(chunks.some(({ bytes }) => bytes.includes(name))).toBe(false)
    expect(await deleteExpiredExports(open().db, new Date(Date.now() + 73 * 3_600_000))).toBe(1)
    const [left] = await open().sql`SELECT count(*)::int AS chunks FROM export_files`
    expect(left).toMatchObject({ chunks: 0 })
  })

  test('that was cut off in the middle begins again and has the same rows', async () => {
    const { id } = await order()
    const stop = new AbortController()
    // Stops after the first page, as a worker does that is told to.
    let asked = 0
    const clock = {
      nowMs: () => {
        asked += 1
        if (asked === 3) stop.abort(new Error('stopping'))
        return Date.now()
      },
      monotonicMs: () => asked * 1000,
    }
    await expect(write(id, { clock, signal: stop.signal })).rejects.toThrow('stopping')
    expect(await stateOf(id)).toMatchObject({ state: 'queued', error: null })

    expect(await write(id)).toBe('done')

    expect((await lines(id)).map((row) => row.id)).toEqual(ids)
  })

  test('of a killed run leaves nothing behind, whatever that run had stored', async () => {
    const { id } = await order()
    // What SIGKILL leaves: a running state, a foreign run and some of its chunks.
    const dead = '0193f0d2-0000-4000-8000-000000000000'
    await open()
      .sql`UPDATE exports SET state = 'running', run = ${dead}, attempts = 1, rows_done = 500 WHERE id = ${id}`
    await open().sql`
      INSERT INTO export_files (export_id, run, name, part, bytes)
      VALUES (${id}, ${dead}, 'requests.jsonl.gz', 0, ${Buffer.from('half')})`

    expect(await write(id)).toBe('done')

    const runs = await open().sql`SELECT DISTINCT run FROM export_files`
    expect(runs).toEqual([{ run: (await stateOf(id)).run }])
    expect(await lines(id)).toHaveLength(ROWS)
  })

  test('that two workers write at once is ended by one of them alone', async () => {
    const { id } = await order()

    const outcomes = await Promise.all([write(id), write(id)])

    expect(outcomes.toSorted()).toEqual(['done', expect.stringMatching(/^(nothing|taken-over)$/)])
    expect((await lines(id)).map((row) => row.id)).toEqual(ids)
  })

  test.each<[string, Partial<Parameters<typeof writeExport>[0]>, RegExp]>([
    ['has no audit key', { keys: null }, /no audit key.*AVAL_AUDIT_KEY/],
    [
      'has another audit key',
      { keys: { wrapping: createSecretKey(Buffer.alloc(32, 9)) } },
      /another audit key.*AVAL_AUDIT_KEY/,
    ],
    ['would write more than it may', { maxBytes: 1000 }, /larger than.*shorter span/],
  ])('fails with a sentence when the worker %s', async (_what, deps, sentence) => {
    const { id } = await order()

    expect(await write(id, deps)).toBe('failed')

    expect(await stateOf(id)).toMatchObject({ state: 'failed', error: expect.stringMatching(sentence) })
    const [left] = await open().sql`SELECT count(*)::int AS chunks FROM export_files`
    expect(left).toMatchObject({ chunks: 0 })
    expect(await write(id)).toBe('nothing')
  })

  test('goes on without a total when counting takes too long', async () => {
    const { id } = await order()
    // The embedded database has one session: nothing can keep its count waiting, and it knows no timeout.
    const total = open().embedded ? ROWS : null
    const release = open().embedded ? async () => undefined : await lockRequests()
    const writing = write(id, { countTimeoutMs: 50 })
    await vi.waitFor(async () => {
      const [now] = await open().sql<{ state: string; waits: boolean }[]>`
        SELECT state, EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'
          AND datname = current_database() AND query LIKE '%order by%') AS waits FROM exports WHERE id = ${id}`
      expect(now!.waits || now!.state === 'done').toBe(true)
    }, 10_000)

    await release()

    expect(await writing).toBe('done')
    expect(await stateOf(id)).toMatchObject({ rowsTotal: total, rowsDone: ROWS })
  })

  /** Keeps every reader of the log waiting until what it gives is called. */
  async function lockRequests(): Promise<() => Promise<unknown>> {
    const locked = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const holding = open().sql.begin(async (sql) => {
      await sql`LOCK TABLE requests IN ACCESS EXCLUSIVE MODE`
      locked.resolve()
      await release.promise
    })
    await locked.promise
    return () => {
      release.resolve()
      return holding
    }
  }

  test('that kills its workers is given up', async () => {
    const { id } = await order()
    await open().sql`UPDATE exports SET attempts = 10, error = 'out of memory' WHERE id = ${id}`

    expect(await write(id)).toBe('failed')

    expect((await stateOf(id)).error).toBe('Given up after 10 tries. out of memory')
  })

  test('with bodies is not handed out after an erasure, which may concern it', async () => {
    const [bare, full] = [await order(), await order({ withBodies: true })]
    await write(bare.id)
    await write(full.id)
    await open().sql`
      INSERT INTO erasures (id, project_id, subject, reason, requested_by, requested_by_name, requested_at, expires_at,
        state, approved_by, approved_by_name, executed_at)
      VALUES ('ers_1', 'prj_default', 'sub_x', 'asked', 'a', 'ada', now(), now(), 'executed', 'b', 'bob', now())`

    const attempt = findExportFile(open().db, await stateOf(full.id), 'requests.jsonl.gz')

    await expect(attempt).rejects.toThrow(/erased after this export/)
    expect(await lines(bare.id)).toHaveLength(ROWS)
    await open().sql`DELETE FROM erasures`
  })

  test('a project has three at most that are not finished', async () => {
    await order()
    await order()
    await order()

    await expect(order()).rejects.toThrow(RequestError)
    expect(await order({ scope: { projectId: 'prj_other', unowned: false } })).toMatchObject({
      state: 'queued',
    })
  })

  test('whose job was lost is found again', async () => {
    const [waiting, running, done] = [await order(), await order(), await order()]
    await open().sql`UPDATE exports SET state = 'running' WHERE id = ${running.id}`
    await write(done.id)
    const later = (ms: number) => new Date(Date.now() + ms)

    const now = await listForgottenExports(open().db, { queued: later(-9000), running: later(-9000) }, 10)
    const queued = await listForgottenExports(open().db, { queued: later(9000), running: later(-9000) }, 10)
    const both = await listForgottenExports(open().db, { queued: later(9000), running: later(9000) }, 10)

    expect(now).toEqual([])
    expect(queued).toEqual([waiting.id])
    expect(both).toEqual([waiting.id, running.id])
  })
})
