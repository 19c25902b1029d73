/**
 * Ships every writer's records into the database, the running one's first. A database that is away for hours costs
 * waiting, never a record: batches stay where they are, in the spool.
 */

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openPool, type Pool } from '../db/pool.ts'
import type { Clock } from '../lib/clock.ts'
import type { NoteSigner } from '../lib/signed-note.ts'
import type { AuditEvent } from './events.ts'
import { restMs } from './pace.ts'
import type { Progress } from './progress.ts'
import { listWriters } from './recover.ts'
import { registerSigningKey } from './sink.ts'
import { WriterShip } from './writer-ship.ts'

export type ShipOptions = {
  /** The spool folder of all writers. */
  directory: string
  /** The writer of this process; null ships only those that are gone. */
  writer: string | null
  databaseUrl: string
  progress: Progress
  /** Segments stay at least this long after they were last written, unless the spool is above 80 % of `maxBytes` or refuses for want of room. */
  keepMs: number
  maxBytes: number
  /** A transaction without an answer for this long is given up and its outcome read from the cursor. */
  answerTimeoutMs: number
  clock: Clock
  /** Signs this log's heads. */
  signer: NoteSigner
  /** The word of the key before, null for a first key. */
  endorsement: string | null
  /** The log's name in its heads. */
  origin: string
  onEvent: (event: AuditEvent) => void
}

export type ShipStats = {
  /** Requests put into the database by this shipper. */
  shippedRows: number
  /** Records in the running writer's file that the shipper has not settled. */
  lagRecords: number
  /** Age of the oldest finished request that waits for the database; 0 when none does. */
  lagSeconds: number
  /** Writers whose records are not all in the database, the running one included. */
  writers: number
  /** Attempts that failed in a row; 0 when the database answers. */
  failures: number
}

/** A row waits at most this long for company. */
const GATHER_MS = 50
const CLEAN_MS = 5000
const FIRST_RETRY_MS = 250
const MAX_RETRY_MS = 15_000
const PRESSURE_SHARE = 0.8
const MAX_CONNECTIONS = 1

export class Shipper {
  readonly #options: ShipOptions
  readonly #days = new Set<number>()
  readonly #own: WriterShip | null
  #ships: WriterShip[]
  #connection: Pool | null = null
  #failures = 0
  #shippedBefore = 0
  #stop = new AbortController()
  #wake = new AbortController()
  #cleanedMs = 0
  #registered = false

  constructor(options: ShipOptions) {
    this.#options = options
    const { writer } = options
    this.#own = writer === null ? null : this.#ship(writer, options.progress)
    const gone = listWriters(options.directory).filter((name) => name !== writer)
    this.#ships = [...(this.#own === null ? [] : [this.#own]), ...gone.map((name) => this.#ship(name, null))]
  }

  /** Runs until `stop`. Never rejects: what fails is tried again. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      let waitMs = GATHER_MS
      const startedMs = this.#options.clock.monotonicMs()
      try {
        waitMs = (await this.#round()) ? this.#restMs(startedMs) : GATHER_MS
        if (this.#failures > 0) this.#options.onEvent({ event: 'audit.ship_resumed' })
        this.#failures = 0
      } catch (error) {
        waitMs = this.#failed(error)
      }
      if (waitMs > 0) await this.#pause(waitMs)
    }
    for (const ship of this.#ships) ship.close()
    await this.#connection?.close()
  }

  #restMs(startedMs: number): number {
    const { progress, clock } = this.#options
    const workedMs = clock.monotonicMs() - startedMs
    return restMs({ busy: progress.busy, oldestSeconds: this.stats().lagSeconds, workedMs })
  }

  stop(): void {
    this.#stop.abort()
    this.#wake.abort()
  }

  /** Leaves and signed heads of the running writer go on while the database is away. */
  prove(): void {
    // While it stops, its files are closed and stay so.
    if (!this.#stop.signal.aborted) this.#own?.prove()
  }

  /** Ends the current pause. */
  wake(): void {
    this.#wake.abort()
  }

  /** True when every finished request of the running writer below `seq`, and all of the others', is in the database. */
  settled(seq: number): boolean {
    return this.#ships.every((ship) => (ship === this.#own ? ship.settledSeq >= seq : ship.done))
  }

  /** True when every request of the running writer that ended below `seq` is in the database. */
  replicated(seq: number): boolean {
    return this.#own === null || this.#own.settledSeq >= seq
  }

  stats(): ShipStats {
    const { progress, clock } = this.#options
    const waiting = this.#ships.map((ship) => ship.oldestWaitingMs).filter((ms) => ms > 0)
    const oldestMs = waiting.length === 0 ? clock.nowMs() : Math.min(...waiting)
    return {
      shippedRows: this.#shippedBefore + this.#ships.reduce((sum, ship) => sum + ship.shippedRows, 0),
      lagRecords: this.#own === null ? 0 : Math.max(0, progress.committedSeq - this.#own.settledSeq),
      lagSeconds: Math.max(0, clock.nowMs() - oldestMs) / 1000,
      writers: this.#ships.filter((ship) => !ship.done).length,
      failures: this.#failures,
    }
  }

  async #round(): Promise<boolean> {
    let more = false
    const errors: unknown[] = []
    for (const ship of this.#ships) {
      if (this.#stop.signal.aborted) return false
      if (ship.idle) continue
      // One writer's unreadable file must not hold the others back.
      await this.#answered(ship).then(
        (again) => {
          more ||= again
        },
        (error: unknown) => errors.push(error),
      )
    }
    this.#clean()
    if (errors.length > 0) throw errors[0]
    return more
  }

