/**
 * The few numbers the gateway's thread, the sync thread and the ship thread share. Single words with one writer
 * each, so that nobody ever waits for anybody; never a lock.
 */

const COMMITTED = 0
const SYNCED = 1
const SEALED_BYTES = 2
const SYNC_STARTED_US = 3
const WIDE = 4

const DIRTY = 0
const PREPARED = 1
const STOP = 2
const BUSY = 3
const URGENT = 4
const REFUSING = 5
const AWAITED = 6
const WORDS = 7

export const PREPARED_STATES = { none: 0, ready: 1, failed: 2 } as const

export class Progress {
  readonly memory: SharedArrayBuffer
  readonly #wide: BigInt64Array
  readonly #words: Int32Array

  /** Without `memory` a new block is made; pass `progress.memory` to a worker and wrap it there. */
  constructor(memory = new SharedArrayBuffer(WIDE * 8 + WORDS * 4)) {
    this.memory = memory
    this.#wide = new BigInt64Array(memory, 0, WIDE)
    this.#words = new Int32Array(memory, WIDE * 8, WORDS)
  }

  /** Every record below this seq is in the file (write returned). Written by the spool. */
  get committedSeq(): number {
    return Number(Atomics.load(this.#wide, COMMITTED))
  }
  set committedSeq(seq: number) {
    Atomics.store(this.#wide, COMMITTED, BigInt(seq))
  }

  /** Every record below this seq survives a power cut. Written by the sync thread. */
  get syncedSeq(): number {
    return Number(Atomics.load(this.#wide, SYNCED))
  }
  set syncedSeq(seq: number) {
    Atomics.store(this.#wide, SYNCED, BigInt(seq))
  }

  /** Asks the sync thread for a round at once, and for word when it is done. */
  hurrySync(): void {
    Atomics.store(this.#words, AWAITED, 1)
    Atomics.store(this.#words, URGENT, 1)
    Atomics.notify(this.#words, URGENT)
    this.markDirty()
  }

  /** Whether somebody waits for the next round; asked once by the sync thread before it. */
  takeAwaited(): boolean {
    return Atomics.exchange(this.#words, AWAITED, 0) === 1
  }

  /** Rests the sync thread for up to `timeoutMs`, less when somebody waits. */
  restUnlessUrgent(timeoutMs: number): void {
    if (timeoutMs > 0) Atomics.wait(this.#words, URGENT, 0, timeoutMs)
    Atomics.store(this.#words, URGENT, 0)
  }

  /** When the last finished fdatasync began, on `process.hrtime`'s clock. Written by the sync thread. */
  get syncStartedMs(): number {
    return Number(Atomics.load(this.#wide, SYNC_STARTED_US)) / 1000
  }
  set syncStartedMs(ms: number) {
    Atomics.store(this.#wide, SYNC_STARTED_US, BigInt(Math.round(ms * 1000)))
  }

  /** Bytes of finished segments of all writers: the spool adds, the shipper subtracts what it deletes. */
  get sealedBytes(): number {
    return Number(Atomics.load(this.#wide, SEALED_BYTES))
  }
  addSealedBytes(bytes: number): void {
    Atomics.add(this.#wide, SEALED_BYTES, BigInt(bytes))
  }

  /** Tells the sync thread that there is something to sync; wakes it only when it sleeps. */
  markDirty(): void {
    if (Atomics.exchange(this.#words, DIRTY, 1) === 0) Atomics.notify(this.#words, DIRTY)
  }
  clearDirty(): boolean {
    return Atomics.exchange(this.#words, DIRTY, 0) === 1
  }
  /** Sleeps the calling worker thread until something is dirty. Never call it on the main thread. */
  waitDirty(timeoutMs: number): void {
    Atomics.wait(this.#words, DIRTY, 0, timeoutMs)
  }

  /** Whether the next segment lies prepared (PREPARED_STATES). */
  get prepared(): number {
    return Atomics.load(this.#words, PREPARED)
  }
  set prepared(state: number) {
    Atomics.store(this.#words, PREPARED, state)
  }

  /** Whether requests need the processor more than the shipper does. Written by the gateway's thread. */
  get busy(): boolean {
    return Atomics.load(this.#words, BUSY) === 1
  }
  set busy(busy: boolean) {
    Atomics.store(this.#words, BUSY, busy ? 1 : 0)
  }

  /** Whether the spool refuses requests for want of room. Written by the gateway's thread. */
  get refusing(): boolean {
    return Atomics.load(this.#words, REFUSING) === 1
  }
  set refusing(refusing: boolean) {
    Atomics.store(this.#words, REFUSING, refusing ? 1 : 0)
  }

  get stopping(): boolean {
    return Atomics.load(this.#words, STOP) === 1
  }
  stop(): void {
    Atomics.store(this.#words, STOP, 1)
    Atomics.store(this.#words, DIRTY, 1)
    Atomics.notify(this.#words, DIRTY)
  }
}

/** Milliseconds on the clock all threads of a process share. */
export function processMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
