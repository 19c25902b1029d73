/**
 * Ships one writer's records: gathers finished requests into batches, commits each with the cursor, and deletes what
 * is in the database and old enough. After any doubt it reads the cursor before it writes again.
 */

import { rmSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Pool } from '../db/pool.ts'
import type { Clock } from '../lib/clock.ts'
import type { NoteSigner } from '../lib/signed-note.ts'
import { CopyBuffer } from './copy-encoding.ts'
import type { AuditEvent } from './events.ts'
import { ShipEvidence } from './evidence/ship-evidence.ts'
import { type Frame, RECORD_TYPES } from './frames.ts'
import { eventOf, Pairing, type ShipEvent, type ShipRow } from './pairing.ts'
import type { Progress } from './progress.ts'
import { WriterReader } from './reader.ts'
import { isAboutValues, isReduced, reduce } from './refused-values.ts'
import { listSegments, segmentName } from './segments.ts'
import {
  type Batch,
  type Cursor,
  CursorMovedError,
  commitBatch,
  insertCheckpoints,
  openCursor,
  preparePartitions,
} from './sink.ts'

export type WriterShipSetup = {
  writer: string
  folder: string
  /** Progress of the writer that still writes, null for one that is gone. */
  live: Progress | null
  days: Set<number>
  clock: Clock
  /** Signs this log's heads. */
  signer: NoteSigner
  /** The log's name in its heads. */
  origin: string
  onEvent: (event: AuditEvent) => void
}

/** More rows make the transaction longer without making it cheaper per row. */
const MAX_ROWS = 500
const MAX_BYTES = 16 * 1024 * 1024

export class WriterShip {
  readonly #setup: WriterShipSetup
  #reader: WriterReader
  #pairing: Pairing
  #cursorSeq = 0
  #attempt = 0
  #certain = false
  #loaded = false
  #sealed = false
  /** The oldest first; more than one only after a batch was split. */
  #batches: Batch[] = []
  #lastGatherFull = false
  #oldestMs = 0
  #shippedRows = 0
  #copyBuffer = new CopyBuffer()
  readonly #evidence: ShipEvidence

  constructor(setup: WriterShipSetup) {
    this.#setup = setup
    this.#evidence = new ShipEvidence(setup)
    this.#reader = new WriterReader(setup.folder, setup.live)
    this.#pairing = this.#newPairing()
  }

  /** True when this writer has ended and everything of it is in the database. */
  get done(): boolean {
    return this.#sealed && this.#batches.length === 0
  }

  /** True when there is nothing to do for it but to delete it in time. */
  get idle(): boolean {
    return this.done && this.#evidence.allShipped
  }

  get shippedRows(): number {
    return this.#shippedRows
  }

  /** Wall time of the oldest record that waits for the database; 0 when none does. */
  get oldestWaitingMs(): number {
    return this.#batches.length > 0 ? this.#oldestMs : 0
  }

  /** Every record below this seq needs nothing more from the database now. */
  get settledSeq(): number {
    return this.#batches[0]?.fromSeq ?? (this.#loaded ? this.#reader.nextSeq : 0)
  }

