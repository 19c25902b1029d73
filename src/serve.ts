/** `aval serve`: opens everything in order, serves until a signal, then stops in the opposite order. */

import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Audit } from './audit/audit.ts'
import type { ExecuteDeps } from './audit/erasure/execute.ts'
import { watchErasures } from './audit/erasure/watch.ts'
import { Retention } from './audit/retention/schedule.ts'
import type { Environment } from './config/environment.ts'
import { type Config, loadConfig } from './config.ts'
import { compareSchema, type OpenedDatabase, openDatabase } from './database.ts'
import { lockFolder } from './db/lock.ts'
import { SchemaError } from './db/migrate.ts'
import { doorbell } from './doorbell.ts'
import { loadPepper, openHome, writeClientFile } from './home.ts'
import { type AppDeps, createApp } from './http/app.ts'
import { listenMetrics } from './http/metrics.ts'
import { type ListeningServer, listen } from './http/server.ts'
import { type ModelCallDeps, modelCalls } from './http/v1/model-calls.ts'
import { httpParts } from './http-parts.ts'
import type { DeclaredKey } from './keys/declared.ts'
import { createFirstKeys, type FirstKeys } from './keys/first-keys.ts'
import { createKeyring, type Keyring } from './keys/keyring.ts'
import type { KeyDeps } from './keys/lifecycle.ts'
import { databaseKeySource } from './keys/source.ts'
import { newSecret, pepperKey } from './keys/token.ts'
import { systemClock } from './lib/clock.ts'
import { Secret } from './lib/secret.ts'
import { releaseYoungGeneration } from './lib/young-generation.ts'
import { createLocalModels } from './local-models.ts'
import { openLog } from './open-log.ts'
import { ollamaAnswers } from './providers/ollama.ts'
import { createProviderRegistry, type ProviderRegistry } from './providers/registry.ts'
import { LiveRegistry } from './registry/releases/follow.ts'
import { createRuntime, type Runtime } from './runtime.ts'
import { renderStartScreen } from './start-screen.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'
import { openTraces } from './traces-parts.ts'
import { VERSION } from './version.ts'
import { startWorkerChild } from './worker-child.ts'

const OLLAMA_PROBE_MS = 250
const SCHEMA_RETRY_MS = 5000

export type ServeOptions = {
  /** Where relative paths and aval.yaml start. */
  directory: string
  migrateServer: boolean
  logger: Logger
  print: (text: string) => void
  colors: boolean
  environment: Environment
  /** Aborted when the process is asked to stop. */
  stop: AbortController
  onReloadSignal: (reload: () => void) => void
}

/** Serves until `stop` aborts. Throws ConfigError, AlreadyRunningError or the system's own error when it cannot start. */
export async function serve(config: Config, options: ServeOptions): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  const { logger, stop } = options
  // Whatever is opened here is closed in the opposite order, also when a later step fails.
  await using stack = new AsyncDisposableStack()
  openHome(config.home)
  const lock = await lockFolder(config.home)
  stack.defer(() => lock.release())
  const pepper = pepperKey(Buffer.from(loadPepper(config.home, config.bring.pepper).reveal()))
  const database = await openDatabase(config, logger, {
    migrateServer: options.migrateServer,
    onEmbedded: (event) => {
      events.embeddedDatabase(logger, event)
      if (event.kind === 'gave-up') stop.abort()
    },
  })
  stack.defer(() => database.close())
  const log = openLog(config, database, logger, stop)
  stack.defer(() => log.close())
  const erasure = followErasures(database, log.audit, logger, stack)
  const keyDeps: KeyDeps = { db: database.connection.db, pepper, clock: systemClock }
  const firstKeys = await makeFirstKeys(config, database, keyDeps)
  const keyring = openKeyring(config, database, keyDeps, logger)
  await keyring.start()
  stack.defer(() => keyring.stop())
  const local = createLocalModels(config, logger)
  const ownKey = commandLineKey()
  const registry = createProviderRegistry({
    nowMs: systemClock.nowMs,
    createLocal: local.provider,
    onRetireError: (upstream, error) => events.upstreamNotRetired(logger, upstream, error),
  })
  stack.defer(() => registry.close())
  const releases = await followReleases(config, { database, pepper }, logger, stack)
  const runtime = await openRuntime(config, options, { keyring, registry, releases, ownKey })
  const { audit, flood } = log
  stack.defer(startRetention(database, audit, runtime, logger))
  const { calls, parts, close } = httpParts({
    logger,
    audit,
    flood,
    keyring,
    keyDeps,
    runtime,
    releases,
    providers: registry,
    checks: { database, audit, keyring, releases, runtime },
    traces: await openTraces(runtime.config, { logger, stack }),
    models: local.management,
    directory: options.directory,
    db: database.connection.db,
    sql: database.connection.sql,
    ring: doorbell({ redisUrl: config.redis.url?.reveal() ?? null, database, logger }),
    reload: () => reload(runtime, audit, logger),
    erasure,
  })
  stack.defer(close)
  const server = await openServers(config.server, { calls, parts }, stack)
  if (database.embedded) stack.defer(startWorkerChild(database.sharedUrl, workerGiven(config, options)))
  let cutExchanges = 0
  // Last in, first closed: callers are let go before anything they need.
  stack.defer(async () => {
    cutExchanges = await server.close(config.server.drainMs)
  })
  writeClientFile(config.home, { url: server.url, key: ownKey.secret.reveal() })
  if (!database.schemaKnown) void watchSchema(database, logger, stop)
  options.onReloadSignal(() => void reload(runtime, audit, logger))
  events.serving(logger, {
    url: server.url,
    version: VERSION,
    database: database.embedded ? 'embedded' : 'server',
  })
  options.print(
    startScreen(config, { database, runtime, firstKeys, url: server.url, startedMs, colors: options.colors }),
  )
  await aborted(stop.signal)
  events.stopping(logger, { drainMs: config.server.drainMs })
  await stack.disposeAsync()
  events.stopped(logger, { cutExchanges, shipped: log.shipped() })
}

