/**
 * A worker thread that makes what the gateway wrote survive a power cut: fdatasync in a loop while there is
 * something new, and the next segment filled with zeros ahead of time. The gateway never waits for it.
 */

import { closeSync, fdatasyncSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { PREPARED_STATES, Progress, processMs } from './progress.ts'
import { PREPARED_FILE } from './segments.ts'

export type SyncThreadSetup = {
  memory: SharedArrayBuffer
  port: MessagePort
  folder: string
  segmentBytes: number
}
/** From the gateway: a segment was begun, or the next one should be prepared (again). */
export type SyncCommand = { kind: 'segment'; path: string } | { kind: 'prepare' }
/**
 * To the gateway: fdatasync failed, so the pages of this segment can no longer be trusted to reach the disk; or a round
 * is over that somebody waited for.
 */
export type SyncReport = { kind: 'sync-failed'; path: string; code: string } | { kind: 'synced' }

/** Two rounds start at least this far apart: a busy disk gets few large syncs, and 5 ms + one sync stay within 10 ms. */
const ROUND_MS = 5
const FILL_BYTES = 1024 * 1024
const IDLE_MS = 1000

export class SyncLoop {
  readonly #setup: SyncThreadSetup
  readonly #progress: Progress
  readonly #zeros = Buffer.alloc(FILL_BYTES)
  readonly #preparedPath: string
  #path = ''
  #descriptor = -1
  #filling = -1
  #filledBytes = 0

  constructor(setup: SyncThreadSetup) {
    this.#setup = setup
    this.#progress = new Progress(setup.memory)
    this.#preparedPath = join(setup.folder, PREPARED_FILE)
  }

  run(): void {
    let stopping = false
    while (!stopping) {
      const startedMs = processMs()
      stopping = this.#progress.stopping
      const dirty = this.#progress.clearDirty()
      const awaited = this.#progress.takeAwaited()
      this.#round(startedMs, dirty)
      if (awaited) this.#setup.port.postMessage({ kind: 'synced' } satisfies SyncReport)
      if (stopping) break
      if (this.#filling >= 0) this.#fill()
      else if (dirty) this.#progress.restUnlessUrgent(ROUND_MS - (processMs() - startedMs))
      else this.#progress.waitDirty(IDLE_MS)
    }
    this.#endFill(PREPARED_STATES.none)
    if (this.#descriptor >= 0) closeSync(this.#descriptor)
    rmSync(this.#preparedPath, { force: true })
    this.#setup.port.close()
  }

  /** Reads the goal before the commands: every record below it lies in a segment already announced. */
  #round(startedMs: number, dirty: boolean): void {
    const goal = this.#progress.committedSeq
    let synced = this.#commands()
    if (dirty) synced = this.#sync() && synced
    if (!synced || goal <= this.#progress.syncedSeq) return
    this.#progress.syncStartedMs = startedMs
    this.#progress.syncedSeq = goal
  }

  #commands(): boolean {
    let synced = true
    let received = receiveMessageOnPort(this.#setup.port) as { message: SyncCommand } | undefined
    while (received !== undefined) {
      if (received.message.kind === 'segment') synced = this.#switch(received.message.path) && synced
      this.#beginFill()
      received = receiveMessageOnPort(this.#setup.port) as { message: SyncCommand } | undefined
    }
    return synced
  }

  #switch(path: string): boolean {
    const synced = this.#sync()
    if (this.#descriptor >= 0) closeSync(this.#descriptor)
    this.#descriptor = openSync(path, 'r')
    this.#path = path
    const folder = openSync(dirname(path), 'r')
    fsyncSync(folder)
    closeSync(folder)
    return synced
  }

  #sync(): boolean {
    if (this.#descriptor < 0) return true
    try {
      fdatasyncSync(this.#descriptor)
      return true
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'EUNKNOWN'
      this.#setup.port.postMessage({ kind: 'sync-failed', path: this.#path, code } satisfies SyncReport)
      return false
    }
  }

  #beginFill(): void {
    if (this.#progress.prepared === PREPARED_STATES.ready || this.#filling >= 0) return
    try {
      this.#filling = openSync(`${this.#preparedPath}.new`, 'w')
      this.#filledBytes = 0
    } catch {
      this.#endFill(PREPARED_STATES.failed)
    }
  }

  /** One step of zeros, so that a sync never waits for a whole segment's worth. */
  #fill(): void {
    try {
      const bytes = Math.min(FILL_BYTES, this.#setup.segmentBytes - this.#filledBytes)
      this.#filledBytes += writeSync(this.#filling, this.#zeros, 0, bytes)
      if (this.#filledBytes < this.#setup.segmentBytes) return
      // The zeros reach the disk now and not in the first sync after the switch, which requests would feel.
      fdatasyncSync(this.#filling)
      renameSync(`${this.#preparedPath}.new`, this.#preparedPath)
      this.#endFill(PREPARED_STATES.ready)
    } catch {
      // A full disk: the gateway then makes its segments itself and meets the error with its own policy.
      this.#endFill(PREPARED_STATES.failed)
    }
  }

  #endFill(state: number): void {
    if (this.#filling >= 0) closeSync(this.#filling)
    this.#filling = -1
    rmSync(`${this.#preparedPath}.new`, { force: true })
    this.#progress.prepared = state
  }
}

new SyncLoop(workerData as SyncThreadSetup).run()
