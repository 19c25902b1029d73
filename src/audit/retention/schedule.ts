/** Runs retention about once an hour in one of the gateways, and tells what it did. Never throws into its caller. */

import type { Sql } from 'postgres'
import type { Clock } from '../../lib/clock.ts'
import type { AuditEvent } from '../events.ts'
import type { EventLog } from '../record.ts'
import { dropExpired, type RetentionReport } from './drop-expired.ts'
import type { RetentionPolicy } from './plan.ts'
import { withRetentionLock } from './store.ts'

export type RetentionSetup = {
  database: { sql: Sql; url: string; embedded: boolean }
  log: EventLog
  clock: Clock
  /** Asked at each run, so that a reloaded configuration counts. */
  policy: () => RetentionPolicy
  onEvent: (event: AuditEvent) => void
}

/** Not at once: a start has better things to do, and a spool of the last run may hold its tombstone. */
const FIRST_RUN_MS = 60_000
const EVERY_MS = 3_600_000
const DAY_MS = 86_400_000

export class Retention {
  readonly #setup: RetentionSetup
  readonly #stopping = new AbortController()
  /** When each held partition was last told of. */
  readonly #toldMs = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(setup: RetentionSetup) {
    this.#setup = setup
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.run()
      this.#timer = setInterval(() => {
        this.#running = this.#running.then(() => this.run())
      }, EVERY_MS)
      this.#timer.unref()
    }, FIRST_RUN_MS)
    this.#timer.unref()
  }

  /** One run, unless another gateway is at it. What goes wrong is told, and tried again in an hour. */
  async run(): Promise<void> {
    const { database, log, clock, policy, onEvent } = this.#setup
    try {
      const report = await withRetentionLock(database, () =>
        dropExpired({ sql: database.sql, log, clock, signal: this.#stopping.signal }, policy()),
      )
      if (report !== null) this.#tell(report)
    } catch (error) {
      if (this.#stopping.signal.aborted) return
      onEvent({
        event: 'audit.retention_failed',
        message: error instanceof Error ? error.message : String(error),
      })
    }
  }

  /** Ends a run where it is. What it had not dropped, the next run does. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.#running
  }

  #tell(report: RetentionReport): void {
    const { onEvent, clock } = this.#setup
    const { dropped, held, deletedKeys } = report
    if (dropped.length > 0 || deletedKeys > 0) {
      const rows = dropped.reduce((sum, one) => sum + one.rows, 0)
      onEvent({
        event: 'audit.retention_dropped',
        partitions: dropped.map(({ name }) => name),
        rows,
        deletedKeys,
      })
    }
    const nowMs = clock.nowMs()
    const names = new Set(held.map(({ name }) => name))
    for (const name of this.#toldMs.keys()) if (!names.has(name)) this.#toldMs.delete(name)
    for (const { name, holds } of held) {
      if (nowMs - (this.#toldMs.get(name) ?? Number.NEGATIVE_INFINITY) < DAY_MS) continue
      this.#toldMs.set(name, nowMs)
      onEvent({
        event: 'audit.retention_held',
        partition: name,
        holds: holds.map(({ id, projectId, reason }) => ({ id, projectId, reason })),
      })
    }
  }
}
