import { readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Audit } from '../../../src/audit/audit.ts'
import { findReadable } from '../../../src/audit/privacy/read-bodies.ts'
import { listWriters } from '../../../src/audit/recover.ts'
import { listSegments } from '../../../src/audit/segments.ts'
import { aClose, aFolder, anOpen } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

describeDatabases('keeping segments', (open) => {
  let folder = ''
  let audit: Audit

  function start(keepMs: number, maxBytes = 1e12, segmentBytes = 64 * 1024): Audit {
    return startAuditRoom({ dataFolder: folder, databaseUrl: open().url, segmentBytes, keepMs, maxBytes })
  }

  async function send(count: number): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      const record = anOpen()
      await audit.log.open(record, Buffer.alloc(2000, 'q'))
      await audit.log.close(aClose(record.id), Buffer.alloc(2000, 'a'))
    }
  }

  const spool = () => join(folder, 'spool')
  const segments = () => listWriters(spool()).flatMap((writer) => listSegments(join(spool(), writer)))

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await sleep(20)
  }

  beforeEach(async () => {
    folder = aFolder()
    await open().truncate()
  })
  afterEach(async () => {
    await audit.close(0)
    await rm(folder, { recursive: true, force: true })
  })

  test('what is in the database is kept for its time, and what ended before that time goes', async () => {
    audit = start(3_600_000)
    await send(100)
    await audit.flush(20_000)
    const kept = segments().length
    await audit.close(20_000)

    audit = start(0)
    await until(() => listWriters(spool()).length === 1)

    expect(kept).toBeGreaterThan(4)
    const [{ rows } = { rows: '' }] = await open().sql<
      { rows: string }[]
    >`SELECT count(*) AS rows FROM requests`
    expect(Number(rows)).toBe(100)
  })

  test('a log that is full of one segment serves again once that segment is shipped', async () => {
    audit = start(3_600_000, 400_000, 64 * 1024 * 1024)
    let sent = 0
    while (audit.stats().spool.state === 'open') {
      await send(1)
      sent += 1
    }

    await until(() => audit.stats().spool.state === 'open')

    await send(1)
    await audit.flush(20_000)
    const [{ rows } = { rows: '' }] = await open().sql<
      { rows: string }[]
    >`SELECT count(*) AS rows FROM requests`
    expect(Number(rows)).toBe(sent + 1)
  })

  test('a segment that an open request still needs stays, and its request is whole in the end', async () => {
    audit = start(0)
    const slow = anOpen()
    await audit.log.open(slow, Buffer.from('asked long ago'))
    await send(100)
    await audit.flush(20_000)
    await sleep(6000)

    const first = segments()[0]
    await audit.log.close(aClose(slow.id), Buffer.from('answered at last'))
    await audit.flush(20_000)

    const scope = { projectId: 'prj_default', unowned: false }
    const row = await findReadable(open().db, audit.keys, { id: slow.id, scope })
    expect(first).toBe(0)
    expect(row).toMatchObject({ requestBody: 'asked long ago', responseBody: 'answered at last' })
  })

  test('nothing but writers lies in the spool of a process that ended in order', async () => {
    audit = start(3_600_000)
    await send(3)
    await audit.close(20_000)

    const [writer] = listWriters(spool())
    expect(readdirSync(join(spool(), writer!)).sort()).toEqual([
      '0000000000000000.wal',
      'checkpoints',
      'leaves',
    ])
    const [cursor] = await open().sql`SELECT next_seq, sealed FROM ship_cursors WHERE writer = ${writer!}`
    expect(cursor).toMatchObject({ next_seq: '8', sealed: true })
  })
})
