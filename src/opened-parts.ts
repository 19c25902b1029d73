/** What `serve` has opened when it puts the HTTP surface together. */

import type { Sql } from 'postgres'
import type { Audit } from './audit/audit.ts'
import type { ExecuteDeps } from './audit/erasure/execute.ts'
import type { Flood } from './audit/flood.ts'
import type { ChecksDeps } from './checks.ts'
import type { Db } from './db/client.ts'
import type { ModelManagement } from './http/api/models.ts'
import type { OperationsApiDeps } from './http/api/operations.ts'
import type { Keyring } from './keys/keyring.ts'
import type { KeyDeps } from './keys/lifecycle.ts'
import type { ProviderRegistry } from './providers/registry.ts'
import type { Ring } from './queue/jobs.ts'
import type { LiveRegistry } from './registry/releases/follow.ts'
import type { Runtime } from './runtime.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Traces } from './traces-parts.ts'

export type OpenedParts = {
  logger: Logger
  audit: Audit
  flood: Flood
  keyring: Keyring
  keyDeps: KeyDeps
  runtime: Runtime
  releases: Pick<LiveRegistry, 'look'>
  /** Where the process was started. */
  directory: string
  providers: Pick<ProviderRegistry, 'current'>
  checks: Omit<ChecksDeps, 'openCircuits' | 'ask'>
  /** Traces, where a collector takes them. */
  traces: Traces | null
  models: ModelManagement
  db: Db
  sql: Sql
  /** Never rejects. */
  ring: Ring
  reload: OperationsApiDeps['reload']
  erasure: ExecuteDeps
}
