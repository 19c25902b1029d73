import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Audit } from '../../../src/audit/audit.ts'
import type { AuditEvent } from '../../../src/audit/events.ts'
import { deriveAuditKeys, pseudonym } from '../../../src/audit/privacy/audit-keys.ts'
import { findReadable } from '../../../src/audit/privacy/read-bodies.ts'
import type { EventLog, EventRecord } from '../../../src/audit/record.ts'
import { dropExpired } from '../../../src/audit/retention/drop-expired.ts'
import type { RetentionPolicy } from '../../../src/audit/retention/plan.ts'
import { Retention } from '../../../src/audit/retention/schedule.ts'
import { parseTombstone, tombstoneCovers } from '../../../src/audit/retention/tombstone.ts'
import { decodeTrail } from '../../../src/audit/trail.ts'
import { verifyLog } from '../../../src/audit/verify/verify.ts'
import { noteSigner } from '../../../src/lib/signed-note.ts'
import { aClose, aFolder, anOpen, auditSecrets } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

const DAY_MS = 86_400_000
const TODAY = Date.UTC(2026, 10, 25, 14)
const POLICY: RetentionPolicy = { profile: 'default', days: 30, bodyDays: 30 }
const SCOPE = { projectId: 'prj_default', unowned: false }
const secrets = auditSecrets()
const keys = deriveAuditKeys(secrets.auditKey)

