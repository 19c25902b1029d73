/**
 * Portkey's open gateway as a further target: what a user of `npx @portkey-ai/gateway` gets, with its console off.
 * Never a dependency of the project: installed on request, once, into a folder of the user's cache.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, startServer } from '../test/support/child.ts'
import type { Target } from './targets.ts'

/** Pinned, so that a ratio means the same next month. */
const VERSION = '1.15.2'
const PACKAGE = `@portkey-ai/gateway@${VERSION}`
/**
 * Any later version of its HTTP server makes each of its streams a 500 (github.com/Portkey-AI/gateway/issues/1389),
 * and failed streams would be measured as fast ones.
 */
const MANIFEST = {
  private: true,
  dependencies: { '@portkey-ai/gateway': VERSION },
  overrides: { '@hono/node-server': '1.14.1' },
}
const INSTALL_LIMIT_MS = 180_000
const READY_LIMIT_MS = 20_000
const SAID_CHARS = 600

type Progress = (line: string) => void

/** The program's path, installed if need be. Throws with npm's own words when the registry is out of reach. */
async function findProgram(progress: Progress): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'aval-bench')
  const folder = join(cache, `portkey-gateway-${VERSION}`)
  const program = join(folder, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js')
  if (existsSync(program)) return program
  progress(`installing ${PACKAGE} into ${folder}`)
  await mkdir(cache, { recursive: true })
  const half = await mkdtemp(join(cache, 'half-'))
  try {
    await installInto(half)
    // Whole or not at all: an install that was interrupted is not mistaken for one the next time.
    await rename(half, folder)
  } finally {
    await rm(half, { recursive: true, force: true })
  }
  return program
}

async function installInto(folder: string): Promise<void> {
  const flags = ['--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--prefix', folder]
  try {
    await writeFile(join(folder, 'package.json'), JSON.stringify(MANIFEST))
    await promisify(execFile)('npm', ['install', ...flags], { cwd: folder, timeout: INSTALL_LIMIT_MS })
  } catch (cause) {
    const said = String((cause as { stderr?: string }).stderr || cause).slice(0, SAID_CHARS)
    const remedy = 'It needs the npm registry once; leave out --against portkey to measure without it.'
    throw new Error(`${PACKAGE} could not be installed. ${remedy} npm said: ${said}`, { cause })
  }
}

/**
 * Starts it in front of the mock. Which upstream a request goes to is said by its headers
 * (https://portkey.ai/docs/api-reference/inference-api/headers). It listens on every interface: it has no setting.
 */
export async function startPortkey(mockPort: number, progress: Progress): Promise<Target> {
  const program = await findProgram(progress)
  const port = await freePort()
  const server = await startServer({
    command: process.execPath,
    args: [program, `--port=${port}`, '--headless'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production' },
    cwd: join(program, '..'),
    readyUrl: `http://127.0.0.1:${port}/`,
    readyTimeoutMs: READY_LIMIT_MS,
  })
  return {
    name: 'portkey',
    port,
    pid: server.pid,
    token: 'bench-upstream-key',
    headers: {
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `http://127.0.0.1:${mockPort}/v1`,
    },
    modelPrefix: '',
    readyAfterMs: server.readyAfterMs,
    log: null,
    stop: () => server.stop(),
  }
}
