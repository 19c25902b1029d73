/** `aval work`: takes jobs from the queue until it is told to stop. `src/worker-child.ts` runs it beside `serve`. */

import { deriveAuditKeys } from './audit/privacy/audit-keys.ts'
import type { Config } from './config.ts'
import { compareSchema } from './database.ts'
import { connectDatabase } from './db/client.ts'
import { socketUrl } from './db/socket-url.ts'
import { ConfigError } from './errors.ts'
import { findAuditKey } from './home.ts'
import { startWorker } from './jobs/worker.ts'
import { systemClock } from './lib/clock.ts'
import { queueBackend } from './queue/backend.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'

const MAX_CONNECTIONS = 4

/** Works until `stop` aborts. Throws ConfigError without a database to work in. */
export async function work(config: Config, logger: Logger, stop: AbortSignal): Promise<void> {
  const given = config.database.url?.reveal()
  if (given === undefined) {
    throw new ConfigError([
      'DATABASE_URL is not set. With the embedded database `aval serve` brings its own worker; a separate one needs a server.',
    ])
  }
  await using stack = new AsyncDisposableStack()
  const { url, remove } = await socketUrl(given)
  stack.defer(remove)
  const connection = connectDatabase(url, { maxConnections: MAX_CONNECTIONS, applicationName: 'aval work' })
  stack.defer(() => connection.close())
  await compareSchema(connection)
  const backend = queueBackend({ redisUrl: config.redis.url?.reveal() ?? null, databaseUrl: url })
  await backend.prepare()
  const auditKey = findAuditKey(config.home, config.bring.auditKey)
  const worker = await startWorker({
    sql: connection.sql,
    db: connection.db,
    keys: auditKey === null ? null : deriveAuditKeys(Buffer.from(auditKey.reveal())),
    clock: systemClock,
    logger,
    backend,
  })
  stack.defer(() => worker.close())
  events.working(logger, { queue: backend.kind })
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
}
