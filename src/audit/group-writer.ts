/**
 * Group commit: everything appended within one turn of the event loop is encoded into one buffer and written by one
 * write(2); the promises resolve after it. It never resolves for a record that is not in the file.
 */

import type { Clock } from '../lib/clock.ts'
import { isFull } from './events.ts'
import {
  decodeFrame,
  encodeHead,
  FLAG_BODY_CUT,
  type Frame,
  frameRoom,
  isEventType,
  MAX_BODY_BYTES,
  RECORD_TYPES,
  type RecordType,
  renumberFrame,
  sealFrame,
} from './frames.ts'
import type { Progress } from './progress.ts'
import type { Segments } from './segments.ts'

type GroupWriterSetup = {
  segments: Segments
  progress: Progress
  clock: Clock
  /** After each write that succeeded. */
  onCommit: () => void
  /** A write failed; called before what may still be saved is tried again. */
  onFailure: (error: unknown, again: boolean) => void
  /** This record is not in the file and will not be. The frame's views are valid only during the call. */
  onRefused: (frame: Frame) => void
  /** The error that callers of refused records get. */
  unavailable: (cause: unknown) => Error
}

type Waiting = PromiseWithResolvers<void>

const STAGING_BYTES = 1024 * 1024
const EMPTY = Buffer.alloc(0)

export class GroupWriter {
  readonly #setup: GroupWriterSetup
  readonly #staging = Buffer.allocUnsafeSlow(STAGING_BYTES)
  #used = 0
  #firstSeq = 0
  #nextSeq = 0
  #scheduled = false
  #intents: Waiting | null = null
  #endings: Waiting | null = null

  constructor(setup: GroupWriterSetup) {
    this.#setup = setup
  }

