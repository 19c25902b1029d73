/**
 * One writer's leaves: computed from the records as they stand in the files, kept in `leaves` beside the segments, and
 * summed up as a chain and a Merkle tree. It reads what was written rather than trusting what was meant to be written,
 * and it never waits for the database.
 */

import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { chainHead, chainStart } from '../../lib/hash-chain.ts'
import { CompactRange } from '../../lib/merkle.ts'
import { HASH_BYTES } from '../../lib/sha256.ts'
import { type Frame, RECORD_TYPES, seqAfter } from '../frames.ts'
import type { Progress } from '../progress.ts'
import { WriterReader } from '../reader.ts'
import { leafOf, trailEntry } from '../trail.ts'

const LEAVES_FILE = 'leaves'
/** Leaves written at once; also how far one step goes before others get the thread. */
const STEP_LEAVES = 4096
const READ_BYTES = 1024 * 1024

export type ChainHead = { size: number; root: Buffer; head: Buffer }

export class WriterChain {
  readonly #reader: WriterReader
  readonly #descriptor: number
  readonly #range = new CompactRange()
  readonly #step = Buffer.alloc(STEP_LEAVES * HASH_BYTES)
  #head = chainStart()
  /** Leaves that a former process wrote, in bytes: what they say of records that can no longer be read. */
  #formerBytes: number

  /**
   * `live` is the progress of a writer that still writes, null for one that has ended. Of the latter the first
   * `syncedSize` leaves are on the disk for certain; later ones are computed again, because after a power cut a file may
   * hold less than its length says. Throws when leaves are missing whose records are gone.
   */
  constructor(folder: string, live: Progress | null, syncedSize: number) {
    this.#descriptor = openSync(join(folder, LEAVES_FILE), 'a+')
    const bytes = fstatSync(this.#descriptor).size
    this.#formerBytes = bytes - (bytes % HASH_BYTES)
    const former = this.#formerBytes / HASH_BYTES
    const trusted = live === null ? Math.min(former, syncedSize) : former
    this.#reader = new WriterReader(folder, live, trusted)
    if (this.#reader.nextSeq > trusted) {
      closeSync(this.#descriptor)
      throw new Error(
        `${join(folder, LEAVES_FILE)} has ${trusted} leaves, and the records after them are gone.`,
      )
    }
    this.#take(trusted)
  }

  /** Leaves so far: every record below this number has one. */
  get size(): number {
    return this.#range.size
  }

  /** Goes on to the newest committed record, at most one step; true when there may be more. Throws on damage. */
  advance(): boolean {
    this.#reader.refresh()
    let count = 0
    while (count < STEP_LEAVES) {
      const placed = this.#reader.next()
      if (placed === null) break
      if (seqAfter(placed.frame) <= this.#range.size) continue
      count = this.#place(placed.frame, count)
      this.#reader.release()
    }
    this.#append(count)
    return count >= STEP_LEAVES
  }

  /** The head as it is now. */
  current(): ChainHead {
    return { size: this.#range.size, root: this.#range.root(), head: this.#head }
  }

  /** The leaf hashes from `fromSeq` up to, not including, `toSeq`. */
  leaves(fromSeq: number, toSeq: number): Buffer {
    const leaves = Buffer.allocUnsafe((toSeq - fromSeq) * HASH_BYTES)
    readFully(this.#descriptor, leaves, fromSeq * HASH_BYTES)
    return leaves
  }

  sync(): void {
    fdatasyncSync(this.#descriptor)
  }

  close(): void {
    this.#reader.close()
    closeSync(this.#descriptor)
  }

  /** Puts the frame's leaf into the step; a GAP has one for each number that it swallowed. */
  #place(frame: Frame, at: number): number {
    const leaf = leafOf(trailEntry(frame), frame.id, frame.meta)
    if (frame.type !== RECORD_TYPES.gap) {
      leaf.copy(this.#step, at * HASH_BYTES)
      return at + 1
    }
    let next = at
    for (let seq = frame.seq; seq < seqAfter(frame); seq += 1) {
      if (next === STEP_LEAVES) {
        this.#append(next)
        next = 0
      }
      // What was once computed from the record itself is the truth about it, and may be signed already.
      const former = this.#former(seq)
      const known = former ?? leaf
      known.copy(this.#step, next * HASH_BYTES)
      next += 1
    }
    return next
  }

  #former(seq: number): Buffer | null {
    if ((seq + 1) * HASH_BYTES > this.#formerBytes) return null
    const leaf = Buffer.alloc(HASH_BYTES)
    readFully(this.#descriptor, leaf, seq * HASH_BYTES)
    return leaf.equals(NO_LEAF) ? null : leaf
  }

  #append(count: number): void {
    if (count === 0) return
    const bytes = this.#step.subarray(0, count * HASH_BYTES)
    const at = this.#range.size * HASH_BYTES
    if (at < this.#formerBytes) this.#replace(bytes, at)
    else writeFully(this.#descriptor, bytes)
    this.#sum(bytes)
  }

  /** Where a former process wrote: the same bytes almost always, and then there is nothing to do. */
  #replace(bytes: Buffer, at: number): void {
    const overlap = Math.min(bytes.length, this.#formerBytes - at)
    const former = Buffer.alloc(overlap)
    readFully(this.#descriptor, former, at)
    if (former.equals(bytes.subarray(0, overlap))) {
      if (overlap < bytes.length) writeFully(this.#descriptor, bytes.subarray(overlap))
      return
    }
    // Torn by a power cut. The file is only ever appended to, so the rest is computed again from the records.
    ftruncateSync(this.#descriptor, at)
    this.#formerBytes = at
    writeFully(this.#descriptor, bytes)
  }

  /** Sums up the first `count` leaves of the file, whose records are no longer here. */
  #take(count: number): void {
    const total = count * HASH_BYTES
    for (let at = 0; at < total; at += READ_BYTES) {
      const bytes = Buffer.alloc(Math.min(READ_BYTES, total - at))
      readFully(this.#descriptor, bytes, at)
      this.#sum(bytes)
    }
  }

  #sum(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += HASH_BYTES) this.#range.append(bytes, at)
    this.#head = chainHead(this.#head, bytes)
  }
}

const NO_LEAF = Buffer.alloc(HASH_BYTES)

function readFully(descriptor: number, target: Buffer, position: number): void {
  let got = 0
  while (got < target.length) {
    const read = readSync(descriptor, target, got, target.length - got, position + got)
    if (read === 0) throw new Error(`The leaves end at byte ${position + got}; more were expected.`)
    got += read
  }
}

function writeFully(descriptor: number, bytes: Buffer): void {
  let written = 0
  while (written < bytes.length) written += writeSync(descriptor, bytes, written, bytes.length - written)
}
