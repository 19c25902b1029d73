import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Audit, AuditOptions } from '../../../src/audit/audit.ts'
import {
  approveErasure,
  listErasures,
  rejectErasure,
  requestErasure,
} from '../../../src/audit/erasure/erasures.ts'
import { type ExecuteDeps, resumeErasures } from '../../../src/audit/erasure/execute.ts'
import { type Actor, placeHold, releaseHold } from '../../../src/audit/erasure/holds.ts'
import { ErasureWatch, watchErasures } from '../../../src/audit/erasure/watch.ts'
import { pseudonym } from '../../../src/audit/privacy/audit-keys.ts'
import { findReadable } from '../../../src/audit/privacy/read-bodies.ts'
import { verifyLog } from '../../../src/audit/verify/verify.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { noteSigner } from '../../../src/lib/signed-note.ts'
import { aClose, aFolder, anOpen, auditSecrets } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

const HOUR_MS = 3_600_000
const SCOPE = { projectId: 'prj_default', unowned: true }
const secrets = auditSecrets()
const ada: Actor = { id: 'vk_ada', name: 'ada', projectId: 'prj_default', person: 'ada@example.com' }
const bob: Actor = { id: 'vk_bob', name: 'bob', projectId: 'prj_default', person: 'vk_bob' }
const stranger: Actor = { id: 'vk_eve', name: 'eve', projectId: 'prj_other', person: 'vk_eve' }

