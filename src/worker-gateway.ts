/**
 * The data plane inside a worker, for runs of suites: the same code as a gateway's, with a spool and a writer of its own.
 * Opened with the first run, so that a worker without runs carries none of it.
 */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { EventLog } from './audit/record.ts'
import type { Config } from './config.ts'
import type { DatabaseConnection } from './db/client.ts'
import { AlreadyRunningError, type FolderLock, lockFolder } from './db/lock.ts'
import { ConfigError } from './errors.ts'
import type { Ask } from './evals/runs/ask.ts'
import { createGatewayAsk } from './evals/runs/ask-gateway.ts'
import type { BatchPlane } from './evals/runs/batches/part.ts'
import type { Loads } from './gateway/load/loads.ts'
import { gatewayDeps } from './gateway-parts.ts'
import { findAuditKey, findSigningKey } from './home.ts'
import { openLog } from './open-log.ts'
import { LiveRegistry } from './registry/releases/follow.ts'
import { createRetriever } from './retrieval-parts.ts'
import type { Runtime } from './runtime.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'
import type { WorkerModels } from './worker-models.ts'

/** Workers that share a data folder. Each takes the first place that is free, and what a dead one left there with it. */
const MAX_PLACES = 32

export type WorkerGateway = {
  /** Rejects with ConfigError, or what the disk or the database says. */
  ask: () => Promise<Ask>
  /** The same data plane, for requests that go out in batches. Rejects as `ask` does. */
  batches: () => Promise<BatchPlane>
  /** The log of this process, for what it does by itself. Rejects as `ask` does. */
  log: () => Promise<EventLog>
  close(): Promise<void>
}

type Given = {
  connection: DatabaseConnection
  url: string
  upstreams: Pick<WorkerModels, 'runtime' | 'follow'>
  logger: Logger
  /** What the calls of this process have under way. */
  loads: Loads
  /** Aborted when the log cannot go on: the process ends, and another one begins with what is on disk. */
  stop: AbortController
}
type Opened = {
  runtime: Runtime
  releases: LiveRegistry
  ask: Ask
  batches: BatchPlane
  close: () => Promise<void>
}

export function openWorkerGateway(config: Config, given: Given): WorkerGateway {
  let opening: Promise<Opened> | null = null
  const opened = (): Promise<Opened> => {
    opening ??= open(config, given).catch((error: unknown) => {
      // What was missing may be there when the next run begins.
      opening = null
      throw error
    })
    return opening
  }
  const current = async (): Promise<Opened> => {
    const all = await opened()
    const { runtime, releases } = all
    // As aval.yaml has its upstreams when the run begins; one with mistakes leaves the last good ones in force. And with
    // the releases that there are by then: who has made one and asks for a run of it does not wait for the next poll.
    await Promise.all([runtime.reload(), releases.look()])
    return all
  }
  return {
    ask: async () => (await current()).ask,
    batches: async () => (await current()).batches,
    log: async () => (await opened()).batches.log,
    close: async () => {
      const last = await opening?.catch(() => null)
      await last?.close()
    },
  }
}

/** What was opened before a failure is closed again. */
async function open(config: Config, given: Given): Promise<Opened> {
  const { connection, url, upstreams, logger, loads, stop } = given
  demandKeys(config)
  await using stack = new AsyncDisposableStack()
  const { folder, lock } = await takePlace(config.home)
  stack.defer(() => lock.release())
  const log = openLog(config, { connection, url }, logger, stop, folder)
  stack.defer(() => log.close())
  const releases = new LiveRegistry({
    connection,
    file: null,
    onEvent: (event) => events.releases(logger, event),
  })
  await releases.start()
  stack.defer(() => releases.stop())
  upstreams.follow(releases)
  const runtime = await upstreams.runtime()
  const retriever = createRetriever(connection.sql, runtime)
  const gateway = gatewayDeps({ logger, audit: log.audit, runtime, loads }, retriever)
  const ask = createGatewayAsk(gateway)
  const batches = { gateway, log: log.audit.log }
  const opened = stack.move()
  return { runtime, releases, ask, batches, close: () => opened.disposeAsync() }
}

/** Made-up keys would seal bodies that no gateway can open, and sign heads that nobody vouches for. */
function demandKeys({ home, bring }: Config): void {
  const missing = [
    findAuditKey(home, bring.auditKey) === null ? 'AVAL_AUDIT_KEY' : null,
    findSigningKey(home, bring.signingKey) === null ? 'AVAL_SIGNING_KEY' : null,
  ].filter((name) => name !== null)
  if (missing.length === 0) return
  throw new ConfigError([
    `This worker has no ${missing.join(' and no ')}. A run writes to the log, so give it those of the gateways.`,
  ])
}

/** A folder of its own below the home, which a gateway's spool does not share. */
async function takePlace(home: string): Promise<{ folder: string; lock: FolderLock }> {
  for (let place = 1; place <= MAX_PLACES; place += 1) {
    const folder = join(home, 'work', String(place))
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    try {
      return { folder, lock: await lockFolder(folder) }
    } catch (error) {
      if (!(error instanceof AlreadyRunningError)) throw error
    }
  }
  throw new Error(`${MAX_PLACES} workers share ${join(home, 'work')}. Give this one a data folder: AVAL_HOME`)
}
