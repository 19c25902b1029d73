/**
 * Runs `aval` as a shell does and looks at processes from outside: exit codes, output, children, conditions that come
 * true. Never waits without a bound, and never leaves a process behind.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cleanEnvironment } from './gateway.ts'

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
export const MAIN = join(REPOSITORY, 'src/main.ts')
const RUN_LIMIT_MS = 60_000
const POLL_MS = 25

export type Ended = { code: number | string; stdout: string; stderr: string }

export type Started = {
  pid: number
  stdout(): string
  stderr(): string
  exited: Promise<Ended>
  /** SIGTERM unless another signal is named; resolves when it has ended, with SIGKILL to the group after 20 s. */
  end(signal?: NodeJS.Signals): Promise<Ended>
}

const started = new Set<ChildProcess>()
process.on('exit', () => started.forEach(killGroup))
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => process.exit(code))
}

function killGroup(child: ChildProcess): void {
  started.delete(child)
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch (cause) {
    // ESRCH: the whole group has ended already.
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
  }
}

/** Starts any program in a process group of its own, in an environment without Aval's or providers' names. */
export function start(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Started {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  started.add(child)
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => {
      output[name] += part
    })
  }
  const exited = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      started.delete(child)
      resolve({ code: code ?? signal ?? 'unknown', ...output })
    })
  })
  return {
    pid: child.pid ?? 0,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exited,
    end: async (signal = 'SIGTERM') => {
      child.kill(signal)
      const timer = setTimeout(() => killGroup(child), 20_000)
      const ended = await exited
      clearTimeout(timer)
      return ended
    },
  }
}

/** `node src/main.ts <words>`, still running. */
export function startAval(
  words: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Started {
  return start(process.execPath, [MAIN, ...words], options)
}

/** `node src/main.ts <words>` to its end. Rejects with what it wrote when it takes longer than a minute. */
export async function runAval(
  words: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<Ended> {
  return await finish(startAval(words, options), words.join(' '))
}

/** Waits for a started program's end, at most a minute. */
export async function finish(running: Started, name: string): Promise<Ended> {
  const timer = new AbortController()
  const late = sleep(RUN_LIMIT_MS, null, { signal: timer.signal }).catch(() => null)
  const ended = await Promise.race([running.exited, late])
  timer.abort()
  if (ended !== null) return ended
  const { stdout, stderr } = await running.end('SIGKILL')
  throw new Error(`"${name}" did not end within ${RUN_LIMIT_MS} ms:\n${stdout}${stderr}`)
}

/** Asks until the answer is neither null, undefined nor false; rejects with `what` when the time is up. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  limitMs = 20_000,
): Promise<Exclude<T, null | undefined | false>> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const answer = await ask()
    if (answer !== null && answer !== undefined && answer !== false) {
      return answer as Exclude<T, null | undefined | false>
    }
    if (performance.now() > deadline) throw new Error(`Not within ${limitMs} ms: ${what}`)
    await sleep(POLL_MS)
  }
}

/** False for a process that is gone or waits, dead, for its parent to look. */
export function isAlive(pid: number): boolean {
  return (parentOf(pid)?.state ?? 'Z') !== 'Z'
}

/** Pids of the running children of a process, by what their command lines contain. Linux only. */
export function childrenOf(pid: number, commandPart = ''): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((one) => {
      const found = parentOf(one)
      return found?.parent === pid && found.state !== 'Z' && commandLine(one).includes(commandPart)
    })
}

function parentOf(pid: number): { state: string; parent: number } | null {
  const text = readProc(pid, 'stat')
  if (text === null) return null
  // The name in brackets may hold anything, brackets included.
  const [state = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state, parent: Number(parent) }
}

function commandLine(pid: number): string {
  return (readProc(pid, 'cmdline') ?? '').replaceAll('\0', ' ')
}

function readProc(pid: number, file: string): string | null {
  const path = `/proc/${pid}/${file}`
  if (!existsSync(path)) return null
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It ended between the look and the read.
    return null
  }
}

/** A temporary folder and how to remove it. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'aval-process-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

export type Answer = { status: number; headers: Headers; text: string; json: Record<string, unknown> }

/** One JSON call with a key; `text` holds the exact body. */
export async function call(
  url: string,
  key: string | null,
  init: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: init.method ?? (init.body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...init.headers,
    },
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await response.text()
  let json: Record<string, unknown> = {}
  try {
    json = JSON.parse(text) as Record<string, unknown>
  } catch {
    // Not JSON: `text` has it.
  }
  return { status: response.status, headers: response.headers, text, json }
}

/** A chat request in one question; the scripted upstream answers `echo: <question>`. */
export function chatBody(model: string, question = 'hello', stream = false): object {
  return { model, stream, messages: [{ role: 'user', content: question }] }
}

/** A stream that is read piece by piece while the test does something else. */
export async function openStream(gateway: { url: string; appKey: string }, model: string) {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(chatBody(model, 'a long story', true)),
    signal: AbortSignal.timeout(60_000),
  })
  const state = { text: '', failed: null as unknown }
  const done = (async () => {
    try {
      const decoder = new TextDecoder()
      for await (const part of response.body ?? []) {
        state.text += decoder.decode(part as Uint8Array, { stream: true })
      }
    } catch (cause) {
      state.failed = cause
    }
  })()
  return {
    status: response.status,
    requestId: response.headers.get('x-request-id') ?? '',
    text: () => state.text,
    /** Resolves when the stream has ended, one way or the other. */
    ended: async () => {
      await done
      return state
    },
  }
}