describeDatabases('retention', (open) => {
  let folder = ''
  let audit: Audit
  let nowMs = TODAY
  const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() }
  /** Ids of the logged requests by how many days ago they were made. */
  let ids = new Map<number, string>()

  beforeEach(async () => {
    await open().truncate()
    for (const name of await partitions()) await open().sql.unsafe(`DROP TABLE ${name}`)
    folder = aFolder()
    ids = new Map()
    nowMs = TODAY - 40 * DAY_MS
    start()
    for (const daysAgo of [40, 31, 30, 0]) {
      nowMs = TODAY - daysAgo * DAY_MS
      for (const projectId of ['prj_default', 'prj_other']) {
        const record = anOpen({ startedAtMs: nowMs, projectId, subject: `user of ${daysAgo}` })
        if (projectId === 'prj_default') ids.set(daysAgo, record.id)
        await audit.log.open(record, Buffer.from(`question of ${daysAgo}`))
        audit.log.part(record.id, Buffer.from('one piece, '))
        await audit.log.close(aClose(record.id), Buffer.from('and the rest'))
      }
    }
    expect(await audit.flush(30_000)).toBe(true)
  })
  afterEach(async () => {
    await audit.close(5000)
    await rm(folder, { recursive: true, force: true })
  })

  function start(): void {
    audit = startAuditRoom({ secrets, dataFolder: folder, databaseUrl: open().url, clock })
  }

  function drop(policy: Partial<RetentionPolicy> = {}, log: EventLog = audit.log) {
    const deps = { sql: open().sql, log, clock, signal: new AbortController().signal }
    return dropExpired(deps, { ...POLICY, ...policy })
  }

  async function partitions(): Promise<string[]> {
    const found = await open().sql<{ relname: string }[]>`
      SELECT relname FROM pg_class WHERE relname ~ '^request(s|_bodies)_[0-9]{8}$' AND relkind = 'r' ORDER BY 1`
    return found.map(({ relname }) => relname)
  }

  async function tombstones() {
    expect(await audit.flush(30_000)).toBe(true)
    const found = await open().sql<{ target: string; detail: string; record: string }[]>`
      SELECT target, record FROM audit_events WHERE kind = 'tombstone' ORDER BY seq`
    return found.map(({ target, record }) => ({
      target,
      tombstone: parseTombstone((JSON.parse(record) as EventRecord).detail)!,
    }))
  }

  async function hold(projectId: string, subject: string | null, released = false): Promise<void> {
    await open().sql`
      INSERT INTO legal_holds (id, project_id, subject, reason, placed_by, placed_at, released_at)
      VALUES ('hold_1', ${projectId}, ${subject}, 'a lawsuit', 'vk_a', now(), ${released ? '2026-11-25T12:00:00Z' : null}::text::timestamptz)`
  }

  test('takes away the days that are older than the policy, and no row of the others', async () => {
    const report = await drop()

    expect(report.dropped).toEqual([
      { name: 'request_bodies_20261016', rows: 2 },
      { name: 'requests_20261016', rows: 2 },
      { name: 'request_bodies_20261025', rows: 2 },
      { name: 'requests_20261025', rows: 2 },
    ])
    expect(await partitions()).toEqual([
      'request_bodies_20261026',
      'request_bodies_20261125',
      'requests_20261026',
      'requests_20261125',
    ])
    const [rows] = await open().sql`SELECT count(*)::int AS rows FROM requests`
    expect(rows).toMatchObject({ rows: 4 })
    expect(await drop()).toEqual({ dropped: [], held: [], changed: [], deletedKeys: 0 })
  })

  test('each dropped day stands on the log with its records and a digest over them', async () => {
    const before = await open().sql<{ seq: string; trail: Buffer }[]>`
      SELECT seq, trail FROM requests WHERE day = '2026-10-16' ORDER BY writer, seq`
    const gone = before.flatMap(({ trail }) => decodeTrail(trail)!.map(({ seq }) => seq))
    const root = createHash('sha256')
    for (const { trail } of before) root.update(trail)

    await drop()

    const [bodies, rows] = await tombstones()
    expect([bodies!.target, rows!.target]).toEqual(['request_bodies_20261016', 'requests_20261016'])
    expect(rows!.tombstone).toEqual({
      table: 'requests',
      day: '2026-10-16',
      policy: 'default: 30 days',
      rows: 2,
      writers: [
        {
          writer: expect.stringMatching(/^[0-9a-f-]{36}$/),
          fromSeq: Math.min(...gone),
          toSeq: Math.max(...gone),
          rows: 2,
          records: 6,
          root: root.digest('hex'),
        },
      ],
    })
    const writer = rows!.tombstone.writers[0]!.writer
    expect(gone.every((seq) => tombstoneCovers(rows!.tombstone, writer, seq))).toBe(true)
  })

  test('every number without a row or an event is explained by a tombstone, and its leaf is still there', async () => {
    await drop()

    const all = (await tombstones()).map(({ tombstone }) => tombstone)
    const kept = await open().sql<{ writer: string; trail: Buffer }[]>`
      SELECT writer, trail FROM requests UNION ALL SELECT writer, trail FROM audit_events`
    const present = new Set(kept.flatMap(({ trail }) => decodeTrail(trail)!.map(({ seq }) => seq)))
    const [leaves] = await open().sql<{ writer: string; count: number }[]>`
      SELECT writer, sum(length(leaves) / 32)::int AS count FROM audit_leaves GROUP BY 1`
    const missing = Array.from({ length: leaves!.count }, (_none, seq) => seq).filter(
      (seq) => !present.has(seq),
    )
    expect(missing).toHaveLength(12)
    expect(missing.filter((seq) => !all.some((one) => tombstoneCovers(one, leaves!.writer, seq)))).toEqual([])
  })

  test.each<[string, Partial<RetentionPolicy>, number]>([
    ['rows are gone: the records of both days', {}, 12],
    ['bodies are gone: those of four rows', { days: 60 }, 4],
  ])('a log from which %s, each explained, is still intact', async (_what, policy, explained) => {
    await drop(policy)
    await audit.close(30_000)

    const report = await verifyLog(open().sql, {
      keys: [noteSigner('aval', secrets.signingKey).key],
      outside: [],
      sinceMs: null,
      untilMs: null,
      nowMs,
      onProgress: () => undefined,
    })

    expect(report).toMatchObject({ status: 'intact', altered: 0, incomplete: 0, explained })
  })

  test('bodies may go earlier than rows, and their keys with them', async () => {
    const report = await drop({ days: 60, bodyDays: 30 })

    expect(report.dropped.map(({ name }) => name)).toEqual([
      'request_bodies_20261016',
      'request_bodies_20261025',
    ])
    expect(report.deletedKeys).toBe(4)
    const old = await findReadable(open().db, keys, { id: ids.get(31)!, scope: SCOPE })
    const kept = await findReadable(open().db, keys, { id: ids.get(30)!, scope: SCOPE })
    expect(old).toMatchObject({ bodyState: 'erased', requestBody: null, responseBody: null })
    expect(kept).toMatchObject({
      bodyState: 'kept',
      requestBody: 'question of 30',
      responseBody: 'one piece, and the rest',
    })
  })

  test('keys of days that a hold keeps stay, so that what is held can be read', async () => {
    await hold('prj_default', null)

    const report = await drop()

    expect(report).toMatchObject({ dropped: [], deletedKeys: 0 })
    const held = await findReadable(open().db, keys, { id: ids.get(40)!, scope: SCOPE })
    expect(held).toMatchObject({ bodyState: 'kept', requestBody: 'question of 40' })
  })

  test('a hold keeps every day it touches, with its reason, and no other', async () => {
    await hold('prj_default', pseudonym(keys, 'prj_default', 'user of 40'))

    const report = await drop()

    expect(report.held.map(({ name }) => name)).toEqual(['request_bodies_20261016', 'requests_20261016'])
    expect(report.held[0]!.holds).toMatchObject([{ id: 'hold_1', reason: 'a lawsuit' }])
    expect(report.dropped.map(({ name }) => name)).toEqual(['request_bodies_20261025', 'requests_20261025'])
  })

  test.each([
    ['of a project without rows', 'prj_none', false],
    ['that was released', 'prj_default', true],
  ])('a hold %s keeps nothing', async (_what, projectId, released) => {
    await hold(projectId, null, released)

    expect((await drop()).dropped).toHaveLength(4)
  })

  test('no partition goes when the log cannot take its tombstone', async () => {
    const refusing: EventLog = { event: () => Promise.reject(new Error('the disk is full')) }
    const before = await partitions()

    await expect(drop({}, refusing)).rejects.toThrow('the disk is full')

    expect(await partitions()).toEqual(before)
  })

  test('killed between record and drop, the next run drops without a second tombstone', async () => {
    // The record is in the file, and the process ends before it comes back to the partition.
    const killed: EventLog = {
      event: async (record) => {
        await audit.log.event(record)
        throw new Error('killed')
      },
    }
    await expect(drop({}, killed)).rejects.toThrow('killed')
    await audit.close(10_000)
    start()
    expect(await audit.flush(30_000)).toBe(true)

    const report = await drop()

    expect(report.dropped).toHaveLength(4)
    expect((await tombstones()).map(({ target }) => target).toSorted()).toEqual([
      'request_bodies_20261016',
      'request_bodies_20261025',
      'requests_20261016',
      'requests_20261025',
    ])
  })

  test('rows that come while a day is looked at keep it until the next run, which speaks of them too', async () => {
    const late: EventLog = {
      event: async (record) => {
        await audit.log.event(record)
        if (record.target !== 'requests_20261016') return
        const straggler = anOpen({ startedAtMs: TODAY - 40 * DAY_MS })
        await audit.log.whole(straggler, aClose(straggler.id), Buffer.from('late'), Buffer.from('later'))
        expect(await audit.flush(30_000)).toBe(true)
      },
    }

    const first = await drop({}, late)
    const second = await drop()

    expect(first.changed).toEqual(['requests_20261016'])
    expect(second.dropped).toContainEqual({ name: 'requests_20261016', rows: 3 })
    const of = (await tombstones()).filter(({ target }) => target === 'requests_20261016')
    expect(of.map(({ tombstone }) => tombstone.rows)).toEqual([2, 3])
  })

  test('old rows without a partition of their own go too', async () => {
    await open().sql.begin(async (sql) => {
      await sql.unsafe('ALTER TABLE requests DETACH PARTITION requests_20261016')
      await sql.unsafe('INSERT INTO requests SELECT * FROM requests_20261016')
      await sql.unsafe('DROP TABLE requests_20261016')
    })

    const report = await drop()

    expect(report.dropped).toContainEqual({ name: 'requests_20261016', rows: 2 })
  })

  test('says once a day what is held, and what it dropped', async () => {
    await hold('prj_default', pseudonym(keys, 'prj_default', 'user of 40'))
    const told: AuditEvent[] = []
    const retention = new Retention({
      database: open(),
      log: audit.log,
      clock,
      policy: () => POLICY,
      onEvent: (event) => void told.push(event),
    })

    await retention.run()
    await retention.run()
    nowMs += DAY_MS
    await retention.run()
    await retention.stop()

    expect(told.map(({ event }) => event)).toEqual([
      'audit.retention_dropped',
      'audit.retention_held',
      'audit.retention_held',
      'audit.retention_dropped',
      'audit.retention_held',
      'audit.retention_held',
    ])
    expect(told[0]).toMatchObject({ rows: 4, partitions: ['request_bodies_20261025', 'requests_20261025'] })
    expect(told[1]).toMatchObject({ partition: 'request_bodies_20261016', holds: [{ reason: 'a lawsuit' }] })
  })

  test('one gateway at a time: a second one leaves it to the first', async () => {
    const told: AuditEvent[] = []
    const gateway = () =>
      new Retention({
        database: open(),
        log: audit.log,
        clock,
        policy: () => POLICY,
        onEvent: (event) => void told.push(event),
      })
    // The embedded database has one gateway by its folder's lock.
    const runs = open().embedded ? [gateway().run()] : [gateway().run(), gateway().run(), gateway().run()]

    await Promise.all(runs)

    expect(told.map(({ event }) => event)).toEqual(['audit.retention_dropped'])
    expect(await tombstones()).toHaveLength(4)
  })
})