  /** One step with a deadline: a connection that swallows answers is dropped and another one opened. */
  async #answered(ship: WriterShip): Promise<boolean> {
    this.#connection ??= openPool(this.#options.databaseUrl, {
      maxConnections: MAX_CONNECTIONS,
      applicationName: 'aval-ship',
    })
    const deadline = new AbortController()
    const late = sleep(this.#options.answerTimeoutMs, null, { signal: deadline.signal }).then(() => {
      throw new Error(`The database did not answer within ${this.#options.answerTimeoutMs} ms.`)
    })
    const step = this.#register(this.#connection).then((connection) => ship.step(connection))
    try {
      return await Promise.race([step, late])
    } catch (error) {
      // Closed without waiting: a late answer of the old connection changes nothing, the cursor decides.
      ship.abandon()
      step.catch(() => undefined)
      this.#connection.close().catch(() => undefined)
      this.#connection = null
      throw error
    } finally {
      deadline.abort()
      late.catch(() => undefined)
    }
  }

  /** Once: the public key that signs, for whoever verifies later. */
  async #register(connection: Pool): Promise<Pool> {
    if (this.#registered) return connection
    const { signer, endorsement, onEvent } = this.#options
    const verifierKey = signer.key.text
    const isNew = await registerSigningKey(connection.sql, { verifierKey, endorsement })
    this.#registered = true
    if (isNew && endorsement !== null) onEvent({ event: 'audit.signing_key', verifierKey })
    return connection
  }

  #failed(error: unknown): number {
    this.#failures += 1
    const ceiling = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10))
    // Jitter over the upper half: many gateways must not come back to a restarted database at once.
    const retryMs = Math.round(ceiling * (0.5 + Math.random() / 2))
    const message = error instanceof Error ? error.message : String(error)
    this.#options.onEvent({ event: 'audit.ship_failed', message, attempt: this.#failures, retryMs })
    return retryMs
  }

  async #pause(waitMs: number): Promise<void> {
    if (this.#wake.signal.aborted) this.#wake = new AbortController()
    if (this.#stop.signal.aborted) return
    await sleep(waitMs, null, { signal: this.#wake.signal }).catch(() => undefined)
  }

  #clean(): void {
    const { progress, clock, keepMs, maxBytes } = this.#options
    if (clock.monotonicMs() - this.#cleanedMs < CLEAN_MS && this.#cleanedMs > 0) return
    this.#cleanedMs = clock.monotonicMs()
    // Refusing requests in order to keep copies of what the database already has would be the greater harm.
    const pressed = progress.refusing || progress.sealedBytes > maxBytes * PRESSURE_SHARE
    for (const ship of [...this.#ships]) {
      if (!ship.clean(progress, clock.nowMs(), pressed ? 0 : keepMs)) continue
      this.#shippedBefore += ship.shippedRows
      this.#ships = this.#ships.filter((other) => other !== ship)
    }
  }

  #ship(writer: string, live: Progress | null): WriterShip {
    const { directory, clock, signer, origin, onEvent } = this.#options
    const folder = join(directory, writer)
    return new WriterShip({ writer, folder, live, days: this.#days, clock, signer, origin, onEvent })
  }
}
