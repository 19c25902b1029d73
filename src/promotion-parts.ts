/** Promotions as the HTTP surface and the worker use them: with the log, the prices and the files in force. */

import type { Sql } from 'postgres'
import type { EventLog } from './audit/record.ts'
import type { Config } from './config.ts'
import type { Db } from './db/client.ts'
import { systemClock } from './lib/clock.ts'
import { suiteReader } from './policies-in-force.ts'
import type { CardDeps } from './promotion/cards/make-card.ts'
import { createDecider } from './promotion/evidence/decider.ts'
import type { AdvanceDeps } from './promotion/requests/advance.ts'
import { createRecordStep } from './promotion/requests/record-step.ts'

type Opened = {
  db: Db
  sql: Sql
  /** Rejects where this process has no log to write on. */
  log: () => Promise<EventLog>
  config: () => Config
  /** Where the process was started. */
  directory: string
  runSuite: AdvanceDeps['runSuite']
  priceOf: CardDeps['priceOf']
}

export function promotionParts({ log, config, directory, ...opened }: Opened): AdvanceDeps {
  return {
    ...opened,
    clock: systemClock,
    readSuite: suiteReader(config, directory),
    decide: createDecider(),
    record: createRecordStep(log, systemClock),
  }
}
