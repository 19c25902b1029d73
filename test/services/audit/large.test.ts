import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { AuditEvent } from '../../../src/audit/events.ts'
import { findReadable } from '../../../src/audit/privacy/read-bodies.ts'
import { aClose, aFolder, anOpen } from '../../support/audit-records.ts'
import { startAuditRoom } from '../../support/audit-room.ts'
import { describeDatabases } from '../../support/database.ts'

const MIB = 1024 * 1024

describeDatabases('the largest bodies that are kept', (open) => {
  test.each([true, false])(
    'arrive whole, sealed or not (sealed: %s)',
    async (sealBodies) => {
      await open().truncate()
      const folder = aFolder()
      const events: AuditEvent[] = []
      const audit = startAuditRoom({
        dataFolder: folder,
        databaseUrl: open().url,
        sealBodies,
        onEvent: (event) => events.push(event),
      })
      const ids: string[] = []
      for (let at = 0; at < 2; at += 1) {
        const record = anOpen()
        ids.push(record.id)
        await audit.log.open(record, Buffer.alloc(31 * MIB, 'q "\\ '))
        await audit.log.close(aClose(record.id), Buffer.alloc(31 * MIB, 'a "\\ '))
      }

      const shipped = await audit.flush(100_000)

      expect(events).toEqual([])
      expect(shipped).toBe(true)
      for (const id of ids) {
        const row = await findReadable(open().db, audit.keys, {
          id,
          scope: { projectId: 'prj_default', unowned: false },
        })
        expect(row?.requestBody?.length).toBe(31 * MIB)
        expect(row?.responseBody?.length).toBe(31 * MIB)
      }
      await audit.close(1000)
      await rm(folder, { recursive: true })
    },
    120_000,
  )
})
