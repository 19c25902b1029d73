/**
 * The files of one writer: `<first seq>.wal`, written at the end only, the next one prepared ahead of time, and the
 * ballast that is given up when the disk is full. Knows nothing of records; every failure is thrown, never hidden.
 */

import * as nodeFs from 'node:fs'
import { join } from 'node:path'
import type { Progress } from './progress.ts'
import { PREPARED_STATES } from './progress.ts'

/** What the spool uses of node:fs; a test passes one that fails. */
export type SpoolFs = Pick<
  typeof nodeFs,
  'openSync' | 'writeSync' | 'ftruncateSync' | 'closeSync' | 'renameSync' | 'unlinkSync' | 'mkdirSync'
>

export const PREPARED_FILE = 'next.prepared'
export const BALLAST_FILE = 'ballast'
export const BALLAST_BYTES = 16 * 1024 * 1024
const SEQ_DIGITS = 16

/** `0000000000000042.wal`: zero-padded, so that names sort like numbers. */
export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(SEQ_DIGITS, '0')}.wal`
}

/** The first seq in a segment's name, null when the name is not a segment's. */
function segmentSeq(name: string): number | null {
  return /^\d{16}\.wal$/.test(name) ? Number(name.slice(0, SEQ_DIGITS)) : null
}

/** The first seqs of a writer's segments in order. An absent folder has none. */
export function listSegments(folder: string): number[] {
  let names: string[]
  try {
    names = nodeFs.readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return names
    .map(segmentSeq)
    .filter((seq) => seq !== null)
    .sort((a, b) => a - b)
}

/** Bytes of all finished segments below `spoolFolder`, of every writer. */
export function measureSpool(spoolFolder: string): number {
  let total = 0
  for (const writer of nodeFs.readdirSync(spoolFolder, { withFileTypes: true })) {
    if (!writer.isDirectory()) continue
    for (const seq of listSegments(join(spoolFolder, writer.name))) {
      total += nodeFs.statSync(join(spoolFolder, writer.name, segmentName(seq))).size
    }
  }
  return total
}

type Segment = {
  firstSeq: number
  path: string
  descriptor: number
  usedBytes: number
  capacityBytes: number
}

type SegmentsSetup = {
  folder: string
  segmentBytes: number
  fs: SpoolFs
  progress: Progress
  /** Called with the path of each new segment, for the sync thread. */
  onSegment: (path: string) => void
}

export class Segments {
  readonly #setup: SegmentsSetup
  readonly #ballastPath: string
  #current: Segment | null = null

  constructor(setup: SegmentsSetup) {
    this.#setup = setup
    this.#ballastPath = join(setup.folder, BALLAST_FILE)
    setup.fs.mkdirSync(setup.folder, { recursive: true })
  }

  /** Bytes of records in the segment being written. */
  get usedBytes(): number {
    return this.#current?.usedBytes ?? 0
  }

  /**
   * Appends the buffers as one piece whose first record is `firstSeq`. On an error nothing of it remains in the
   * file: the segment is cut back, or given up when even that fails (readers stop where the next segment's name begins).
   */
  append(buffers: readonly Buffer[], totalBytes: number, firstSeq: number): void {
    const segment = this.#roomFor(totalBytes, firstSeq)
    const { fs } = this.#setup
    let position = segment.usedBytes
    try {
      for (const buffer of buffers) {
        // A short write is not an error yet: the next call tells why.
        let written = 0
        while (written < buffer.length) {
          written += fs.writeSync(
            segment.descriptor,
            buffer,
            written,
            buffer.length - written,
            position + written,
          )
        }
        position += buffer.length
      }
    } catch (error) {
      this.#cutBack(segment)
      throw error
    }
    segment.usedBytes = position
  }

  /** Finishes the current segment, so that the next append starts a new file. */
  seal(): void {
    const segment = this.#current
    if (segment === null) return
    this.#current = null
    this.#setup.progress.addSealedBytes(segment.usedBytes)
    const { fs } = this.#setup
    try {
      // Gives the preallocated rest back. A failure leaves zeros or a torn tail, which readers know.
      fs.ftruncateSync(segment.descriptor, segment.usedBytes)
    } finally {
      fs.closeSync(segment.descriptor)
    }
  }

  /**
   * Finishes the current segment and begins the next, empty one at once. Only a segment that another one follows is
   * known to be whole, so this is what lets a shipper delete it while nothing is appended. Needs no room for data.
   */
  rotate(firstSeq: number): void {
    if (this.usedBytes === 0) return
    this.seal()
    this.#current = this.#create(firstSeq)
  }

  /** Takes the 16 MiB that are given up when the disk is full. Throws what the disk says; leaves nothing half-made. */
  takeBallast(): void {
    const { fs } = this.#setup
    const descriptor = fs.openSync(this.#ballastPath, 'w')
    try {
      const zeros = Buffer.alloc(1024 * 1024)
      for (let at = 0; at < BALLAST_BYTES; at += zeros.length) {
        let written = 0
        while (written < zeros.length) {
          written += fs.writeSync(descriptor, zeros, written, zeros.length - written, at + written)
        }
      }
    } catch (error) {
      fs.closeSync(descriptor)
      this.releaseBallast()
      throw error
    }
    fs.closeSync(descriptor)
  }

  /** Gives the ballast's and the prepared segment's room to whoever writes next. */
  releaseBallast(): void {
    this.#unlink(this.#ballastPath)
    if (this.#setup.progress.prepared !== PREPARED_STATES.none) {
      this.#setup.progress.prepared = PREPARED_STATES.none
      this.#unlink(join(this.#setup.folder, PREPARED_FILE))
    }
  }

  #roomFor(bytes: number, firstSeq: number): Segment {
    const current = this.#current
    if (current !== null && (current.usedBytes === 0 || current.usedBytes + bytes <= current.capacityBytes)) {
      return current
    }
    this.seal()
    this.#current = this.#create(firstSeq)
    return this.#current
  }

  #create(firstSeq: number): Segment {
    const { fs, folder, progress, segmentBytes, onSegment } = this.#setup
    const path = join(folder, segmentName(firstSeq))
    let descriptor: number | null = null
    if (progress.prepared === PREPARED_STATES.ready) {
      progress.prepared = PREPARED_STATES.none
      fs.renameSync(join(folder, PREPARED_FILE), path)
      descriptor = fs.openSync(path, 'r+')
    }
    // 'w' also replaces what a failed attempt at this very seq left behind; nothing in it was acknowledged.
    descriptor ??= fs.openSync(path, 'w')
    onSegment(path)
    return { firstSeq, path, descriptor, usedBytes: 0, capacityBytes: segmentBytes }
  }

  #cutBack(segment: Segment): void {
    const { fs } = this.#setup
    try {
      fs.ftruncateSync(segment.descriptor, segment.usedBytes)
    } catch {
      // The device refuses even that: leave the file as it is and go on in another one.
      this.#current = null
      this.#setup.progress.addSealedBytes(segment.usedBytes)
      fs.closeSync(segment.descriptor)
    }
  }

  #unlink(path: string): void {
    try {
      this.#setup.fs.unlinkSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}
