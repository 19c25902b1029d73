/**
 * Starts a server as a child process and waits until it says it is ready.
 * Never leaves one behind: each child leads its own process group, and whatever it started dies with it on `stop`,
 * at the end of this process and on SIGINT or SIGTERM.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const READY_POLL_MS = 20
const STOP_LIMIT_MS = 15_000
/** Enough for any start screen and stack trace; a chatty server must not fill our memory. */
const MAX_OUTPUT_CHARS = 1_000_000

export interface ServerCommand {
  command: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  cwd: string
  /** Answers 200 once the server takes requests. */
  readyUrl: string
  readyTimeoutMs: number
}

export interface RunningServer {
  pid: number
  stdout(): string
  stderr(): string
  /** How long it took from the start of the process to the first 200 of `readyUrl`. */
  readyAfterMs: number
  /** Resolves with the exit code, or the signal's name. */
  exited: Promise<number | string>
  /** SIGTERM, then SIGKILL for the whole group after 15 s. Resolves with how it ended; safe to call twice. */
  stop(): Promise<number | string>
  /** SIGKILL for the server alone, as an out-of-memory kill would: what it started must notice by itself. */
  kill9(): Promise<void>
}

const groups = new Set<number>()

function killGroup(pid: number): void {
  groups.delete(pid)
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (cause) {
    // ESRCH: everything in the group has ended already, which is what we want.
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
  }
}

let hooked = false
function hookEndOfProcess(): void {
  if (hooked) return
  hooked = true
  process.on('exit', () => groups.forEach(killGroup))
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => process.exit(code))
  }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.on('data', (part: Buffer) => {
    text = (text + part.toString()).slice(-MAX_OUTPUT_CHARS)
  })
  return () => text
}

async function waitUntilReady(
  command: ServerCommand,
  child: ChildProcess,
  output: () => string,
): Promise<number> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < command.readyTimeoutMs) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(
        `The server ended (${child.exitCode ?? child.signalCode}) before it was ready:\n${output()}`,
      )
    }
    try {
      const response = await fetch(command.readyUrl, { signal: AbortSignal.timeout(2_000) })
      await response.arrayBuffer()
      if (response.ok) return performance.now() - startedAt
    } catch {
      // Not listening yet: asked again below until the time is up.
    }
    await sleep(READY_POLL_MS)
  }
  throw new Error(`${command.readyUrl} did not answer 200 within ${command.readyTimeoutMs} ms:\n${output()}`)
}

/** Starts the server and resolves when it is ready; rejects, with its output, when it ends or takes too long. */
export async function startServer(command: ServerCommand): Promise<RunningServer> {
  hookEndOfProcess()
  const child = spawn(command.command, command.args, {
    cwd: command.cwd,
    env: command.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const exited = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  const pid = child.pid
  if (pid === undefined) {
    await exited
    throw new Error(`${command.command} could not be started.`)
  }
  groups.add(pid)
  try {
    const readyAfterMs = await waitUntilReady(command, child, () => `${stdout()}${stderr()}`)
    return {
      pid,
      stdout,
      stderr,
      readyAfterMs,
      exited,
      stop: async () => {
        child.kill('SIGTERM')
        const outcome = await Promise.race([exited, sleep(STOP_LIMIT_MS, undefined, { ref: false })])
        killGroup(pid)
        return outcome ?? (await exited)
      },
      kill9: async () => {
        child.kill('SIGKILL')
        await exited
      },
    }
  } catch (cause) {
    killGroup(pid)
    throw cause
  }
}

/** Below what the system gives to whoever asks for any port: a server that starts again on its own finds it free. */
const FIRST_PORT = 20_000
const PORTS_PER_WORKER = 1_000
const MAX_WORKERS = 12
// Test files that run at once have different numbers; benchmarks have none.
const worker = Number(process.env.VITEST_POOL_ID ?? 0) % MAX_WORKERS
let nextPort = Math.floor(Math.random() * PORTS_PER_WORKER)

/** A loopback port nobody listens on at the moment, and that no other test is given until this file has had a thousand. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PORTS_PER_WORKER; tried += 1) {
    const port = FIRST_PORT + worker * PORTS_PER_WORKER + nextPort
    nextPort = (nextPort + 1) % PORTS_PER_WORKER
    if (await canListen(port)) return port
  }
  throw new Error(`All ports of worker ${worker} are taken.`)
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return await promise
}
