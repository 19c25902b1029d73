import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Audit } from '../../../src/audit/audit.ts'
import type { AuditEvent } from '../../../src/audit/events.ts'
import { aClose, aFolder, anOpen } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'
import { type DatabaseLink, linkTo } from '../../support/database-link.ts'

const FLUSH_MS = 60_000

describeDatabases('exactly once', (open) => {
  let folder = ''
  let link: DatabaseLink
  let audit: Audit
  let events: AuditEvent[] = []
  let sent: string[] = []

  function start(answerTimeoutMs: number): Audit {
    return startAuditRoom({
      dataFolder: folder,
      databaseUrl: link.url,
      segmentBytes: 256 * 1024,
      answerTimeoutMs,
      onEvent: (event) => events.push(event),
    })
  }

  async function send(count: number): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, async () => {
        const record = anOpen()
        sent.push(record.id)
        await audit.log.open(record, Buffer.alloc(300, 'q'))
        await audit.log.close(aClose(record.id), Buffer.alloc(300, 'a'))
      }),
    )
  }

  async function stored(): Promise<string[]> {
    const rows = await open().sql<{ id: string }[]>`SELECT id FROM requests`
    return rows.map((row) => row.id).sort()
  }

  beforeEach(async () => {
    folder = aFolder()
    events = []
    sent = []
    await open().truncate()
    link = await linkTo(open().url)
  })
  afterEach(async () => {
    await audit.close(0)
    await link.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('when the connection dies with the answer to COMMIT, no row is lost and none is there twice', async () => {
    link.loseAnswer = (commit) => (commit % 2 === 0 ? 'cut' : null)
    audit = start(20_000)

    for (let round = 0; round < 12; round += 1) {
      await send(25)
      await sleep(60)
    }
    const flushed = await audit.flush(FLUSH_MS)

    expect(flushed).toBe(true)
    expect(await stored()).toEqual(sent.toSorted())
    expect(events.some(({ event }) => event === 'audit.ship_failed')).toBe(true)
    expect(link.commits).toBeGreaterThan(1)
  }, 90_000)

  test('when the database stays silent after COMMIT, the cursor tells what happened', async () => {
    link.loseAnswer = (commit) => (commit === 0 || commit === 2 ? 'silence' : null)
    audit = start(1500)

    await send(600)
    const flushed = await audit.flush(FLUSH_MS)

    expect(flushed).toBe(true)
    expect(await stored()).toEqual(sent.toSorted())
  }, 90_000)

  test('a database that is away costs waiting, not rows, and the lag says so', async () => {
    audit = start(20_000)
    await send(10)
    await audit.flush(FLUSH_MS)
    await link.down()

    await send(300)
    const flushedWhileDown = await audit.flush(1500)
    const lag = audit.stats()
    await link.up()
    const flushed = await audit.flush(FLUSH_MS)

    expect(flushedWhileDown).toBe(false)
    expect(lag.ship.lagRecords).toBeGreaterThan(0)
    expect(lag.spool.state).toBe('open')
    expect(flushed).toBe(true)
    expect(await stored()).toEqual(sent.toSorted())
    expect(events.map(({ event }) => event)).toContain('audit.ship_resumed')
  }, 90_000)

  test('what a stopped process left is shipped by the next one, with requests it never ended', async () => {
    audit = start(20_000)
    await link.down()
    await send(50)
    const dangling = anOpen()
    await audit.log.open(dangling, Buffer.from('never answered'))
    await audit.close(0)
    await link.up()

    audit = start(20_000)
    await send(5)
    const flushed = await audit.flush(FLUSH_MS)

    const crashed = await open().sql<
      { id: string }[]
    >`SELECT id FROM requests WHERE outcome = 'gateway_crash'`
    expect(flushed).toBe(true)
    expect(crashed.map((row) => row.id)).toEqual([dangling.id])
    expect(await stored()).toEqual([...sent, dangling.id].sort())
  }, 90_000)
})
