/**
 * The embedded database as its parent sees it: starts the child process that owns it, starts it again when it dies,
 * and stops it cleanly. Never opens the data folder itself; two openers would lose rows without an error.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { mkdir, realpath } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { embeddedUrl } from '../lib/database-url.ts'
import { AlreadyRunningError, lockFolder } from './lock.ts'
import { shortPath } from './short-path.ts'
import { SOCKET_NAME } from './wire.ts'

export type EmbeddedEvent =
  | { kind: 'ready'; pid: number }
  /** The child ended without being asked to; `detail` is the end of what it wrote on stderr. */
  | { kind: 'exited'; pid: number; code: number | null; signal: string | null; detail: string }
  /** It failed too often in a row and is not started again; the process should end. */
  | { kind: 'gave-up'; failures: number }

export type Embedded = {
  /** For `connectDatabase`, in this process only. */
  url: string
  /** For another process, which calls `socketUrl` with it. */
  sharedUrl: string
  /** Pid of the child that runs now; null between a death and the next start. */
  pid(): number | null
  /** Stops the child after it has written everything, and frees the folder. Safe to call twice. */
  close(): Promise<void>
}

export type EmbeddedOptions = {
  /** Gets a folder `db`; created when missing. Must be on a local disk. */
  dataFolder: string
  onEvent?: (event: EmbeddedEvent) => void
  /** Aborts the start; a running database is stopped with `close`. */
  signal?: AbortSignal
}

/** What the child says. The other way there is one word, `stop`. */
export type ChildMessage =
  | { kind: 'ready' }
  | { kind: 'locked'; pid: number }
  | { kind: 'failed'; message: string }

const CHILD = fileURLToPath(new URL('./embedded-child.ts', import.meta.url))
/**
 * Megabytes before the first full collection. The batches that pass through are megabytes outside the heap, the heap
 * is 15 MB of which nothing ever dies: without this, V8 walks all of it twice for every batch, a fifth of the CPU.
 */
const CHILD_FLAGS = ['--initial-old-space-size=64']
/** The first start of a folder creates a cluster, which takes seconds, and more of them on a loaded machine. */
const START_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 15_000
const MIN_RESTART_MS = 50
const MAX_RESTART_MS = 5_000
/** Failures in a row, each without having become ready in between. */
const MAX_FAILURES = 8
const MAX_STDERR_BYTES = 4_096

