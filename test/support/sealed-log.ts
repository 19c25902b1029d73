/** A log in a database, written and ended by a real process's audit room, for verifications and tampering. */

import { rm } from 'node:fs/promises'
import type { Sql, TransactionSql } from 'postgres'
import type { AuditSecrets } from '../../src/audit/audit.ts'
import { startSuperCheckpoints } from '../../src/audit/evidence/super-checkpoints.ts'
import type { OutsideHead } from '../../src/audit/verify/heads.ts'
import type { Threads } from '../../src/audit/verify/pages.ts'
import { type VerifyReport, verifyLog } from '../../src/audit/verify/verify.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { noteSigner } from '../../src/lib/signed-note.ts'
import { aClose, aFolder, anEvent, anOpen, auditSecrets } from './audit-records.ts'
import { startAuditRoom } from './audit-room.ts'
import type { TestDatabase } from './database.ts'

export type SealedLog = {
  secrets: AuditSecrets
  ids: string[] /** Over a connection, or a transaction that holds changes. */
  verify: (sql: Sql | TransactionSql, more?: Partial<Verification>) => Promise<VerifyReport>
}
type Verification = { outside: readonly OutsideHead[]; nowMs: number; threads: Threads }

/** `writers` processes after each other, each with `requests` requests and some events; all signed, super-signed too. */
export async function sealedLog(
  database: TestDatabase,
  { writers = 2, requests = 12 }: { writers?: number; requests?: number } = {},
): Promise<SealedLog> {
  const secrets = auditSecrets()
  const ids: string[] = []
  for (let writer = 0; writer < writers; writer += 1) {
    const folder = aFolder()
    const audit = startAuditRoom({
      secrets,
      dataFolder: folder,
      databaseUrl: database.url,
      segmentBytes: 64 * 1024,
    })
    for (let at = 0; at < requests; at += 1) {
      const record = anOpen({ subject: at % 3 === 0 ? `user ${at % 2}` : null, stream: at % 4 === 0 })
      ids.push(record.id)
      await audit.log.open(record, Buffer.from(`question ${at}`))
      if (at % 4 === 0) audit.log.part(record.id, Buffer.from('a piece'))
      await audit.log.close(aClose(record.id), Buffer.from(`answer ${at}`))
      if (at % 5 === 0) await audit.log.event(anEvent({ target: record.id }))
    }
    const refused = anOpen()
    ids.push(refused.id)
    const close = aClose(refused.id, { outcome: 'rejected', status: 404, attempts: [] })
    await audit.log.whole(refused, close, Buffer.from('{}'), Buffer.from('{"error":{}}'))
    await audit.close(30_000)
    await rm(folder, { recursive: true, force: true })
  }
  const signer = noteSigner('aval', secrets.signingKey)
  const supers = startSuperCheckpoints({
    sql: database.sql,
    signer,
    origin: 'aval',
    clock: systemClock,
    onFailure: (error) => {
      throw error
    },
  })
  await supers.round()
  await supers.stop()
  const verify = (sql: Sql | TransactionSql, more: Partial<Verification> = {}) =>
    verifyLog(sql as Sql, {
      keys: [signer.key],
      outside: [],
      sinceMs: null,
      untilMs: null,
      nowMs: Date.now(),
      onProgress: () => undefined,
      ...more,
    })
  return { secrets, ids, verify }
}
