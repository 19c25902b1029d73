import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Audit, AuditOptions } from '../../../src/audit/audit.ts'
import type { AuditEvent } from '../../../src/audit/events.ts'
import type { Guarantee } from '../../../src/audit/guarantee.ts'
import { listRequests } from '../../../src/audit/store.ts'
import { aClose, aFolder, anOpen } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

const NOBODY = 'postgres://nobody@127.0.0.1:9/none'
const SCOPE = { projectId: 'prj_default', unowned: false }
const BODY = Buffer.alloc(3000, 'q')

let folder = ''
let audit: Audit
let told: AuditEvent[] = []

function start(databaseUrl: string, more: Partial<AuditOptions> = {}): Audit {
  return startAuditRoom({
    dataFolder: folder,
    databaseUrl,
    segmentBytes: 64 * 1024,
    probeMs: 20,
    onEvent: (event) => told.push(event),
    ...more,
  })
}

function guarantee(changes: Partial<Guarantee>): Guarantee {
  return { durability: 'process', policy: 'required', deadlineMs: 10_000, ...changes }
}

async function request(log: Audit['log'], wanted: Guarantee): Promise<string> {
  const record = anOpen()
  await log.open(record, BODY, wanted)
  await log.close(aClose(record.id), BODY)
  return record.id
}

beforeEach(() => {
  folder = aFolder()
  told = []
})
afterEach(async () => {
  await audit.close(0)
  await rm(folder, { recursive: true, force: true })
})

describe('power', () => {
  test('waits until the disk has what was written', async () => {
    audit = start(NOBODY)

    await request(audit.log, guarantee({ durability: 'power' }))

    expect(audit.stats().spool.unsyncedMs).toBe(0)
  })

  test('a disk that is late refuses the request before it goes upstream, and the log says why', async () => {
    audit = start(NOBODY)
    const record = anOpen()

    const refused = await audit.log
      .open(record, BODY, guarantee({ durability: 'power', deadlineMs: 0 }))
      .catch((error: unknown) => error)

    expect(refused).toMatchObject({ code: 'audit_unavailable', status: 503 })
    expect(audit.stats().spool.openRequests).toBe(0)
  })

  test('with best_effort it goes on all the same', async () => {
    audit = start(NOBODY)

    const id = await request(
      audit.log,
      guarantee({ durability: 'power', deadlineMs: 0, policy: 'best_effort' }),
    )

    expect(id).toMatch(/^req_/)
  })
})

describe('replicated', () => {
  test('without a database the answer is withheld, though its record is written', async () => {
    audit = start(NOBODY)
    const record = anOpen()
    const wanted = guarantee({ durability: 'replicated', deadlineMs: 50 })
    await audit.log.open(record, BODY, wanted)

    const withheld = await audit.log.close(aClose(record.id), BODY).catch((error: unknown) => error)

    expect(withheld).toMatchObject({ code: 'audit_unavailable', status: 503 })
    expect(audit.stats().spool.openRequests).toBe(0)
  })
})

describeDatabases('guarantees', (open) => {
  beforeEach(() => open().truncate())

  test('a replicated request is in the database when its answer is released', async () => {
    audit = start(open().url)

    const id = await request(audit.log, guarantee({ durability: 'replicated' }))

    const { rows } = await listRequests(open().db, { scope: SCOPE })
    expect(rows.map((row) => row.id)).toEqual([id])
  })

  test('what best_effort served without a record stands on the log as a number, and nothing else is lost', async () => {
    audit = start(open().url, { maxBytes: 150_000 })
    const bestEffort = guarantee({ policy: 'best_effort' })
    const required = guarantee({})
    while (audit.stats().spool.state === 'open') await request(audit.log, required)

    const refused = await audit.log.open(anOpen(), BODY, required).catch((error: unknown) => error)
    for (let at = 0; at < 7; at += 1) await request(audit.log, bestEffort)
    while (audit.stats().spool.state !== 'open') await new Promise((resolve) => setTimeout(resolve, 20))
    await request(audit.log, bestEffort)
    await audit.flush(20_000)

    const events = await open().sql<{ detail: string }[]>`
      SELECT detail::text AS detail FROM audit_events WHERE kind = 'missed' AND action = 'requests.missed'`
    expect(refused).toMatchObject({ code: 'audit_unavailable' })
    expect(events.map(({ detail }) => JSON.parse(detail) as { count: number })).toMatchObject([{ count: 7 }])
    expect(told.filter(({ event }) => event === 'audit.missed')).toHaveLength(7)
  })
})
