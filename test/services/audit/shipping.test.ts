import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Audit } from '../../../src/audit/audit.ts'
import type { AuditEvent } from '../../../src/audit/events.ts'
import { pseudonym } from '../../../src/audit/privacy/audit-keys.ts'
import { findReadable } from '../../../src/audit/privacy/read-bodies.ts'
import { listRequests } from '../../../src/audit/store.ts'
import { aClose, aFolder, anOpen } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

const FLUSH_MS = 20_000
const SCOPE = { projectId: 'prj_default', unowned: true }

describeDatabases('shipping', (open) => {
  let folder = ''
  let audit: Audit
  let events: AuditEvent[] = []

  function start(): Audit {
    return startAuditRoom({
      dataFolder: folder,
      databaseUrl: open().url,
      segmentBytes: 256 * 1024,
      onEvent: (event) => events.push(event),
    })
  }

  beforeEach(async () => {
    folder = aFolder()
    events = []
    await open().truncate()
    audit = start()
  })
  afterEach(async () => {
    await audit.close(FLUSH_MS)
    await rm(folder, { recursive: true, force: true })
  })

  test('a finished request is one row with both bodies and every attempt', async () => {
    const record = anOpen({
      stream: true,
      subject: 'jo',
      clientRequestId: 'mine-1',
      keyName: 'a "quoted\\" {key}',
    })

    await audit.log.open(record, Buffer.from('{"model":"support-answer","text":"Grüße\\n\t\\\\"}'))
    audit.log.part(record.id, Buffer.from('data: one\n\n'))
    audit.log.part(record.id, Buffer.from('data: two\n\n'))
    await audit.log.close(aClose(record.id, { ttftMs: 12.5 }), Buffer.from('data: [DONE]\n\n'))
    const flushed = await audit.flush(FLUSH_MS)

    const found = await findReadable(open().db, audit.keys, { id: record.id, scope: SCOPE })
    expect(flushed).toBe(true)
    expect(found).toMatchObject({
      id: record.id,
      stream: true,
      subject: pseudonym(audit.keys, 'prj_default', 'jo'),
      clientRequestId: 'mine-1',
      keyName: 'a "quoted\\" {key}',
      outcome: 'completed',
      ttftMs: 12.5,
      durationMs: 211.25,
      inputTokens: 12,
      cachedInputTokens: null,
      reasoningTokens: 0,
      startedAt: new Date(record.startedAtMs),
      attempts: aClose(record.id).attempts,
      requestBody: '{"model":"support-answer","text":"Grüße\\n\t\\\\"}',
      responseBody: 'data: one\n\ndata: two\n\ndata: [DONE]\n\n',
    })
  })

  test('bytes that are not text come back as the same bytes', async () => {
    const record = anOpen()
    const request = Buffer.from([0xff, 0xfe, 0x00, 0x5c, 0x22, 0x0a])
    const response = Buffer.from('with a NUL \0 inside')

    await audit.log.open(record, request)
    await audit.log.close(aClose(record.id), response)
    await audit.flush(FLUSH_MS)

    const found = await findReadable(open().db, audit.keys, { id: record.id, scope: SCOPE })
    expect(found?.requestBody).toEqual(request)
    expect(found?.responseBody).toEqual(response)
  })

  test('texts PostgreSQL would refuse are kept in a form it takes', async () => {
    const record = anOpen({ clientRequestId: 'nul\0here', requestedModel: 'lone \ud800 surrogate' })
    const [attempt] = aClose(record.id).attempts
    const attempts = [{ ...attempt!, detail: 'nul \0 and \ud800 and \\u0000 kept' }]

    await audit.log.open(record, Buffer.alloc(0))
    await audit.log.close(aClose(record.id, { attempts }), Buffer.alloc(0))
    await audit.flush(FLUSH_MS)

    const found = await findReadable(open().db, audit.keys, { id: record.id, scope: SCOPE })
    expect(found?.clientRequestId).toBe('nul\uFFFDhere')
    expect(found?.attempts[0]?.detail).toBe('nul \uFFFD and \uFFFD and \\u0000 kept')
  })

  test('a row that the database refuses is found among the others and goes in without its texts', async () => {
    const { sql } = open()
    const refused = anOpen({ path: '/refused' })
    const taken = [anOpen(), anOpen(), anOpen()]
    await sql`ALTER TABLE requests ADD CONSTRAINT refusing CHECK (path <> '/refused')`
    try {
      await Promise.all(
        [...taken.slice(0, 2), refused, ...taken.slice(2)].map(async (record) => {
          await audit.log.open(record, Buffer.from('asked'))
          await audit.log.close(aClose(record.id), Buffer.from('answered'))
        }),
      )
      expect(await audit.flush(FLUSH_MS)).toBe(true)
    } finally {
      await sql`ALTER TABLE requests DROP CONSTRAINT refusing`
    }

    const rows = await sql<{ id: string; path: string }[]>`SELECT id, path FROM requests`
    const whole = taken.map(({ id, path }) => ({ id, path }))
    expect(rows).toHaveLength(4)
    expect(rows).toEqual(expect.arrayContaining([...whole, { id: refused.id, path: '' }]))
    expect(events.map(({ event }) => event)).toEqual(['audit.row_reduced'])
  })

  test('thousands of requests over many segments arrive once each, also when the process starts again', async () => {
    const ids = new Set<string>()
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const record = anOpen()
          ids.add(record.id)
          await audit.log.open(record, Buffer.alloc(700, 'q'))
          await audit.log.close(aClose(record.id), Buffer.alloc(700, 'a'))
        }),
      )
      if (round % 7 !== 6) continue
      await audit.close(round === 6 ? 0 : FLUSH_MS)
      audit = start()
    }
    await audit.flush(FLUSH_MS)

    const rows = await open().sql<{ id: string }[]>`SELECT id FROM requests`
    expect(rows.length).toBe(ids.size)
    expect(new Set(rows.map((row) => row.id))).toEqual(ids)
    expect(events.filter(({ event }) => event === 'audit.cursor_moved')).toEqual([])
  })

  test('a request refused before any upstream is one row from one record', async () => {
    const record = anOpen({ keyId: null, keyName: null, projectId: null })
    const close = aClose(record.id, {
      outcome: 'rejected',
      status: 404,
      errorCode: 'model_not_found',
      attempts: [],
    })

    await audit.log.whole(record, close, Buffer.from('{}'), Buffer.from('{"error":{}}'))
    await audit.flush(FLUSH_MS)

    const { rows } = await listRequests(open().db, { scope: SCOPE, outcome: 'rejected' })
    expect(rows).toMatchObject([{ id: record.id, status: 404, errorCode: 'model_not_found', keyId: null }])
  })

  test('a room that is closed says at once that it ships no more, and may be closed again', async () => {
    await audit.close(FLUSH_MS)

    // Longer than a test may take.
    expect(await audit.flush(3_600_000)).toBe(false)
  })

  test('rows lie in the partition of their UTC day', async () => {
    const record = anOpen({ startedAtMs: Date.UTC(2026, 0, 31, 23, 59, 59, 999) })

    await audit.log.open(record, Buffer.from('{}'))
    await audit.log.close(aClose(record.id), Buffer.from('{}'))
    await audit.flush(FLUSH_MS)

    const rows = await open().sql`SELECT tableoid::regclass::text AS partition FROM requests`
    expect(rows.map((row) => row.partition)).toEqual(['requests_20260131'])
  })
})