/** Gives the main one; before it, an address for Prometheus that asks for no key, where aval.yaml has one. */
async function openServers(
  { host, port, metrics }: Config['server'],
  { calls, parts }: { calls: ModelCallDeps; parts: AppDeps },
  stack: AsyncDisposableStack,
): Promise<ListeningServer> {
  releaseYoungGeneration()
  if (metrics !== null) stack.defer((await listenMetrics(metrics, parts.scrape)).close)
  return await listen(modelCalls(calls), createApp(parts), host, port)
}

function workerGiven({ bring }: Config, { environment, logger }: ServeOptions) {
  return { auditKey: bring.auditKey, environment, logger }
}

/** Subjects that are erased anywhere get new keys here; the same parts execute erasures that are approved here. */
function followErasures(
  { connection }: OpenedDatabase,
  audit: Audit,
  logger: Logger,
  stack: AsyncDisposableStack,
): ExecuteDeps {
  const erasure: ExecuteDeps = {
    db: connection.db,
    clock: systemClock,
    log: audit.log,
    forgetSubject: audit.forgetSubject,
  }
  const onProblem = (message: string) => events.erasuresNotFollowed(logger, message)
  const watch = watchErasures({ ...erasure, connection, onProblem })
  stack.defer(() => watch.stop())
  return erasure
}

/** Gives the function that stops it. Every gateway tries; one at a time does it. */
function startRetention(
  database: OpenedDatabase,
  audit: Audit,
  runtime: Runtime,
  logger: Logger,
): () => Promise<void> {
  const retention = new Retention({
    database: { sql: database.connection.sql, url: database.url, embedded: database.embedded },
    log: audit.log,
    clock: systemClock,
    policy: () => runtime.config().retention,
    onEvent: (event) => events.auditEvent(logger, event),
  })
  retention.start()
  return () => retention.stop()
}

function openKeyring(config: Config, database: OpenedDatabase, { pepper }: KeyDeps, logger: Logger): Keyring {
  return createKeyring({
    load: databaseKeySource(database.connection, systemClock),
    declared: [],
    pepper,
    clock: systemClock,
    logger,
    snapshotPath: `${config.home}/keys.json`,
  })
}

async function makeFirstKeys(config: Config, database: OpenedDatabase, deps: KeyDeps): Promise<FirstKeys> {
  const wanted = { admin: config.bring.adminKey === null, app: config.bring.appKey === null }
  // A server that does not answer has been started before, or will be by somebody with keys of their own.
  if (!database.schemaKnown || (!wanted.admin && !wanted.app)) return { admin: null, app: null }
  return await createFirstKeys(deps, wanted)
}

