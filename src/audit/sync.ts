/** Starts and ends the sync thread, and passes it the segments in the order they were begun. */

import { MessageChannel, Worker } from 'node:worker_threads'
import type { Progress } from './progress.ts'
import type { SyncCommand, SyncReport, SyncThreadSetup } from './sync-thread.ts'

export type SyncThread = {
  /** A segment was begun; what was written before it is synced first. */
  segment(path: string): void
  /** Tries again to prepare the next segment. */
  prepare(): void
  /** Resolves after a last sync, when the thread is gone. */
  stop(): Promise<void>
}

/** The thread only calls fdatasync. */
const HEAP = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }

type SyncSetup = { folder: string; segmentBytes: number; progress: Progress }

export function startSyncThread(setup: SyncSetup, onReport: (report: SyncReport) => void): SyncThread {
  const { port1: port, port2: theirs } = new MessageChannel()
  const workerData: SyncThreadSetup = {
    memory: setup.progress.memory,
    port: theirs,
    folder: setup.folder,
    segmentBytes: setup.segmentBytes,
  }
  const file = new URL('./sync-thread.ts', import.meta.url)
  const worker = new Worker(file, {
    workerData,
    transferList: [theirs],
    name: 'audit-sync',
    resourceLimits: HEAP,
  })
  const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.on('error', (error) => onReport({ kind: 'sync-failed', path: setup.folder, code: error.message }))
  port.on('message', onReport)
  port.unref()
  worker.unref()
  const tell = (command: SyncCommand): void => {
    port.postMessage(command)
    setup.progress.markDirty()
  }
  return {
    segment: (path) => tell({ kind: 'segment', path }),
    prepare: () => tell({ kind: 'prepare' }),
    stop: async () => {
      worker.ref()
      setup.progress.stop()
      await gone
      port.close()
    },
  }
}
