/** Promotions as the HTTP surface and the worker use them: with the log, the prices and the files in force. */

import type { Sql } from 'postgres'
import type { AuditKeys } from './audit/privacy/audit-keys.ts'
import type { EventLog } from './audit/record.ts'
import type { Db } from './db/client.ts'
import { systemClock } from './lib/clock.ts'
import { policiesOfRoute, suiteReader } from './policies-in-force.ts'
import { priceNow } from './prices-in-force.ts'
import type { ActDeps } from './promotion/actions/act.ts'
import { createArmMemory } from './promotion/canary/arm-memory.ts'
import type { AdvanceDeps } from './promotion/requests/advance.ts'
import type { PromotionRow } from './promotion/requests/store.ts'
import type { Runtime } from './runtime.ts'
import { glassBroken } from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'

type Opened = {
  db: Db
  sql: Sql
  /** Rejects where this process has no log to write on. */
  log: () => Promise<EventLog>
  /** With aval.yaml as it is now. */
  runtime: () => Promise<Runtime>
  /** Where the process was started. */
  directory: string
  logger: Logger
}

/** Takes a promotion on; runs that it lacks are rung for with `runSuite`. */
export type Advance = (id: string, runSuite: AdvanceDeps['runSuite']) => Promise<PromotionRow | null>

/** Evidence and its statistics are loaded with the first promotion: most processes never have one. */
export function promotionAdvancer({ db, sql, log, runtime, directory, logger }: Opened): Advance {
  const arms = createArmMemory()
  let decider: Promise<AdvanceDeps['decide']> | null = null
  return async (id, runSuite) => {
    const [{ advancePromotion }, { createDecider }, { createRecordStep }] = await Promise.all([
      import('./promotion/requests/advance.ts'),
      import('./promotion/evidence/decider.ts'),
      import('./promotion/requests/record-step.ts'),
    ])
    // One for the process: verdicts are made one at a time.
    decider ??= Promise.resolve(createDecider())
    const live = await runtime()
    const deps: AdvanceDeps = {
      db,
      sql,
      arms,
      clock: systemClock,
      runSuite,
      readSuite: suiteReader(live.config, directory),
      decide: await decider,
      record: createRecordStep(log, systemClock),
      priceOf: (projectId, upstream, model) => priceNow(live, projectId, upstream, model),
    }
    const row = await advancePromotion(deps, id)
    if (row?.kind === 'break_glass' && row.state === 'promoted') {
      glassBroken(logger, { promotion: row.id, label: `${row.route}@${row.label}` })
    }
    return row
  }
}

/** Does what policies let an alert do; runs that it begins are rung for with `runSuite`. */
export type Act = (alertId: string, runSuite: ActDeps['runSuite']) => Promise<'gone' | 'done' | 'waits'>

/** `keys` null: without an audit key no request is opened. */
export function alertActor(
  { db, sql, log, runtime, directory }: Omit<Opened, 'logger'>,
  keys: Pick<AuditKeys, 'wrapping'> | null,
): Act {
  return async (alertId, runSuite) => {
    const { actOnAlert } = await import('./promotion/actions/act.ts')
    const { config } = await runtime()
    const readSuite = suiteReader(config, directory)
    const policiesOf = (route: string) => policiesOfRoute(config(), route)
    const acting = { keys, log, readSuite, runSuite, policiesOf, random: Math.random }
    const deps = { db, sql, clock: systemClock, ...acting }
    return await actOnAlert(deps, alertId)
  }
}
