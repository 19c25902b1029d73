/** `aval work`: takes jobs from the queue. The embedded database brings one along as a child process of `serve`. */

import { type ChildProcess, fork } from 'node:child_process'
import { devNull } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Config } from './config.ts'
import { compareSchema } from './database.ts'
import { connectDatabase } from './db/client.ts'
import { socketUrl } from './db/socket-url.ts'
import { ConfigError } from './errors.ts'
import { startWorker } from './jobs/worker.ts'
import { systemClock } from './lib/clock.ts'
import { queueBackend } from './queue/backend.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const MAX_CONNECTIONS = 4
const RESTART_MS = 2000
const STOP_TIMEOUT_MS = 30_000

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
  const worker = await startWorker({ sql: connection.sql, clock: systemClock, logger, backend })
  stack.defer(() => worker.close())
  events.working(logger, { queue: backend.kind })
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
}

/**
 * Runs `aval work` beside this process, against the embedded database. It ends with its parent, is started again when
 * it dies, and its heap never weighs on the gateway's.
 */
export function startWorkerChild(databaseUrl: string, environment: NodeJS.ProcessEnv, logger: Logger) {
  let child: ChildProcess | null = null
  let closing = false
  let restart: NodeJS.Timeout | undefined
  const start = () => {
    // Nothing in aval.yaml concerns it, and a mistake there must not keep jobs from running.
    const env = { ...environment, DATABASE_URL: databaseUrl, AVAL_CONFIG: devNull }
    child = fork(MAIN, ['work'], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.unref()
    child.channel?.unref()
    // A process that could not be made, or a broken channel: the exit that follows, or the next start, mends it.
    child.on('error', (error) => events.workerFailed(logger, error))
    child.once('exit', (code, signal) => {
      child = null
      if (closing) return
      events.workerExited(logger, { code, signal })
      restart = setTimeout(start, RESTART_MS)
      restart.unref()
    })
  }
  start()
  return {
    async close(): Promise<void> {
      closing = true
      clearTimeout(restart)
      const running = child
      if (running === null) return
      const gone = new Promise((resolve) => running.once('exit', resolve))
      const timer = setTimeout(() => running.kill('SIGKILL'), STOP_TIMEOUT_MS)
      running.ref()
      running.kill('SIGTERM')
      await gone
      clearTimeout(timer)
    },
  }
}
