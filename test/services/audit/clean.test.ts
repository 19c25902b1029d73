import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { Audit } from '../../../src/audit/audit.ts'
import { approveErasure, requestErasure } from '../../../src/audit/erasure/erasures.ts'
import type { Actor } from '../../../src/audit/erasure/holds.ts'
import { startSuperCheckpoints } from '../../../src/audit/evidence/super-checkpoints.ts'
import { pseudonym } from '../../../src/audit/privacy/audit-keys.ts'
import { dropExpired } from '../../../src/audit/retention/drop-expired.ts'
import { type VerifyReport, verifyLog } from '../../../src/audit/verify/verify.ts'
import { noteSigner } from '../../../src/lib/signed-note.ts'
import { aClose, aFolder, anEvent, anOpen, auditSecrets } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases, type TestDatabase } from '../../support/database.ts'
import { randomOf } from '../../support/random.ts'
import { printCount, soakCount } from '../../support/soak.ts'

const LOGS = soakCount(12, 500)
const DAY_MS = 86_400_000
const TODAY = Date.UTC(2026, 10, 25, 14)
const FLUSH_MS = 30_000
const ada: Actor = { id: 'vk_ada', name: 'ada', projectId: 'prj_default', person: 'vk_ada' }
const bob: Actor = { id: 'vk_bob', name: 'bob', projectId: 'prj_default', person: 'vk_bob' }
const secrets = auditSecrets()

/** A log of six weeks: requests of all kinds, restarts, an erasure, and days that retention drops. */
class Weeks {
  readonly #database: TestDatabase
  readonly #random: () => number
  readonly #folder = aFolder()
  #nowMs = TODAY - 42 * DAY_MS
  readonly #clock = { nowMs: () => this.#nowMs, monotonicMs: () => performance.now() }
  #audit: Audit
  erased = 0
  dropped = 0

  constructor(database: TestDatabase, seed: number) {
    this.#database = database
    this.#random = randomOf(seed)
    this.#audit = this.#start()
  }

  async live(): Promise<VerifyReport> {
    for (let daysAgo = 42; daysAgo >= 0; daysAgo -= 7) {
      this.#nowMs = TODAY - daysAgo * DAY_MS
      for (let at = Math.floor(this.#random() * 6); at >= 0; at -= 1) await this.#request()
      if (this.#random() < 0.3) await this.#restart()
      if (this.#random() < 0.3) await this.#erase()
    }
    await this.#audit.flush(FLUSH_MS)
    await this.#dropOldDays()
    await this.#audit.close(FLUSH_MS)
    const signer = noteSigner('aval', secrets.signingKey)
    const parts = { sql: this.#database.sql, signer, origin: 'aval', clock: this.#clock }
    const supers = startSuperCheckpoints({ ...parts, onFailure: fail })
    await supers.round()
    await supers.stop()
    await rm(this.#folder, { recursive: true, force: true })
    return await verifyLog(this.#database.sql, {
      keys: [signer.key],
      outside: [],
      sinceMs: null,
      untilMs: null,
      nowMs: this.#nowMs + DAY_MS,
      onProgress: () => undefined,
    })
  }

  #start(): Audit {
    return startAuditRoom({
      secrets,
      dataFolder: this.#folder,
      databaseUrl: this.#database.url,
      clock: this.#clock,
      segmentBytes: 16 * 1024,
    })
  }

  async #restart(): Promise<void> {
    await this.#audit.close(this.#random() < 0.5 ? 0 : FLUSH_MS)
    this.#audit = this.#start()
  }

  async #request(): Promise<void> {
    const { log } = this.#audit
    const subject = ['alice', 'bert', null][Math.floor(this.#random() * 3)] ?? null
    const record = anOpen({ startedAtMs: this.#nowMs, subject, stream: this.#random() < 0.3 })
    if (this.#random() < 0.1) {
      const refused = aClose(record.id, { outcome: 'rejected', status: 400, attempts: [] })
      await log.whole(record, refused, Buffer.from('{"no"'), Buffer.alloc(0))
      return
    }
    await log.open(record, Buffer.alloc(Math.floor(this.#random() * 4000), 'q'))
    if (record.stream) log.part(record.id, Buffer.from('data: {"a":1}\n\n'))
    await log.close(aClose(record.id), Buffer.alloc(Math.floor(this.#random() * 4000), 'a'))
    if (this.#random() < 0.3) await log.event(anEvent({ atMs: this.#nowMs, target: record.id }))
  }

  async #erase(): Promise<void> {
    const { log, keys, forgetSubject } = this.#audit
    const deps = { db: this.#database.db, clock: this.#clock, log, forgetSubject }
    const subject = pseudonym(keys, 'prj_default', 'alice')
    const { erasure } = await requestErasure(deps, ada, { subject, reason: 'a test' })
    await approveErasure(deps, bob, erasure.id)
    this.erased += 1
  }

  async #dropOldDays(): Promise<void> {
    const deps = { sql: this.#database.sql, log: this.#audit.log, clock: this.#clock }
    const policy = { profile: 'default', days: 30, bodyDays: this.#random() < 0.5 ? 30 : 10 } as const
    const { dropped } = await dropExpired({ ...deps, signal: new AbortController().signal }, policy)
    this.dropped += dropped.length
  }
}

function fail(error: unknown): never {
  throw error
}

describeDatabases('a log that people erased from and that lost its old days', (open) => {
  test('with erasures and tombstones, is intact every time', async () => {
    let erased = 0
    let dropped = 0
    for (let seed = 0; seed < LOGS; seed += 1) {
      await open().truncate()
      await dropDays(open())
      const weeks = new Weeks(open(), seed)

      const report = await weeks.live()

      expect({
        seed,
        ...report,
        findings: report.findings.filter(({ severity }) => severity !== 'explained'),
      }).toMatchObject({
        status: 'intact',
        findings: [],
      })
      erased += weeks.erased
      dropped += weeks.dropped
    }
    expect(erased).toBeGreaterThan(0)
    expect(dropped).toBeGreaterThan(0)
    printCount(`${LOGS} logs with ${erased} erasures and ${dropped} dropped partitions: 0 false alarms`)
  }, 3_600_000)
})

async function dropDays({ sql }: TestDatabase): Promise<void> {
  const days = await sql<{ relname: string }[]>`
    SELECT relname FROM pg_class WHERE relname ~ '^request(s|_bodies)_[0-9]{8}$' AND relkind = 'r'`
  for (const { relname } of days) await sql.unsafe(`DROP TABLE ${relname}`)
}
