/** What a comparison of windows takes of the process that makes it. Types alone. */

import type { Sql } from 'postgres'
import type { AuditKeys } from '../../audit/privacy/audit-keys.ts'
import type { EventLog } from '../../audit/record.ts'
import type { Db } from '../../db/client.ts'
import type { Clock } from '../../lib/clock.ts'
import type { UpstreamModels } from '../../retrieval/upstream-models.ts'

export type CheckDeps = {
  sql: Sql
  db: Db
  clock: Clock
  /** Opens bodies; null without an audit key, and then only what needs none is compared. */
  keys: Pick<AuditKeys, 'wrapping'> | null
  /** Whether bodies are opened for a comparison that nobody asked for; null while aval.yaml does not say. */
  readsBodies: () => boolean | null
  /** Takes a record of each read before it. */
  log: () => Promise<EventLog>
  models: () => Promise<UpstreamModels>
  /** The ISO 639-1 code; null for a text that is too short to tell. */
  languageOf: (text: string) => Promise<string | null>
  signal: AbortSignal
  /** Requests of each window; fewer in tests. */
  size?: number
}
