/**
 * `aval work` as a child of `serve`, which the embedded database brings along. Loads nothing of what the worker loads: the
 * queue's and the exports' packages would weigh on the gateway.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Secret } from './lib/secret.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const RESTART_MS = 2000
const STOP_TIMEOUT_MS = 30_000

/**
 * Runs `aval work` beside this process, against the embedded database. It ends with its parent, is started again when
 * it dies, and its heap never weighs on the gateway's. Gives the function that stops it.
 */
export function startWorkerChild(
  databaseUrl: string,
  given: { auditKey: Secret | null; environment: NodeJS.ProcessEnv; logger: Logger },
): () => Promise<void> {
  const { auditKey, environment, logger } = given
  let child: ChildProcess | null = null
  let closing = false
  let restart: NodeJS.Timeout | undefined
  const start = () => {
    const env = {
      ...environment,
      DATABASE_URL: databaseUrl,
      // A generated one is in the data folder, which it shares.
      ...(auditKey === null ? {} : { AVAL_AUDIT_KEY: auditKey.reveal() }),
    }
    // Builds of indexes call the upstreams of aval.yaml. A mistake there must not keep other jobs from running: it is
    // lenient, so it then begins with the environment alone, and a build waits until the file can be read.
    child = fork(MAIN, ['work', '--lenient'], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
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
  return async () => {
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
  }
}