/** A key of this process alone: in memory, and in a private file for the command line of the same user. */
function commandLineKey(): DeclaredKey {
  const secret = new Secret(newSecret(), 'generated')
  return {
    name: 'cli',
    owner: null,
    secret,
    roles: ['admin', 'engineer', 'auditor', 'app'],
    project: null,
    routes: null,
    expiresAtMs: null,
    rpm: null,
    concurrency: null,
  }
}

/** Releases and labels in memory, from the last good file when the database does not answer. */
async function followReleases(
  config: Config,
  { database, pepper }: { database: OpenedDatabase; pepper: KeyObject },
  logger: Logger,
  stack: AsyncDisposableStack,
): Promise<LiveRegistry> {
  const releases = new LiveRegistry({
    connection: database.connection,
    file: { path: join(config.home, 'registry.json'), pepper },
    onEvent: (event) => events.releases(logger, event),
  })
  await releases.start()
  stack.defer(() => releases.stop())
  return releases
}

type RuntimeParts = {
  keyring: Keyring
  registry: ProviderRegistry
  releases: LiveRegistry
  ownKey: DeclaredKey
}

async function openRuntime(
  config: Config,
  { directory, environment }: ServeOptions,
  { keyring, registry, releases, ownKey }: RuntimeParts,
): Promise<Runtime> {
  const runtime = await createRuntime(
    {
      clock: systemClock,
      registry,
      keyring,
      book: () => releases.book,
      ownKeys: [ownKey],
      readConfig: () => loadConfig(environment, directory),
      ollamaRuns: (url) => ollamaAnswers(url, OLLAMA_PROBE_MS),
    },
    config,
  )
  // Known before the first caller misspells one.
  runtime.catalogue.peek()
  return runtime
}

async function reload(
  runtime: Runtime,
  audit: Pick<Audit, 'useRedaction'>,
  logger: Logger,
): Promise<{ applied: boolean; problems: readonly string[] }> {
  const result = await runtime.reload()
  if (result.applied) {
    audit.useRedaction(runtime.config().audit.redaction)
    const { upstreams, routes } = runtime.snapshot()
    const keys = runtime.config().keys.length
    events.configApplied(logger, { upstreams: upstreams.size, routes: routes.size, keys })
  } else events.configRefused(logger, result.problems)
  return result
}

/** A server that was away at the start is compared once it answers; a schema we do not know ends the process. */
async function watchSchema(database: OpenedDatabase, logger: Logger, stop: AbortController): Promise<void> {
  while (!stop.signal.aborted) {
    await delay(SCHEMA_RETRY_MS, undefined, { ref: false })
    try {
      await compareSchema(database.connection)
      return
    } catch (error) {
      if (!(error instanceof SchemaError)) continue
      events.bug(logger, error, 'schema')
      stop.abort()
    }
  }
}

function startScreen(
  config: Config,
  up: {
    database: OpenedDatabase
    runtime: Runtime
    firstKeys: FirstKeys
    url: string
    startedMs: number
    colors: boolean
  },
): string {
  const { database, runtime, firstKeys, url } = up
  const seconds = ((systemClock.monotonicMs() - up.startedMs) / 1000).toFixed(1)
  const upstreams = [...runtime.snapshot().upstreams.keys()].map((name) => {
    const configured = config.upstreams.find((upstream) => upstream.name === name)
    if (configured === undefined) return { name, from: `found at ${config.ollama.url}` }
    if (configured.dialect === 'local') return { name, from: 'reader, embed          (npx aval models list)' }
    return { name, from: configured.key === null ? configured.baseUrl : `from ${whereFrom(configured.key)}` }
  })
  return renderStartScreen(
    {
      version: VERSION,
      url,
      database: database.embedded
        ? `embedded, ${config.home}/db   ready in ${seconds} s`
        : `server, ready in ${seconds} s`,
      queue: config.redis.url === null ? 'in the database' : 'redis',
      upstreams,
      freshKeys: firstKeys,
      tryKey: firstKeys.app ?? (config.bring.appKey === null ? 'YOUR_APP_KEY' : '$AVAL_APP_KEY'),
      tryModel: 'local/reader',
    },
    up.colors,
  )
}

/** `OPENAI_API_KEY`, or the file's path. */
function whereFrom(secret: Secret): string {
  return secret.source.replace(/^(env|file):/, '')
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
