/**
 * Starts Aval as a user starts it, `node src/main.ts serve` in a folder of its own, against given upstreams.
 * Never reaches into the process: a test sees what a user sees (HTTP, output, exit code, files).
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { newId } from '../../src/lib/ids.ts'
import { freePort, type RunningServer, startServer } from './child.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Compiled once for all processes that tests start. Not the tests' own cache: what they look for in homes stands in that. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/aval-processes', import.meta.url))
/** What `npm start` and the `aval` command give Node. */
export const NODE_FLAGS = ['--max-semi-space-size=32', '--initial-old-space-size=96']
/** The first start of the embedded database on a busy machine; a hang still fails the test. */
const READY_LIMIT_MS = 60_000
/** What a developer's shell may hold and a test must not see. */
const PRIVATE_NAMES =
  /^(AVAL_|OPENAI_|ANTHROPIC_|GEMINI_|OLLAMA_|DATABASE_URL$|REDIS_URL$|PORT$|NODE_OPTIONS$|NODE_COMPILE_CACHE$|VITEST)/

export interface GatewayOptions {
  /** Written as aval.yaml into the folder the gateway starts in. */
  config?: object
  /** Added to an environment without any provider's or Aval's own names. */
  env?: Record<string, string>
  /** A data folder of the test's own, or one to use again (after `kill9`); a temporary one otherwise, removed by `stop`. */
  home?: string
  port?: number
  adminKey?: string
  appKey?: string
  /** After `serve`. */
  args?: readonly string[]
  readyTimeoutMs?: number
}

export interface RunningGateway {
  /** `http://127.0.0.1:<port>`; the wire is below `/v1`. */
  url: string
  port: number
  adminKey: string
  appKey: string
  /** AVAL_HOME. */
  home: string
  pid: number
  readyAfterMs: number
  exited: Promise<number | string>
  stdout(): string
  stderr(): string
  /** SIGTERM and wait; removes the data folder if it was a temporary one. Resolves with the exit code. */
  stop(): Promise<number | string>
  /** SIGKILL; the data folder stays, so that `startGateway({ home, port, adminKey, appKey })` can go on with it. */
  kill9(): Promise<void>
}

const temporaryHomes = new Set<string>()
process.on('exit', () => {
  for (const home of temporaryHomes) rmSync(home, { recursive: true, force: true })
})

/** A virtual key in the gateway's own shape, `vk_<id>_<43 letters>`. */
export function newTestKey(): string {
  const secret = randomBytes(48)
    .toString('base64')
    .replace(/[^A-Za-z0-9]/g, 'x')
    .slice(0, 43)
  return `${newId('vk', Date.now())}_${secret}`
}

/**
 * Makes a folder into one that was served from before: with the run's migrated database unless it has one or is to have
 * none, and with Node's compile cache. Making either takes seconds of both cores; first starts have tests of their own.
 */
export async function prepareHome(home: string, { database = true } = {}): Promise<void> {
  // Set by the test run; a benchmark starts as a user does.
  const snapshot = process.env.AVAL_TEST_SNAPSHOT
  if (snapshot === undefined) return
  await mkdir(COMPILE_CACHE, { recursive: true })
  const cache = join(home, 'cache')
  if (!existsSync(cache)) await symlink(COMPILE_CACHE, cache)
  const folder = join(home, 'db', 'data')
  if (!database || existsSync(folder)) return
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await promisify(execFile)('tar', ['-xf', snapshot, '-C', folder])
}

/** This process's environment without secrets and settings that would change what the gateway does. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !PRIVATE_NAMES.test(name)))
  return process.env.AVAL_TEST_SNAPSHOT === undefined ? own : { ...own, NODE_COMPILE_CACHE: COMPILE_CACHE }
}

/** Starts the gateway on a free port and resolves when GET /health/ready answers 200. */
export async function startGateway(options: GatewayOptions = {}): Promise<RunningGateway> {
  const isTemporary = options.home === undefined
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'aval-test-')))
  const port = options.port ?? (await freePort())
  const adminKey = options.adminKey ?? newTestKey()
  const appKey = options.appKey ?? newTestKey()
  await prepareHome(home, { database: options.env?.DATABASE_URL === undefined })
  if (options.config !== undefined) await writeFile(join(home, 'aval.yaml'), stringify(options.config))
  if (isTemporary) temporaryHomes.add(home)
  const removeHome = async () => {
    if (temporaryHomes.delete(home)) await rm(home, { recursive: true, force: true })
  }
  let server: RunningServer
  try {
    server = await startServer({
      command: process.execPath,
      args: [...NODE_FLAGS, MAIN, 'serve', ...(options.args ?? [])],
      cwd: home,
      env: {
        ...cleanEnvironment(),
        AVAL_HOME: home,
        PORT: String(port),
        AVAL_ADMIN_KEY: adminKey,
        AVAL_APP_KEY: appKey,
        ...options.env,
      },
      readyUrl: `http://127.0.0.1:${port}/health/ready`,
      readyTimeoutMs: options.readyTimeoutMs ?? READY_LIMIT_MS,
    })
  } catch (cause) {
    await removeHome()
    throw cause
  }
  return {
    ...server,
    url: `http://127.0.0.1:${port}`,
    port,
    adminKey,
    appKey,
    home,
    stop: async () => {
      const outcome = await server.stop()
      await removeHome()
      return outcome
    },
  }
}
