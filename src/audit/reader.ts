/**
 * Reads one writer's records in order, also while they are being written. It copies nothing: frames are views into
 * buffers that are filled once and again only after `release`. It never hands out a record that the writer has not
 * committed.
 */

import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { decodeFrame, type Frame, seqAfter } from './frames.ts'
import type { Progress } from './progress.ts'
import { listSegments, segmentName } from './segments.ts'

/** Where a frame lies, to read it again later. */
export type FramePlace = { segment: number; offset: number; bytes: number }
export type PlacedFrame = { frame: Frame; place: FramePlace }

const CHUNK_BYTES = 1024 * 1024
const LEAST_READ_BYTES = 128 * 1024
const MAX_DESCRIPTORS = 4
/**
 * Buffers used again, because memory outside the heap makes the collector go through all that is in it: one new
 * megabyte for each megabyte of the log cost 55 of the 200 µs of a request. Also how many a reader may hold on to.
 */
const MAX_HELD = 16
const EMPTY = Buffer.alloc(0)

/** Whole records of a segment in memory: the bytes up to `end`, which stand in the file from `base` on. */
type Chunk = { segment: number; base: number; end: number; bytes: Buffer }

export class WriterReader {
  readonly folder: string
  readonly #live: Progress | null
  readonly #descriptors = new Map<number, number>()
  #segments: number[] = []
  #limitSeq = 0
  #segment = -1
  #offset = 0
  #nextSeq: number
  #chunk: Buffer = EMPTY
  /** Chunks that frames given since the last `release` may be views of; of many, the newest. */
  #full: Chunk[] = []
  readonly #spare: Buffer[] = []
  #at = 0
  #filled = 0

  /**
   * `live` is the progress of a writer that still writes; null for one that has ended. Starts with the segment that
   * holds `fromSeq`, or with the oldest that is kept.
   */
  constructor(folder: string, live: Progress | null, fromSeq = 0) {
    this.folder = folder
    this.#live = live
    this.#segments = listSegments(folder)
    this.#nextSeq = this.#segments.findLast((first) => first <= fromSeq) ?? this.#segments[0] ?? 0
  }

  /** The seq of the record that `next` gives. */
  get nextSeq(): number {
    return this.#nextSeq
  }

  /** Looks how far may be read now. Call it before a series of `next`. The order matters: first the limit, then the files. */
  refresh(): void {
    this.#limitSeq = this.#live?.committedSeq ?? Number.MAX_SAFE_INTEGER
    this.#segments = listSegments(this.folder)
  }

  /** The next committed record, or null when there is none now. Throws when committed bytes cannot be read as one. */
  next(): PlacedFrame | null {
    if (this.#nextSeq >= this.#limitSeq || !this.#enterSegment()) return null
    let decoded = decodeFrame(this.#chunk.subarray(0, this.#filled), this.#at, this.#nextSeq)
    if (decoded.kind !== 'frame') {
      this.#refill(LEAST_READ_BYTES)
      decoded = decodeFrame(this.#chunk.subarray(0, this.#filled), this.#at, this.#nextSeq)
    }
    if (decoded.kind === 'short') {
      this.#refill(decoded.needBytes)
      decoded = decodeFrame(this.#chunk.subarray(0, this.#filled), this.#at, this.#nextSeq)
    }
    if (decoded.kind !== 'frame') {
      if (this.#live === null && decoded.kind === 'end') return null
      throw new Error(
        `${join(this.folder, segmentName(this.#segment))} cannot be read at byte ${this.#offset} (record ${this.#nextSeq}). Restart to repair it.`,
      )
    }
    const { frame } = decoded
    const place = { segment: this.#segment, offset: this.#offset, bytes: frame.bytes }
    this.#at += frame.bytes
    this.#offset += frame.bytes
    this.#nextSeq = seqAfter(frame)
    return { frame, place }
  }

  /** The record at a place that `next` gave before. Throws when its bytes are no longer what they were. */
  load(place: FramePlace): Frame {
    const decoded = decodeFrame(this.#inMemory(place) ?? this.#fromDisk(place), 0, null)
    if (decoded.kind === 'frame') return decoded.frame
    throw new Error(`${join(this.folder, segmentName(place.segment))} has changed at byte ${place.offset}.`)
  }

  /** The frames given until now are done with: their memory may hold others. */
  release(): void {
    if (this.#full.length === 0) return
    for (const { bytes } of this.#full) if (this.#spare.length < MAX_HELD) this.#spare.push(bytes)
    this.#full = []
  }

  /** The frames given until now may be looked at for longer than the next `release`: their memory is never used again. */
  keep(): void {
    this.#full = []
    this.#leaveChunk(false)
  }

  close(): void {
    for (const descriptor of this.#descriptors.values()) closeSync(descriptor)
    this.#descriptors.clear()
  }

  /** Goes on to the segment that begins with the next seq, if there is one. */
  #enterSegment(): boolean {
    if (this.#segment === this.#nextSeq && this.#offset === 0) return true
    if (this.#segments.includes(this.#nextSeq)) {
      this.#leaveChunk(true)
      this.#segment = this.#nextSeq
      this.#offset = 0
    }
    return this.#segment >= 0
  }

  /** Reads from the current place on. Bytes behind it may have been read before they were written: they are dropped. */
  #refill(needBytes: number): void {
    if (this.#chunk.length - this.#at < needBytes) {
      this.#leaveChunk(true)
      const spare = needBytes <= CHUNK_BYTES ? this.#spare.pop() : undefined
      this.#chunk = spare ?? Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, needBytes))
    }
    const descriptor = this.#descriptor(this.#segment)
    this.#filled = this.#at
    while (this.#filled < this.#chunk.length) {
      const room = this.#chunk.length - this.#filled
      const got = readSync(
        descriptor,
        this.#chunk,
        this.#filled,
        room,
        this.#offset + this.#filled - this.#at,
      )
      if (got === 0) break
      this.#filled += got
    }
  }

  #leaveChunk(again: boolean): void {
    if (again && this.#chunk.length === CHUNK_BYTES) {
      if (this.#full.length >= MAX_HELD) this.#full.shift()
      this.#full.push(this.#current())
    }
    this.#chunk = EMPTY
    this.#at = 0
    this.#filled = 0
  }

  #current(): Chunk {
    return {
      segment: this.#segment,
      base: this.#offset - this.#at,
      end: this.#at,
      bytes: this.#chunk,
    }
  }

  /** Its bytes where `next` read them, null when that memory holds something else by now. */
  #inMemory({ segment, offset, bytes }: FramePlace): Buffer | null {
    for (const chunk of [this.#current(), ...this.#full]) {
      const at = offset - chunk.base
      if (chunk.segment !== segment || at < 0 || at + bytes > chunk.end) continue
      return chunk.bytes.subarray(at, at + bytes)
    }
    return null
  }

  #fromDisk({ segment, offset, bytes }: FramePlace): Buffer {
    const target = Buffer.allocUnsafe(bytes)
    readSync(this.#descriptor(segment), target, 0, bytes, offset)
    return target
  }

  #descriptor(segment: number): number {
    const known = this.#descriptors.get(segment)
    if (known !== undefined) return known
    const oldest = this.#descriptors.keys().next()
    if (this.#descriptors.size >= MAX_DESCRIPTORS && !oldest.done) {
      closeSync(this.#descriptors.get(oldest.value) ?? -1)
      this.#descriptors.delete(oldest.value)
    }
    const descriptor = openSync(join(this.folder, segmentName(segment)), 'r')
    this.#descriptors.set(segment, descriptor)
    return descriptor
  }
}
