/**
 * Starts the processes of a benchmark: mock upstream, load generator, reference and Aval.
 * Never kills by name: each is ended through the handle it was started with, and ends by itself when we are gone.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS, startGateway } from '../test/support/gateway.ts'
import type { LoadResult, LoadSpec } from './load.ts'

/** A run is bounded by its own seconds plus what is in flight; this is for a generator that hangs. */
const LOAD_GRACE_MS = 60_000

export interface Target {
  name: 'reference' | 'aval' | 'portkey' | 'unlogged'
  port: number
  pid: number
  token: string
  /** Sent with every request, beside the token. */
  headers: Readonly<Record<string, string>>
  /** Goes in front of the model's name. */
  modelPrefix: string
  readyAfterMs: number
  /** Set for Aval: where and with what its log is read. */
  log: { url: string; adminKey: string } | null
  stop(): Promise<unknown>
}

/** All parts run as Aval does, so that no difference is one of Node's settings. */
function part(file: URL, ...args: string[]): ChildProcess {
  return fork(fileURLToPath(file), args, {
    execArgv: NODE_FLAGS,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

async function portOf(child: ChildProcess): Promise<number> {
  const [message] = await once(child, 'message', { signal: AbortSignal.timeout(10_000) })
  return (message as { port: number }).port
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

export async function startMock(): Promise<{ port: number; pid: number; stop: () => Promise<void> }> {
  const child = part(new URL('./mock.ts', import.meta.url))
  return { port: await portOf(child), pid: child.pid ?? 0, stop: () => end(child) }
}

export interface LoadGenerator {
  run(spec: LoadSpec): Promise<LoadResult>
  stop(): Promise<void>
}

export function startLoadGenerator(): LoadGenerator {
  const child = part(new URL('./load.ts', import.meta.url))
  return {
    run: async (spec) => {
      const limitMs = spec.seconds * 1_000 + LOAD_GRACE_MS
      const answer = once(child, 'message', { signal: AbortSignal.timeout(limitMs) })
      child.send(spec)
      return (await answer)[0] as LoadResult
    },
    stop: () => end(child),
  }
}

export async function startReference(mockPort: number): Promise<Target> {
  const startedAt = performance.now()
  const child = part(new URL('./reference.ts', import.meta.url), `http://127.0.0.1:${mockPort}`)
  return {
    name: 'reference',
    port: await portOf(child),
    pid: child.pid ?? 0,
    token: 'reference',
    headers: {},
    modelPrefix: '',
    readyAfterMs: performance.now() - startedAt,
    log: null,
    stop: () => end(child),
  }
}

const UNLOGGED = new URL('./unlogged.ts', import.meta.url).href

/** Aval as a user starts it, audit on, in a fresh data folder; or, named so, the same without any record of a request. */
export async function startAval(
  mockPort: number,
  database: string | undefined,
  name: 'aval' | 'unlogged' = 'aval',
): Promise<Target> {
  const gateway = await startGateway({
    env: {
      ...(name === 'aval' ? {} : { NODE_OPTIONS: `--import ${UNLOGGED}` }),
      OPENAI_API_KEY: 'bench-upstream-key',
      OPENAI_BASE_URL: `http://127.0.0.1:${mockPort}/v1`,
      ...(database === undefined ? {} : { DATABASE_URL: database }),
    },
  })
  return {
    name,
    port: gateway.port,
    pid: gateway.pid,
    token: gateway.appKey,
    headers: {},
    modelPrefix: 'openai/',
    readyAfterMs: gateway.readyAfterMs,
    log: name === 'aval' ? { url: gateway.url, adminKey: gateway.adminKey } : null,
    stop: () => gateway.stop(),
  }
}