  /**
   * Stages one record. All intents (OPEN, WHOLE, events) of a turn share one promise and all endings another, because a full
   * disk refuses the first and still takes the second. A PART has none: its failure shows through `onRefused`.
   */
  append(
    type: RecordType,
    id: string,
    meta: string,
    firstBody: Buffer,
    second: Buffer,
    givenFlags = 0,
  ): Promise<void> {
    const first = firstBody.length > MAX_BODY_BYTES ? firstBody.subarray(0, MAX_BODY_BYTES) : firstBody
    const flags = first === firstBody ? givenFlags : givenFlags | FLAG_BODY_CUT
    const room = frameRoom(id, meta, first.length + second.length)
    if (this.#used + room > STAGING_BYTES) this.flush()
    if (room > STAGING_BYTES) return this.#writeThrough(type, flags, id, meta, first, second)
    const at = this.#used
    let end = encodeHead(this.#staging, at, this.#stamp(type, flags), id, meta, first.length, second.length)
    if (first.length > 0) end += first.copy(this.#staging, end)
    if (second.length > 0) end += second.copy(this.#staging, end)
    sealFrame(this.#staging, at, end)
    this.#used = end
    this.#nextSeq += 1
    if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(this.#turn)
    }
    return this.#waiting(type)
  }

  /** Writes what is staged now. */
  flush(): void {
    if (this.#used === 0) return
    const intents = this.#intents
    const endings = this.#endings
    this.#intents = null
    this.#endings = null
    try {
      this.#writeStaged()
    } catch (error) {
      this.#rescue(error, intents, endings)
      return
    }
    intents?.resolve()
    endings?.resolve()
  }

  /** Writes what is staged and goes on in a new segment. Throws when the disk refuses the new file. */
  rotate(): void {
    this.flush()
    this.#setup.segments.rotate(this.#firstSeq)
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    this.flush()
  }

  #stamp(type: RecordType, flags: number) {
    const { clock } = this.#setup
    return { type, flags, seq: this.#nextSeq, monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() }
  }

  #waiting(type: RecordType): Promise<void> {
    if (type === RECORD_TYPES.open || type === RECORD_TYPES.whole || isEventType(type)) {
      this.#intents ??= Promise.withResolvers<void>()
      return this.#intents.promise
    }
    if (type === RECORD_TYPES.part) return WRITTEN
    this.#endings ??= Promise.withResolvers<void>()
    return this.#endings.promise
  }

  #writeStaged(): void {
    if (this.#used > 0) {
      this.#setup.segments.append([this.#staging.subarray(0, this.#used)], this.#used, this.#firstSeq)
    }
    this.#committed()
  }

  #committed(): void {
    const { progress, onCommit } = this.#setup
    this.#used = 0
    this.#firstSeq = this.#nextSeq
    progress.committedSeq = this.#nextSeq
    progress.markDirty()
    onCommit()
  }

  /**
   * The turn's write failed. A full disk: endings go through on the room the ballast gives up. Anything else: all of
   * it once more in a new segment. What then still fails is refused, and its seqs are used again.
   */
  #rescue(failure: unknown, intents: Waiting | null, endings: Waiting | null): void {
    let error = failure
    if (!isFull(error)) {
      try {
        this.#setup.onFailure(error, true)
        this.#setup.segments.seal()
        this.#writeStaged()
        intents?.resolve()
        endings?.resolve()
        return
      } catch (second) {
        error = second
      }
    }
    this.#setup.onFailure(error, false)
    this.#refuse((type) => type !== RECORD_TYPES.close)
    intents?.reject(this.#setup.unavailable(error))
    try {
      this.#writeStaged()
      endings?.resolve()
    } catch (last) {
      this.#refuse(() => true)
      this.#setup.onFailure(last, false)
      endings?.reject(this.#setup.unavailable(last))
    }
  }

  /** Takes the named kinds out of the staged turn and closes the ranks. */
  #refuse(isRefused: (type: number) => boolean): void {
    const staged = this.#staging.subarray(0, this.#used)
    const cutShort = new Set<string>()
    let to = 0
    let seq = this.#firstSeq
    for (let at = 0; at < staged.length; ) {
      const decoded = decodeFrame(staged, at, null)
      if (decoded.kind !== 'frame') throw new Error(`The staged turn is damaged at byte ${at}.`)
      const { type, id, bytes } = decoded.frame
      if (isRefused(type)) {
        if (type === RECORD_TYPES.part) cutShort.add(id)
        this.#setup.onRefused(decoded.frame)
      } else {
        staged.copyWithin(to, at, at + bytes)
        renumberFrame(staged, to, seq, cutShort.has(id))
        to += bytes
        seq += 1
      }
      at += bytes
    }
    this.#used = to
    this.#nextSeq = seq
  }

  /** A record larger than the staging buffer goes to the file at once and uncopied. The staged ones were just written. */
  #writeThrough(
    type: RecordType,
    flags: number,
    id: string,
    meta: string,
    first: Buffer,
    second: Buffer,
  ): Promise<void> {
    const head = Buffer.allocUnsafe(frameRoom(id, meta, 0))
    const end = encodeHead(head, 0, this.#stamp(type, flags), id, meta, first.length, second.length)
    sealFrame(head, 0, end, [first, second])
    const pieces = [head.subarray(0, end), first, second]
    try {
      this.#writeLarge(pieces, end + first.length + second.length)
      return WRITTEN
    } catch (error) {
      this.#setup.onFailure(error, false)
      if (type === RECORD_TYPES.close) {
        // The ending matters more than the text: without its body it fits where the ballast was.
        return this.append(type, id, JSON.stringify({ ...JSON.parse(meta), truncated: true }), EMPTY, EMPTY)
      }
      const decoded = decodeFrame(Buffer.concat(pieces), 0, null)
      if (decoded.kind === 'frame') this.#setup.onRefused(decoded.frame)
      return type === RECORD_TYPES.part ? WRITTEN : Promise.reject(this.#setup.unavailable(error))
    }
  }

  #writeLarge(pieces: readonly Buffer[], totalBytes: number): void {
    const { segments, onFailure } = this.#setup
    try {
      segments.append(pieces, totalBytes, this.#nextSeq)
    } catch (error) {
      if (isFull(error)) throw error
      onFailure(error, true)
      segments.seal()
      segments.append(pieces, totalBytes, this.#nextSeq)
    }
    this.#nextSeq += 1
    this.#committed()
  }
}

const WRITTEN = Promise.resolve()
