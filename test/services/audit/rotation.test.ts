import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AuditSecrets } from '../../../src/audit/audit.ts'
import { followEndorsements } from '../../../src/audit/evidence/endorsement.ts'
import { listSigningKeys } from '../../../src/audit/verify/source.ts'
import { verifyLog } from '../../../src/audit/verify/verify.ts'
import { noteSigner } from '../../../src/lib/signed-note.ts'
import { aClose, aFolder, anOpen, auditSecrets } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

describeDatabases('a signing key that was changed', (open) => {
  let folder = ''

  beforeEach(async () => {
    folder = aFolder()
    await open().truncate()
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  async function serve(secrets: AuditSecrets): Promise<void> {
    const audit = startAuditRoom({ secrets, dataFolder: folder, databaseUrl: open().url })
    await audit.flush(20_000)
    const record = anOpen()
    await audit.log.open(record, Buffer.from('q'))
    await audit.log.close(aClose(record.id), Buffer.from('a'))
    await audit.close(20_000)
  }

  async function verifyWith(signingKey: ReturnType<typeof auditSecrets>['signingKey']) {
    const stored = await listSigningKeys(open().sql)
    const keys = followEndorsements([noteSigner('aval', signingKey).key], stored)
    return await verifyLog(open().sql, {
      keys,
      outside: [],
      sinceMs: null,
      untilMs: null,
      nowMs: Date.now(),
      onProgress: () => undefined,
    })
  }

  test('is vouched for by the one before it, on the log too, and whoever trusts the first trusts both', async () => {
    const first = auditSecrets()
    const second = { ...auditSecrets(), previousSigningKey: first.signingKey }
    await serve(first)
    await serve(second)

    expect(await verifyWith(first.signingKey)).toMatchObject({ status: 'intact', writers: 2 })
    const events = await open().sql<
      { target: string }[]
    >`SELECT target FROM audit_events WHERE kind = 'rotate'`
    expect(events).toEqual([{ target: noteSigner('aval', second.signingKey).key.text }])
  })

  test('without that word its heads are those of a stranger', async () => {
    const first = auditSecrets()
    await serve(first)
    await serve(auditSecrets())

    const report = await verifyWith(first.signingKey)

    expect(report.status).toBe('altered')
    expect(report.findings.map(({ kind }) => kind)).toContain('head_signature')
  })
})
