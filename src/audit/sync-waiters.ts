/** Who waits for the disk: asks the sync thread to hurry and hears from it when it is done. It never blocks a thread. */

import type { Progress } from './progress.ts'

type Waiter = { seq: number; resolve: (synced: boolean) => void; timer: NodeJS.Timeout }

const REFUSED_MS = 10

export class SyncWaiters {
  readonly #progress: Progress
  readonly #waiting = new Set<Waiter>()
  #lastSynced = 0

  constructor(progress: Progress) {
    this.#progress = progress
  }

  /** True once everything written until now survives a power cut, false after `timeoutMs`. */
  wait(timeoutMs: number): Promise<boolean> {
    const seq = this.#progress.committedSeq
    if (this.#progress.syncedSeq >= seq) return Promise.resolve(true)
    if (timeoutMs <= 0) return Promise.resolve(false)
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end(waiter, false), timeoutMs)
      const waiter = { seq, resolve, timer }
      this.#waiting.add(waiter)
      this.#progress.hurrySync()
    })
  }

  /** The sync thread has finished a round that somebody waited for. */
  synced(): void {
    const { syncedSeq } = this.#progress
    for (const waiter of this.#waiting) if (syncedSeq >= waiter.seq) this.#end(waiter, true)
    if (this.#waiting.size === 0) return
    const moved = syncedSeq > this.#lastSynced
    this.#lastSynced = syncedSeq
    // Written after that round began; or the disk refused, and is given a moment.
    if (moved) this.#progress.hurrySync()
    else setTimeout(() => this.#progress.hurrySync(), REFUSED_MS)
  }

  #end(waiter: Waiter, synced: boolean): void {
    clearTimeout(waiter.timer)
    if (this.#waiting.delete(waiter)) waiter.resolve(synced)
  }
}