  /**
   * One batch at most. Returns true when more is likely to be waiting. Throws what the database or the disk says; the
   * batch is kept, and the next call first finds out whether it is in the database after all.
   */
  async step(connection: Pool): Promise<boolean> {
    const attempt = this.#attempt
    if (!this.#certain) {
      const cursor = await openCursor(connection.sql, this.#setup.writer)
      this.#checkAttempt(attempt)
      this.#makeCertain(cursor)
    }
    if (this.done) return await this.#shipHeads(connection)
    if (this.#batches.length === 0) this.#gatherOrReset()
    const batch = this.#batches[0]
    if (batch === undefined) return await this.#shipHeads(connection)
    await this.#prepareDays(connection, batch.rows)
    this.#checkAttempt(attempt)
    const evidence = this.#evidence.of(batch)
    this.#certain = false
    try {
      await commitBatch(connection, batch, evidence, this.#copyBuffer)
      this.#checkAttempt(attempt)
    } catch (error) {
      this.#checkAttempt(attempt)
      this.#copyBuffer = new CopyBuffer()
      if (error instanceof CursorMovedError) return true
      if (!isAboutValues(error)) throw error
      this.#certain = true
      this.#split(batch, error)
      return true
    }
    this.#certain = true
    this.#evidence.shipped(evidence.checkpoints)
    this.#settle(batch)
    return this.#batches.length > 0 || this.#lastGatherFull
  }

  /** Leaves and heads go on while the database is away; call it a few times a second. */
  prove(): void {
    this.#evidence.tick()
  }

  /**
   * Deletes segments whose records are all in the database and closed, oldest first, when they are older than `keepMs`
   * or room is needed. Returns true when nothing of this writer is left.
   */
  clean(progress: Progress, nowMs: number, keepMs: number): boolean {
    if (!this.#loaded && !this.#sealed) return false
    const { folder, live } = this.#setup
    const segments = listSegments(folder)
    const needed = this.#pairing.oldestSegment
    for (const [index, segment] of segments.entries()) {
      const nextSegment = segments[index + 1]
      const shipped = nextSegment === undefined ? this.done && live === null : nextSegment <= this.#cursorSeq
      if (
        !shipped ||
        !this.#evidence.covers(nextSegment ?? this.#cursorSeq) ||
        (segment >= needed && !this.done)
      )
        return false
      const path = join(folder, segmentName(segment))
      const { mtimeMs, size } = statSync(path)
      if (nowMs - mtimeMs < keepMs) return false
      unlinkSync(path)
      progress.addSealedBytes(-size)
    }
    if (live !== null || !this.#evidence.allShipped) return false
    this.close()
    rmSync(folder, { recursive: true, force: true })
    return true
  }

  close(): void {
    this.#reader.close()
    this.#evidence.close()
  }

  /** Gives up waiting for the step under way: whatever it still learns is ignored, and the cursor is read next. */
  abandon(): void {
    this.#attempt += 1
    this.#certain = false
    // It may still look at the batch when the next step has settled it.
    this.#reader.keep()
    this.#copyBuffer = new CopyBuffer()
  }

  #checkAttempt(attempt: number): void {
    if (attempt !== this.#attempt) throw new Error('This attempt was given up.')
  }

  #makeCertain(cursor: Cursor): void {
    const batch = this.#batches[0]
    if (this.#loaded && batch !== undefined && cursor.nextSeq === batch.toSeq) this.#settle(batch)
    else if (this.#loaded && cursor.nextSeq !== this.#cursorSeq) {
      const { writer, onEvent } = this.#setup
      onEvent({ event: 'audit.cursor_moved', writer, expected: this.#cursorSeq, found: cursor.nextSeq })
      this.#reset()
    }
    this.#sealed = cursor.sealed
    this.#certain = true
    if (!this.#loaded) this.#load(cursor.nextSeq)
  }

  /** Forgets what was read; the next step starts from the cursor again. */
  #reset(): void {
    this.#reader.close()
    this.#reader = new WriterReader(this.#setup.folder, this.#setup.live)
    this.#batches = []
    this.#loaded = false
    this.#certain = false
  }

  /** Walks what is kept of the shipped records, to find the requests that were still open at the cursor. */
  #load(cursorSeq: number): void {
    this.#cursorSeq = cursorSeq
    this.#batches = []
    this.#pairing = this.#newPairing()
    if (!this.#sealed) {
      this.#reader.refresh()
      while (this.#reader.nextSeq < cursorSeq) {
        const placed = this.#reader.next()
        if (placed === null) break
        this.#pairing.remember(placed)
        this.#reader.release()
      }
    }
    this.#loaded = true
  }

  /** A read that fails halfway must not leave rows behind that no batch holds. */
  #gatherOrReset(): void {
    try {
      this.#gather()
    } catch (error) {
      this.#reset()
      throw error
    }
  }

  /** Heads that were signed after the last batch. False: nothing more waits. */
  async #shipHeads(connection: Pool): Promise<boolean> {
    const checkpoints = this.#evidence.pending(this.#cursorSeq)
    if (checkpoints.length === 0) return false
    await insertCheckpoints(connection.sql, this.#setup.writer, checkpoints)
    this.#evidence.shipped(checkpoints)
    return false
  }

  #gather(): void {
    const rows: ShipRow[] = []
    const events: ShipEvent[] = []
    let bytes = 0
    let sealed = false
    this.#reader.release()
    this.#reader.refresh()
    while (rows.length < MAX_ROWS && events.length < MAX_ROWS && bytes < MAX_BYTES) {
      const placed = this.#reader.next()
      if (placed === null) break
      if (placed.frame.type === RECORD_TYPES.seal) sealed = true
      const event = eventOf(placed.frame)
      if (event !== null) {
        events.push(event)
        continue
      }
      const row = this.#pairing.accept(placed)
      if (row === null) continue
      if (rows.length === 0) this.#oldestMs = placed.frame.wallMs
      rows.push(row)
      bytes += row.requestBody.length + row.responseBody.length
    }
    this.#lastGatherFull = rows.length >= MAX_ROWS || events.length >= MAX_ROWS || bytes >= MAX_BYTES
    // Without a finished request the cursor can stay: reading a few records again costs nothing.
    if (rows.length === 0 && events.length === 0) return
    const { writer } = this.#setup
    const openSeqs = this.#pairing.openSeqs()
    const toSeq = this.#reader.nextSeq
    this.#batches = [{ writer, fromSeq: this.#cursorSeq, toSeq, sealed, rows, events, openSeqs }]
  }

  #settle(batch: Batch): void {
    this.#batches.shift()
    this.#cursorSeq = batch.toSeq
    this.#sealed = batch.sealed
    this.#shippedRows += batch.rows.length
  }

  /** The database refuses a value. Halving finds the row; alone, it goes in without what may be refused. */
  #split(batch: Batch, error: unknown): void {
    const { writer, onEvent } = this.#setup
    const [row] = batch.rows
    if (batch.rows.length === 1 && row !== undefined) {
      const reduced = reduce(row)
      if (isReduced(row)) throw error
      onEvent({ event: 'audit.row_reduced', writer, seq: row.seq, message: String(error) })
      this.#batches[0] = { ...batch, rows: [reduced] }
      return
    }
    if (batch.rows.length === 0) throw error
    const half = Math.ceil(batch.rows.length / 2)
    const middle = (batch.rows[half - 1]?.seq ?? batch.fromSeq) + 1
    const isEarly = ({ seq }: ShipEvent) => seq < middle
    const first = {
      ...batch,
      toSeq: middle,
      sealed: false,
      rows: batch.rows.slice(0, half),
      events: batch.events.filter(isEarly),
    }
    const second = {
      ...batch,
      fromSeq: middle,
      rows: batch.rows.slice(half),
      events: batch.events.filter((event) => !isEarly(event)),
    }
    this.#batches.splice(0, 1, first, second)
  }

  async #prepareDays(connection: Pool, rows: readonly ShipRow[]): Promise<void> {
    try {
      await preparePartitions(connection, rows, this.#setup.days)
    } catch (error) {
      // The rows go to the DEFAULT partition and move when the day gets its own; a dead connection shows at once again.
      const message = `No partition yet: ${error instanceof Error ? error.message : String(error)}`
      this.#setup.onEvent({ event: 'audit.ship_failed', message, attempt: 0, retryMs: 0 })
    }
  }

  #newPairing(): Pairing {
    const missing = ({ seq, id }: Frame) =>
      this.#setup.onEvent({ event: 'audit.open_missing', writer: this.#setup.writer, seq, id })
    return new Pairing((place) => this.#reader.load(place), missing)
  }
}
