/**
 * Runs code of suites in a process of its own, one order after another: no environment, no file but the engine's, and a hard
 * end for whatever does not end by itself. The process begins with the first order; one that was ended takes only its own
 * order along.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CodeOrder, type Evaluated, type SandboxReport, sandboxReport } from './protocol.ts'

export type Sandbox = {
  /** Never rejects. An order whose signal aborts while it waits is not run. */
  evaluate(order: CodeOrder, signal: AbortSignal): Promise<Evaluated>
  /** Ends the process; orders that wait or run fail. */
  close(): Promise<void>
}

export type SandboxSettings = {
  /** Computing time of one order, after which the engine interrupts the code. */
  computeMs?: number
  /** From when an order's turn comes until the process is killed: for code that the engine cannot interrupt. */
  killAfterMs?: number
  onProcess?: (pid: number) => void
}

const CHILD = fileURLToPath(new URL('./sandbox-child.ts', import.meta.url))
const PACKAGES = ['quickjs-emscripten-core', '@jitl/quickjs-wasmfile-release-sync', '@jitl/quickjs-ffi-types']
const COMPUTE_MS = 1_000
/** Generous, as a busy machine is no endless loop. */
const KILL_AFTER_MS = 10_000
const START_MS = 30_000
/** As many as four runs judge at once, several times over. */
const MAX_WAITING = 1_000
/** One answer and one item at the most, with what JSON escapes. */
const MAX_ORDER_CHARS = 8 * 1024 * 1024
/** Of all that wait together: large answers are fewer. */
const MAX_WAITING_CHARS = 64 * 1024 * 1024

type Job = { order: CodeOrder; chars: number; signal: AbortSignal; tell: (evaluated: Evaluated) => void }

export function openSandbox(settings: SandboxSettings = {}): Sandbox {
  const sandbox = new SandboxProcess(settings)
  return {
    evaluate: (order, signal) =>
      new Promise((tell) => {
        sandbox.add({ order, chars: JSON.stringify(order).length, signal, tell })
      }),
    close: () => sandbox.close(),
  }
}

class SandboxProcess {
  readonly #settings: SandboxSettings
  readonly #waiting: Job[] = []
  #child: ChildProcess | null = null
  #isReady = false
  #job: Job | null = null
  #id = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(settings: SandboxSettings) {
    this.#settings = settings
  }

  add(job: Job): void {
    if (this.#closed) job.tell(failed('The sandbox is closed.'))
    else if (this.#waiting.length >= MAX_WAITING || this.#waitingChars() + job.chars > MAX_WAITING_CHARS)
      job.tell(
        failed(`${this.#waiting.length} evaluations already wait. Lower the concurrency of the suite.`),
      )
    else if (job.chars > MAX_ORDER_CHARS)
      job.tell(failed(`Code, answer and context have more than ${MAX_ORDER_CHARS} characters.`))
    else {
      this.#waiting.push(job)
      this.#pump()
    }
  }

  #waitingChars(): number {
    return this.#waiting.reduce((sum, { chars }) => sum + chars, 0)
  }

  async close(): Promise<void> {
    this.#closed = true
    const child = this.#child
    this.#fail('The sandbox was closed.', this.#waiting.splice(0))
    if (child === null) return
    this.#child = null
    await killed(child)
  }

  #pump(): void {
    if (this.#job !== null || this.#closed || this.#waiting.length === 0) return
    const child = this.#child ?? this.#start()
    if (!this.#isReady) return
    const job = this.#waiting.shift()
    if (job === undefined) return
    if (job.signal.aborted) {
      job.tell(failed('It was stopped before it began.'))
      this.#pump()
      return
    }
    const { computeMs = COMPUTE_MS, killAfterMs = KILL_AFTER_MS } = this.#settings
    this.#job = job
    this.#id += 1
    this.#timer = setTimeout(() => this.#end(child, `It was killed after ${killAfterMs} ms.`), killAfterMs)
    child.send({ id: this.#id, order: job.order, computeMs }, () => undefined)
  }

  #start(): ChildProcess {
    const child = fork(CHILD, [], {
      // No secret is near the code, not even for an engine with a hole.
      env: {},
      execArgv: childFlags(),
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    child.unref()
    child.channel?.unref()
    this.#child = child
    this.#isReady = false
    this.#timer = setTimeout(() => this.#end(child, 'The sandbox did not start.'), START_MS)
    child.on('message', (message) => this.#hear(child, message))
    child.on('error', () => this.#end(child, 'The sandbox could not be started.'))
    child.once('exit', () => this.#end(child, 'The sandbox ended while it ran.'))
    if (child.pid !== undefined) this.#settings.onProcess?.(child.pid)
    return child
  }

  #hear(child: ChildProcess, message: unknown): void {
    if (this.#child !== child) return
    const read = sandboxReport.safeParse(message)
    if (!read.success) {
      this.#end(child, 'The sandbox answered with what is no answer.')
      return
    }
    const report: SandboxReport = read.data
    const isAwaited = report.kind === 'ready' ? !this.#isReady : this.#job !== null && report.id === this.#id
    if (!isAwaited) {
      // Believed, it would stop the clock of the order that runs.
      this.#end(child, 'The sandbox answered what was not asked.')
      return
    }
    clearTimeout(this.#timer)
    if (report.kind === 'ready') this.#isReady = true
    else this.#settle(report.evaluated)
    this.#pump()
  }

  /** What it ran fails, and the process with it; one that never became ready fails all that wait for it. */
  #end(child: ChildProcess, reason: string): void {
    if (this.#child !== child) return
    this.#child = null
    child.kill('SIGKILL')
    this.#fail(reason, this.#isReady ? [] : this.#waiting.splice(0))
    this.#pump()
  }

  #fail(reason: string, others: readonly Job[]): void {
    clearTimeout(this.#timer)
    this.#settle(failed(reason))
    for (const job of others) job.tell(failed(reason))
  }

  #settle(evaluated: Evaluated): void {
    const job = this.#job
    this.#job = null
    job?.tell(evaluated)
  }
}

/** Node's permission model: reads the engine and these files, starts its thread, and nothing else. */
function childFlags(): string[] {
  const packages = PACKAGES.map((name) => dirname(dirname(fileURLToPath(import.meta.resolve(name)))))
  return [
    '--permission',
    '--allow-worker',
    ...[dirname(CHILD), ...packages].map((folder) => `--allow-fs-read=${folder}/*`),
    '--max-old-space-size=128',
    '--no-warnings',
  ]
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.ref()
  child.kill('SIGKILL')
  await gone
}

function failed(reason: string): Evaluated {
  return { kind: 'failed', reason }
}
