/** The worker thread around the shipper: messages in, events and figures out. Holds no state of its own. */

import type { KeyObject } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../lib/clock.ts'
import { noteSigner } from '../lib/signed-note.ts'
import type { AuditEvent } from './events.ts'
import { endorseKey } from './evidence/endorsement.ts'
import { Progress } from './progress.ts'
import { type ShipOptions, Shipper, type ShipStats } from './ship.ts'

export type ShipThreadSetup = Omit<
  ShipOptions,
  'progress' | 'clock' | 'onEvent' | 'signer' | 'endorsement'
> & {
  memory: SharedArrayBuffer
  /** Ed25519, private; a key object crosses to a thread without becoming text. */
  signingKey: KeyObject
  previousSigningKey: KeyObject | null
}
export type ShipCommand =
  /** `own`: the running writer alone is asked for. */
  { kind: 'flush'; id: number; seq: number; own: boolean } | { kind: 'cancel'; id: number } | { kind: 'stop' }
export type ShipReport =
  | { kind: 'event'; event: AuditEvent }
  | { kind: 'stats'; stats: ShipStats }
  | { kind: 'flushed'; id: number; stats: ShipStats }

const STATS_MS = 1000
/** How far leaves may lag behind records while nothing is shipped. */
const PROVE_MS = 500
const FLUSH_CHECK_MS = 5

/** Requests come first: rows wait safely in the spool, callers do not. With a core to spare this changes nothing. */
function yieldToRequests(): void {
  try {
    // Linux gives each thread a priority, and its id in place of a process's.
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Other systems have none for a thread: then it competes like any other.
  }
}

function runThread(setup: ShipThreadSetup): void {
  const report = (message: ShipReport): void => parentPort?.postMessage(message)
  const { memory, signingKey, previousSigningKey: previous, ...options } = setup
  const signer = noteSigner(options.origin, signingKey)
  const shipper = new Shipper({
    ...options,
    progress: new Progress(memory),
    clock: systemClock,
    signer,
    endorsement: previous === null ? null : endorseKey(signer.key, noteSigner(options.origin, previous)),
    onEvent: (event) => report({ kind: 'event', event }),
  })
  const flushes = new Map<number, { seq: number; own: boolean }>()
  const answer = (): void => {
    for (const [id, { seq, own }] of flushes) {
      if (!(own ? shipper.replicated(seq) : shipper.settled(seq))) continue
      flushes.delete(id)
      report({ kind: 'flushed', id, stats: shipper.stats() })
    }
    if (flushes.size > 0) {
      shipper.wake()
      setTimeout(answer, FLUSH_CHECK_MS)
    }
  }
  parentPort?.on('message', (command: ShipCommand) => {
    if (command.kind === 'stop') {
      shipper.stop()
      return
    }
    if (command.kind === 'cancel') {
      flushes.delete(command.id)
      return
    }
    flushes.set(command.id, { seq: command.seq, own: command.own })
    if (flushes.size === 1) answer()
  })
  const timer = setInterval(() => report({ kind: 'stats', stats: shipper.stats() }), STATS_MS)
  const prover = setInterval(() => shipper.prove(), PROVE_MS)
  void shipper.run().finally(() => {
    clearInterval(timer)
    clearInterval(prover)
    flushes.clear()
    parentPort?.close()
  })
}

yieldToRequests()
runThread(workerData as ShipThreadSetup)