/**
 * Starts the embedded database and resolves when it takes connections. After that, a child that dies is started again;
 * queries in between fail, and a postgres.js pool finds the new one by itself.
 * Throws AlreadyRunningError (within a second) when another process uses the folder, Error when the database fails to start.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const folder = join(options.dataFolder, 'db')
  const lock = await lockFolder(folder)
  try {
    const socketFolder = join(await realpath(folder), 'server')
    await mkdir(socketFolder, { recursive: true, mode: 0o700 })
    const short = await shortPath(socketFolder, SOCKET_NAME)
    const supervisor = new Supervisor(await realpath(folder), options)
    try {
      await supervisor.start()
    } catch (error) {
      await short.remove()
      throw error
    }
    let closing: Promise<void> | null = null
    return {
      url: embeddedUrl(short.path),
      sharedUrl: embeddedUrl(socketFolder),
      pid: () => supervisor.pid,
      close: () => {
        closing ??= supervisor.stop().finally(async () => {
          await short.remove()
          await lock.release()
        })
        return closing
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

class Supervisor {
  readonly #folder: string
  readonly #options: EmbeddedOptions
  readonly #stopping = new AbortController()
  #child: ChildProcess | null = null
  #watching: Promise<void> = Promise.resolve()

  constructor(folder: string, options: EmbeddedOptions) {
    this.#folder = folder
    this.#options = options
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  async start(): Promise<void> {
    const abort = () => this.#stopping.abort()
    this.#options.signal?.throwIfAborted()
    this.#options.signal?.addEventListener('abort', abort, { once: true })
    try {
      const run = await this.#spawn()
      this.#watching = this.#watch(run)
    } finally {
      this.#options.signal?.removeEventListener('abort', abort)
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    const child = this.#child
    if (child !== null) await stopChild(child)
    await this.#watching
  }

  /** Follows one child after the other until stopped or until too many in a row do not become ready. */
  async #watch(first: Run): Promise<void> {
    let run: Run | null = first
    let failures = 0
    while (true) {
      if (run !== null) {
        const exit = await run.exited
        this.#child = null
        if (this.#stopping.signal.aborted) return
        this.#options.onEvent?.({ kind: 'exited', ...exit })
        failures = 0
      }
      const delayMs = Math.min(MAX_RESTART_MS, MIN_RESTART_MS * 2 ** failures)
      await sleep(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
      if (this.#stopping.signal.aborted) return
      run = await this.#spawn().catch(() => null)
      if (run === null) failures += 1
      if (failures >= MAX_FAILURES) {
        this.#options.onEvent?.({ kind: 'gave-up', failures })
        return
      }
    }
  }

  /** Resolves when the child takes connections; rejects, with the child gone, when it does not get there. */
  async #spawn(): Promise<Run> {
    const child = fork(CHILD, [this.#folder], {
      // The child sees no secret: not the keys of upstreams, not the pepper.
      env: {},
      execArgv: CHILD_FLAGS,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    if (child.pid !== undefined) yieldTo(child.pid)
    const run = { exited: followExit(child) }
    try {
      await becomeReady(child, this.#folder, run.exited, this.#stopping.signal)
    } catch (error) {
      child.kill('SIGKILL')
      await run.exited
      this.#child = null
      throw error
    }
    this.#options.onEvent?.({ kind: 'ready', pid: child.pid ?? 0 })
    return run
  }
}

/**
 * Requests come first: rows wait safely in the spool, callers do not. With a core to spare this changes nothing.
 */
function yieldTo(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Some containers forbid it, and then the database competes like anybody else.
  }
}

type Exit = { pid: number; code: number | null; signal: string | null; detail: string }
type Run = { exited: Promise<Exit> }

async function followExit(child: ChildProcess): Promise<Exit> {
  let detail = ''
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (part: string) => {
    detail = (detail + part).slice(-MAX_STDERR_BYTES)
  })
  const { promise, resolve } = Promise.withResolvers<Exit>()
  child.on('error', (error) => {
    // No process came to be, so no exit follows.
    if (child.pid === undefined) resolve({ pid: 0, code: null, signal: null, detail: error.message })
  })
  child.on('exit', (code, signal) => resolve({ pid: child.pid ?? 0, code, signal, detail }))
  return await promise
}

async function becomeReady(
  child: ChildProcess,
  folder: string,
  exited: Promise<Exit>,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(
    () => reject(new Error(`The embedded database in ${folder} did not start in ${START_TIMEOUT_MS} ms.`)),
    START_TIMEOUT_MS,
  )
  const abort = () => reject(new Error('The start of the embedded database was cancelled.'))
  signal.addEventListener('abort', abort, { once: true })
  child.on('message', (message: ChildMessage) => {
    if (message.kind === 'ready') resolve()
    else if (message.kind === 'locked') reject(new AlreadyRunningError(folder, message.pid))
    else reject(new Error(`The embedded database in ${folder} cannot start: ${message.message}`))
  })
  void exited.then(({ code, signal: killedBy, detail }) => {
    const how = killedBy === null ? `code ${code}` : killedBy
    reject(new Error(`The embedded database in ${folder} ended with ${how} while starting. ${detail}`.trim()))
  })
  try {
    await promise
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const { promise, resolve } = Promise.withResolvers<void>()
  child.once('exit', () => resolve())
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  if (child.connected) child.send('stop', () => undefined)
  else child.kill('SIGKILL')
  await promise
  clearTimeout(timer)
}
