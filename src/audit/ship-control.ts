/** The gateway's handle on the ship thread: starts it, starts it again when it dies, and asks it to catch up. */

import { Worker } from 'node:worker_threads'
import type { AuditEvent } from './events.ts'
import type { ShipStats } from './ship.ts'
import type { ShipCommand, ShipReport, ShipThreadSetup } from './ship-thread.ts'

export type ShipControl = {
  stats(): ShipStats
  /** True when everything below `seq`, and all of other writers, came into the database within the time; false at once after `stop`. */
  flush(seq: number, timeoutMs: number): Promise<boolean>
  /** The same for the running writer alone. */
  replicated(seq: number, timeoutMs: number): Promise<boolean>
  stop(): Promise<void>
}

const RESTART_MS = 1000
/** A transaction under way gets this long to end by itself. */
const STOP_MS = 10_000
/**
 * A small young generation keeps the thread's memory near what a batch needs; the old one must hold the largest row,
 * two bodies of 32 MiB as escaped text. Too small a limit ends the thread, and it would start over with the same row.
 */
const HEAP = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 512 }
const NO_STATS: ShipStats = { shippedRows: 0, lagRecords: 0, lagSeconds: 0, writers: 0, failures: 0 }

export function startShipThread(setup: ShipThreadSetup, onEvent: (event: AuditEvent) => void): ShipControl {
  const control = new Control(setup, onEvent)
  control.start()
  return control
}

type Flush = { seq: number; own: boolean; end: (done: boolean) => void }

class Control implements ShipControl {
  readonly #setup: ShipThreadSetup
  readonly #onEvent: (event: AuditEvent) => void
  readonly #flushes = new Map<number, Flush>()
  #stats = NO_STATS
  #worker: Worker | null = null
  #restart: NodeJS.Timeout | null = null
  #stopping = false
  #nextId = 0

  constructor(setup: ShipThreadSetup, onEvent: (event: AuditEvent) => void) {
    this.#setup = setup
    this.#onEvent = onEvent
  }

  start(): void {
    const file = new URL('./ship-thread.ts', import.meta.url)
    const worker = new Worker(file, { workerData: this.#setup, name: 'audit-ship', resourceLimits: HEAP })
    let reason = 'It ended by itself.'
    worker.unref()
    worker.on('message', (report: ShipReport) => this.#receive(report))
    worker.on('error', (error) => {
      reason = error.message
    })
    worker.once('exit', () => this.#ended(reason))
    this.#worker = worker
    for (const [id, { seq, own }] of this.#flushes) this.#tell({ kind: 'flush', id, seq, own })
  }

  stats(): ShipStats {
    return this.#stats
  }

  flush(seq: number, timeoutMs: number): Promise<boolean> {
    return this.#ask(seq, false, timeoutMs)
  }

  replicated(seq: number, timeoutMs: number): Promise<boolean> {
    return this.#ask(seq, true, timeoutMs)
  }

  #ask(seq: number, own: boolean, timeoutMs: number): Promise<boolean> {
    if (this.#gone) return Promise.resolve(false)
    const id = this.#nextId
    this.#nextId += 1
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(false), timeoutMs)
      const end = (done: boolean): void => {
        clearTimeout(timer)
        this.#flushes.delete(id)
        if (!done) this.#tell({ kind: 'cancel', id })
        resolve(done)
      }
      this.#flushes.set(id, { seq, own, end })
      this.#tell({ kind: 'flush', id, seq, own })
    })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#restart !== null) clearTimeout(this.#restart)
    const worker = this.#worker
    if (worker === null) return this.#endFlushes()
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    worker.ref()
    this.#tell({ kind: 'stop' })
    // What is cut off here is shipped by the next start; the cursor keeps it exact.
    const limit = setTimeout(() => void worker.terminate(), STOP_MS)
    await gone
    clearTimeout(limit)
  }

  /** Stopped for good: no thread will answer any more. */
  get #gone(): boolean {
    return this.#stopping && this.#worker === null
  }

  #endFlushes(): void {
    for (const { end } of this.#flushes.values()) end(false)
  }

  #tell(command: ShipCommand): void {
    this.#worker?.postMessage(command)
  }

  #receive(report: ShipReport): void {
    if (report.kind === 'event') {
      this.#onEvent(report.event)
      return
    }
    this.#stats = report.stats
    if (report.kind === 'flushed') this.#flushes.get(report.id)?.end(true)
  }

  #ended(reason: string): void {
    this.#worker = null
    if (this.#stopping) {
      this.#endFlushes()
      return
    }
    this.#onEvent({ event: 'audit.ship_thread_ended', message: reason })
    this.#restart = setTimeout(() => this.start(), RESTART_MS)
  }
}
