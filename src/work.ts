/** `aval work`: takes jobs from the queue until it is told to stop. `src/worker-child.ts` runs it beside `serve`. */

import { openAlertChannels } from './alert-channels.ts'
import { alertsInForce, barsInForce } from './alerts-in-force.ts'
import { deriveAuditKeys } from './audit/privacy/audit-keys.ts'
import type { Config } from './config.ts'
import { compareSchema } from './database.ts'
import { connectDatabase } from './db/client.ts'
import { socketUrl } from './db/socket-url.ts'
import { ConfigError } from './errors.ts'
import { createPace } from './evals/runs/pace.ts'
import { openSandbox } from './evals/sandbox/sandbox.ts'
import { createLoads } from './gateway/load/loads.ts'
import { findAuditKey } from './home.ts'
import { startWorker } from './jobs/worker.ts'
import { systemClock } from './lib/clock.ts'
import { releaseYoungGeneration } from './lib/young-generation.ts'
import { alertActor, promotionAdvancer } from './promotion-parts.ts'
import { createDocumentFetcher } from './providers/fetch-document.ts'
import { queueBackend } from './queue/backend.ts'
import { createParser } from './retrieval/documents/parser.ts'
import { readUrl } from './retrieval/sources/read-url.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'
import type { JobObserver } from './telemetry/metrics/job-metrics.ts'
import { openWorkerGateway } from './worker-gateway.ts'
import { openWorkerModels } from './worker-models.ts'

/** Every job that runs may hold one, and gives its signs of life over another. */
const MAX_CONNECTIONS = 8

export type WorkOptions = {
  logger: Logger
  /** Where relative paths of sources start. */
  directory: string
  /** Reads the file and the environment again; throws ConfigError. */
  readConfig: () => Config
  /** Aborted when the process is asked to stop, and by a log that cannot go on. */
  stop: AbortController
}

/** Works until `stop` aborts. Throws ConfigError without a database to work in. */
export async function work(config: Config, options: WorkOptions): Promise<void> {
  const { logger, directory, readConfig, stop } = options
  await using stack = new AsyncDisposableStack()
  const { url, connection } = await openDatabase(config, stack)
  const backend = queueBackend({ redisUrl: config.redis.url?.reveal() ?? null, databaseUrl: url })
  await backend.prepare()
  const auditKey = findAuditKey(config.home, config.bring.auditKey)
  const upstreams = openWorkerModels(config, {
    readConfig,
    nowMs: systemClock.nowMs,
    logger,
  })
  stack.defer(() => upstreams.close())
  const { gateway, pace } = openCalling(config, { connection, url, upstreams, logger, stop }, stack)
  const documents = openDocuments(config, stack)
  const sandbox = openSandbox()
  stack.defer(() => sandbox.close())
  const promoting = {
    db: connection.db,
    sql: connection.sql,
    log: gateway.log,
    runtime: async () => {
      const runtime = await upstreams.runtime()
      // One with mistakes leaves the last good policies in force.
      await runtime.reload()
      return runtime
    },
    directory,
    logger,
  }
  const keys = auditKey === null ? null : deriveAuditKeys(Buffer.from(auditKey.reveal()))
  const metrics = await openMetrics(config, stack)
  const alerts = alertsInForce(config, readConfig)
  const channels = openAlertChannels(alerts, { clock: systemClock })
  stack.defer(() => channels.close())
  const worker = await startWorker({
    ...metrics,
    sql: connection.sql,
    embedded: connection.embedded,
    db: connection.db,
    models: upstreams.models,
    ask: gateway.ask,
    batches: gateway.batches,
    log: gateway.log,
    evaluate: sandbox.evaluate,
    pace,
    advance: promotionAdvancer(promoting),
    act: alertActor(promoting, keys),
    keepRollups: () => monitoringOf(readConfig)?.keep ?? null,
    readsBodies: () => monitoringOf(readConfig)?.readsBodies ?? null,
    bars: barsInForce(readConfig),
    alerts: { inForce: channels.inForce, random: Math.random },
    ...documents,
    directory,
    keys,
    clock: systemClock,
    logger,
    backend,
  })
  stack.defer(() => worker.close())
  releaseYoungGeneration()
  events.working(logger, { queue: backend.kind })
  const { signal } = stop
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}

/** The database that gateways write to. Throws ConfigError without one. */
async function openDatabase(config: Config, stack: AsyncDisposableStack) {
  const given = config.database.url?.reveal()
  if (given === undefined) {
    throw new ConfigError([
      'DATABASE_URL is not set. With the embedded database `aval serve` brings its own worker; a separate one needs a server.',
    ])
  }
  const { url, remove } = await socketUrl(given)
  stack.defer(remove)
  const connection = connectDatabase(url, { maxConnections: MAX_CONNECTIONS, applicationName: 'aval work' })
  stack.defer(() => connection.close())
  await compareSchema(connection)
  return { url, connection }
}

/** What reads documents, in a thread that is ended when one takes too long. */
function openDocuments(config: Config, stack: AsyncDisposableStack) {
  const parser = createParser()
  stack.defer(() => parser.close())
  const fetcher = createDocumentFetcher(config.documents)
  stack.defer(() => fetcher.close())
  return { parser, fetchUrl: readUrl(fetcher) }
}

/** What calls upstreams for runs, and how fast. */
function openCalling(
  config: Config,
  given: Omit<Parameters<typeof openWorkerGateway>[1], 'loads'>,
  stack: AsyncDisposableStack,
) {
  const loads = createLoads(systemClock)
  const gateway = openWorkerGateway(config, { ...given, loads })
  stack.defer(() => gateway.close())
  const pace = createPace({ sql: given.connection.sql, clock: systemClock, loads }, (error) =>
    events.loadsNotShared(given.logger, error),
  )
  stack.defer(() => pace.close())
  return { gateway, pace }
}

/** Null while the file has mistakes: what it meant to keep must not go, and what it meant to keep closed is not read. */
function monitoringOf(readConfig: () => Config): Config['monitoring'] | null {
  try {
    return readConfig().monitoring
  } catch (error) {
    if (error instanceof ConfigError) return null
    throw error
  }
}

/** The package is read only where the worker has an address for its metrics. */
async function openMetrics(
  { worker }: Config,
  stack: AsyncDisposableStack,
): Promise<{ observeJob?: JobObserver }> {
  if (worker.metrics === null) return {}
  const [{ workerMetrics }, { listenMetrics }] = await Promise.all([
    import('./metrics-parts.ts'),
    import('./http/metrics.ts'),
  ])
  const { observeJob, scrape } = workerMetrics()
  const listening = await listenMetrics(worker.metrics, scrape)
  stack.defer(() => listening.close())
  return { observeJob }
}
