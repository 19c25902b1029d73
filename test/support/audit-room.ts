/** The audit room as suites start it: real in every part, with what only some of them care about already decided. */

import { type Audit, type AuditOptions, startAudit } from '../../src/audit/audit.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { auditSecrets } from './audit-records.ts'

type RoomOptions = Pick<AuditOptions, 'dataFolder' | 'databaseUrl'> & Partial<AuditOptions>

/** Of its own it signs with a new key, goes by the machine's clock, is deaf to events, and throws when the disk fails. */
export function startAuditRoom(options: RoomOptions): Audit {
  return startAudit({
    secrets: auditSecrets(),
    clock: systemClock,
    onEvent: () => undefined,
    onFatal: (error) => {
      throw error
    },
    ...options,
  })
}