describeDatabases('erasing a subject', (open) => {
  const folders: string[] = []
  const audits: Audit[] = []
  let audit: Audit
  let deps: ExecuteDeps

  function gateway(options: Partial<AuditOptions> = {}): Audit {
    const dataFolder = options.dataFolder ?? aFolder()
    folders.push(dataFolder)
    const started = startAuditRoom({
      secrets,
      dataFolder,
      databaseUrl: open().url,
      ...options,
    })
    audits.push(started)
    return started
  }

  function depsOf(of: Audit, changes: Partial<ExecuteDeps> = {}): ExecuteDeps {
    return { db: open().db, clock: systemClock, log: of.log, forgetSubject: of.forgetSubject, ...changes }
  }

  beforeEach(async () => {
    await open().truncate()
    audit = gateway()
    deps = depsOf(audit)
  })
  afterEach(async () => {
    for (const started of audits.splice(0)) await started.close(10_000)
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
  })

  const alice = () => pseudonym(audit.keys, 'prj_default', 'alice')

  async function ask(user: string | null, through = audit): Promise<string> {
    const record = anOpen({ subject: user })
    await through.log.open(record, Buffer.from(`question of ${user}`))
    await through.log.close(aClose(record.id), Buffer.from(`answer to ${user}`))
    return record.id
  }

  async function shipped(): Promise<void> {
    for (const started of audits) expect(await started.flush(20_000)).toBe(true)
  }

  const read = (id: string) => findReadable(open().db, audit.keys, { id, scope: SCOPE })

  async function keptBodies(): Promise<number> {
    const [row] = await open().sql<{ count: string }[]>`
      SELECT count(*) FROM request_bodies JOIN requests USING (day, writer, seq) WHERE subject = ${alice()}
      AND num_nonnulls(request_text, request_raw, response_text, response_raw) > 0`
    return Number(row?.count)
  }

  async function request(): Promise<string> {
    const { erasure } = await requestErasure(deps, ada, { subject: alice(), reason: 'Art. 17' })
    return erasure.id
  }

  test('leaves rows whose bodies nobody can read, also not in the tables; other subjects keep theirs', async () => {
    const own = [await ask('alice'), await ask('alice')]
    const others = [await ask('bert'), await ask(null)]
    await shipped()
    const before = await open().sql`SELECT * FROM requests ORDER BY id`

    const done = await approveErasure(deps, bob, await request())

    expect(done).toMatchObject({ state: 'executed', rowsErased: 2, approvedBy: 'vk_bob' })
    for (const id of own) {
      expect(await read(id)).toMatchObject({ bodyState: 'erased', requestBody: null, responseBody: null })
    }
    for (const id of others) expect(await read(id)).toMatchObject({ bodyState: 'kept' })
    expect(await keptBodies()).toBe(0)
    expect(await open().sql`SELECT FROM data_keys WHERE subject = ${alice()}`).toHaveLength(0)
    expect(await open().sql`SELECT * FROM requests ORDER BY id`).toEqual(before)
  })

  test('leaves a log that verifies: what is gone is explained, and nothing else may go', async () => {
    await ask('alice')
    await ask('bert')
    await shipped()
    await approveErasure(deps, bob, await request())
    await ask('alice')
    for (const started of audits.splice(0)) await started.close(10_000)
    const verify = () =>
      verifyLog(open().sql, {
        keys: [noteSigner('aval', secrets.signingKey).key],
        outside: [],
        sinceMs: null,
        untilMs: null,
        nowMs: Date.now(),
        onProgress: () => undefined,
      })

    expect(await verify()).toMatchObject({
      status: 'intact',
      altered: 0,
      incomplete: 0,
      explained: 1,
      rows: 3,
    })
    await open().sql`DELETE FROM data_keys WHERE subject = ${pseudonym(audit.keys, 'prj_default', 'bert')}`
    expect(await verify()).toMatchObject({ status: 'altered' })
  })

  test('what the subject asks afterwards is readable again, under a new key', async () => {
    await ask('alice')
    await shipped()
    await approveErasure(deps, bob, await request())

    const later = await ask('alice')
    await shipped()

    expect(await read(later)).toMatchObject({ bodyState: 'kept', requestBody: 'question of alice' })
  })

  test('is on the log, with both people and what goes, before anything is gone', async () => {
    await ask('alice')
    await shipped()
    const seen: unknown[] = []
    const watching = depsOf(audit, {
      log: {
        event: async (record) => {
          const keys = await open().sql`SELECT id FROM data_keys WHERE subject = ${alice()}`
          seen.push({
            action: record.action,
            detail: record.detail,
            keysLeft: keys.length,
            bodies: await keptBodies(),
          })
          await audit.log.event(record)
        },
      },
    })

    await approveErasure(watching, bob, await request())

    expect(seen).toMatchObject([
      {
        action: 'subject.erase',
        keysLeft: 1,
        bodies: 1,
        detail: { requested_by: 'vk_ada', approved_by: 'vk_bob', rows: 1, data_key_count: 1 },
      },
      { action: 'subject.erased', keysLeft: 0, bodies: 0, detail: { rows_erased: 1 } },
    ])
    await shipped()
    const events = await open()
      .sql`SELECT action, target, purpose FROM audit_events WHERE kind = 'erase' ORDER BY id`
    expect(events).toEqual([
      { action: 'subject.erase', target: alice(), purpose: 'Art. 17' },
      { action: 'subject.erased', target: alice(), purpose: 'Art. 17' },
    ])
  })

  test('destroys nothing when the log takes nothing, and goes on by itself later', async () => {
    const id = await ask('alice')
    await shipped()
    const full = depsOf(audit, {
      log: { event: () => Promise.reject(new Error('The disk is full.')) },
    })

    const failed = await approveErasure(full, bob, await request()).catch((error: unknown) => error)

    expect(failed).toMatchObject({ message: 'The disk is full.' })
    expect(await read(id)).toMatchObject({ bodyState: 'kept' })
    await open().sql`UPDATE erasures SET decided_at = decided_at - interval '1 minute'`
    await resumeErasures(deps)
    expect(await read(id)).toMatchObject({ bodyState: 'erased' })
  })

  test('a process that dies between runs is resumed, and no row is counted twice', async () => {
    for (let at = 0; at < 30; at += 1) await ask('alice')
    await shipped()
    let ticks = 0
    // Time that runs out after the first run of bodies stands for a process that dies there.
    const dying = depsOf(audit, {
      clock: { ...systemClock, monotonicMs: () => (ticks++ < 2 ? 0 : HOUR_MS) },
    })
    const cut = await approveErasure(dying, bob, await request())
    expect(cut.state).toBe('executing')

    await open().sql`UPDATE erasures SET decided_at = decided_at - interval '1 minute'`
    await Promise.all([resumeErasures(deps), resumeErasures(deps), resumeErasures(deps)])

    const { rows } = await listErasures(deps, { projectId: 'prj_default', cursor: null, limit: 10 })
    expect(rows).toMatchObject([{ state: 'executed', rowsErased: 30 }])
    expect(await keptBodies()).toBe(0)
  })

  test('of fifty approvals at once one executes it', async () => {
    await ask('alice')
    await shipped()
    const id = await request()

    const results = await Promise.allSettled(Array.from({ length: 50 }, () => approveErasure(deps, bob, id)))

    const failed = results.filter((result) => result.status === 'rejected')
    expect(failed).toHaveLength(49)
    expect(new Set(failed.map(({ reason }) => reason.code))).toEqual(new Set(['conflict']))
    await shipped()
    const erased = await open().sql`SELECT action FROM audit_events WHERE kind = 'erase' ORDER BY id`
    expect(erased.map(({ action }) => action)).toEqual(['subject.erase', 'subject.erased'])
  })

  describe('is refused', () => {
    test.each([
      ['whoever asked', ada],
      ['another key of the same person', { ...ada, id: 'vk_ada_2' }],
      ['a second key of the same owner', { ...bob, id: 'vk_ada_2', person: ada.person }],
      ['another name on the same key', { ...bob, id: 'vk_ada' }],
    ])('to %s', async (_who, actor) => {
      const id = await request()

      const refused = await approveErasure(deps, actor, id).catch((error: unknown) => error)

      expect(refused).toMatchObject({ code: 'permission_denied', status: 403 })
      expect(
        (await listErasures(deps, { projectId: 'prj_default', cursor: null, limit: 1 })).rows,
      ).toMatchObject([{ state: 'open', approvedBy: null }])
    })

    test('by the database too, whoever writes to it', async () => {
      const id = await request()
      const approve = (by: string, name: string, person = by) => open().sql`
        UPDATE erasures SET state = 'approved', approved_by = ${by}, approved_by_name = ${name},
          approved_by_person = ${person} WHERE id = ${id}`

      await expect(approve('vk_ada', 'someone')).rejects.toThrow(/check constraint/)
      await expect(approve('vk_ada_2', 'ada')).rejects.toThrow(/check constraint/)
      await expect(approve('vk_ada_2', 'laptop', ada.person)).rejects.toThrow(/erasures_two_persons/)
      await expect(open().sql`UPDATE erasures SET state = 'executed', executed_at = now()`).rejects.toThrow(
        /check constraint/,
      )
    })

    test('to another project', async () => {
      const id = await request()

      await expect(approveErasure(deps, stranger, id)).rejects.toMatchObject({ code: 'not_found' })
      await expect(rejectErasure(deps, stranger, id)).rejects.toMatchObject({ code: 'not_found' })
    })

    test('a second time while one is open, after a day, and once it is rejected', async () => {
      const id = await request()
      await expect(request()).rejects.toMatchObject({ code: 'conflict' })
      const tomorrow = depsOf(audit, { clock: { ...systemClock, nowMs: () => Date.now() + 25 * HOUR_MS } })

      await expect(approveErasure(tomorrow, bob, id)).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('expired'),
      })
      const again = await requestErasure(tomorrow, ada, { subject: alice(), reason: 'again' })
      await rejectErasure(tomorrow, ada, again.erasure.id)
      await expect(approveErasure(tomorrow, bob, again.erasure.id)).rejects.toMatchObject({
        code: 'conflict',
      })
    })
  })

  describe('under a hold', () => {
    test.each([
      ['of the subject', () => alice()],
      ['of the project', () => null],
    ])('%s nothing is asked for or approved, until another person releases it', async (_what, subject) => {
      const kept = await ask('alice')
      await shipped()
      const id = await request()
      const hold = await placeHold(deps, bob, { subject: subject(), reason: 'case 17' })

      const held = { code: 'legal_hold', status: 409, message: expect.stringContaining('case 17') }
      await expect(approveErasure(deps, bob, id)).rejects.toMatchObject(held)
      await rejectErasure(deps, bob, id)
      await expect(request()).rejects.toMatchObject(held)
      expect(await read(kept)).toMatchObject({ bodyState: 'kept' })
      await expect(releaseHold(deps, bob, { id: hold.id, reason: 'done' })).rejects.toMatchObject({
        code: 'permission_denied',
      })
      await releaseHold(deps, ada, { id: hold.id, reason: 'done' })
      await approveErasure(deps, bob, await request())
      expect(await read(kept)).toMatchObject({ bodyState: 'erased' })
    })

    test('that comes between approval and execution nothing is destroyed', async () => {
      const kept = await ask('alice')
      await shipped()
      const id = await request()
      const racing = depsOf(audit, {
        log: {
          event: async (record) => {
            // A whole project can be held at any time.
            await placeHold(deps, ada, { subject: null, reason: 'in the last moment' })
            await audit.log.event(record)
          },
        },
      })

      await expect(approveErasure(racing, bob, id)).rejects.toMatchObject({ code: 'legal_hold' })

      expect(await read(kept)).toMatchObject({ bodyState: 'kept' })
      expect(
        (await listErasures(deps, { projectId: 'prj_default', cursor: null, limit: 1 })).rows,
      ).toMatchObject([{ state: 'open', approvedBy: null }])
    })

    test('of another subject it goes on', async () => {
      await placeHold(deps, ada, { subject: 'sub_other', reason: 'case 18' })

      expect(await approveErasure(deps, bob, await request())).toMatchObject({ state: 'executed' })
    })
  })

  describe('what is still in a spool at that moment', () => {
    test('comes in without its bodies and without its key', async () => {
      const other = gateway()
      const record = anOpen({ subject: 'alice' })
      await other.log.open(record, Buffer.from('question of alice'))
      await shipped()

      await approveErasure(deps, bob, await request())
      await other.log.close(aClose(record.id), Buffer.from('a late answer'))
      await shipped()

      expect(await read(record.id)).toMatchObject({ bodyState: 'erased', outcome: 'completed' })
      expect(await keptBodies()).toBe(0)
      expect(await open().sql`SELECT FROM data_keys WHERE subject = ${alice()}`).toHaveLength(0)
    })

    test('of a gateway that could not reach the database is no different, however late it comes', async () => {
      const dataFolder = aFolder()
      const cutOff = gateway({ dataFolder, databaseUrl: 'postgres://aval@127.0.0.1:9/none' })
      const late = await ask('alice', cutOff)
      await approveErasure(deps, bob, await request())

      await cutOff.close(0)
      audits.splice(audits.indexOf(cutOff), 1)
      gateway({ dataFolder })
      await shipped()

      expect(await read(late)).toMatchObject({ bodyState: 'erased', outcome: 'completed' })
      expect(await keptBodies()).toBe(0)
      expect(await open().sql`SELECT FROM data_keys WHERE subject = ${alice()}`).toHaveLength(0)
    })

    test('is gone too where bodies are not sealed', async () => {
      const plain = gateway({ sealBodies: false })
      const early = await ask('alice', plain)
      const record = anOpen({ subject: 'alice' })
      await plain.log.open(record, Buffer.from('question of alice'))
      await shipped()

      expect(await approveErasure(deps, bob, await request())).toMatchObject({ rowsErased: 1 })
      await plain.log.close(aClose(record.id), Buffer.from('a late answer'))
      await shipped()

      for (const id of [early, record.id]) expect(await read(id)).toMatchObject({ bodyState: 'erased' })
      expect(await keptBodies()).toBe(0)
    })
  })

  test('every gateway takes a new key once it has heard of it', async () => {
    const other = gateway()
    const watch = new ErasureWatch({
      ...depsOf(other),
      connection: open(),
      onProblem: (message) => {
        throw new Error(message)
      },
    })
    await watch.look()
    await ask('alice', other)
    await shipped()

    await approveErasure(deps, bob, await request())
    await watch.look()
    const later = await ask('alice', other)
    await shipped()

    expect(await read(later)).toMatchObject({ bodyState: 'kept', requestBody: 'question of alice' })
    await watch.stop()
  })

  test('a gateway hears of it by NOTIFY, or by its poll where there is none', async () => {
    const heard = Promise.withResolvers<string>()
    const watch = watchErasures({
      ...depsOf(audit, { forgetSubject: (_project, subject) => heard.resolve(subject) }),
      connection: open(),
      onProblem: (message) => heard.reject(new Error(message)),
      // On a server the poll is out of the way, so that only NOTIFY can be what is heard.
      pollMs: open().embedded ? 20 : HOUR_MS,
    })
    await watch.look()

    await approveErasure(deps, bob, await request())

    expect(await heard.promise).toBe(alice())
    await watch.stop()
  })

  test('no update of a body gets past the table without saying that it erases', async () => {
    await ask('alice')
    await shipped()

    await expect(open().sql`UPDATE request_bodies SET request_raw = NULL`).rejects.toThrow(/insert-only/)
    await expect(open().sql`DELETE FROM requests WHERE writer = ${randomUUID()} OR true`).rejects.toThrow(
      /insert-only/,
    )
  })
})
