/**
 * The audit log as the gateway holds it: which requests are open, when new ones are refused, and when the disk is
 * tried again. It never lets a request go upstream without its OPEN, nor end twice.
 */

import * as nodeFs from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { type AuditEvent, codeOf, isFull } from './events.ts'
import { FLAG_BODY_CUT, type Frame, MAX_BODY_BYTES, RECORD_TYPES } from './frames.ts'
import { GroupWriter } from './group-writer.ts'
import { closeMeta, eventMeta, openMeta, parseClose, wholeMeta } from './meta.ts'
import { type Progress, processMs } from './progress.ts'
import type { CloseRecord, EventRecord, OpenRecord, RequestLog } from './record.ts'
import { BALLAST_BYTES, Segments, type SpoolFs } from './segments.ts'
import { type SyncThread, startSyncThread } from './sync.ts'
import { SyncWaiters } from './sync-waiters.ts'

export type SpoolOptions = {
  /** The folder of all writers; this one writes into `<directory>/<writerId>`. */
  directory: string
  /** UUID of this process start. A folder is written by one process in its life. */
  writerId: string
  clock: Clock
  /** Shared with the other threads; its `sealedBytes` already count what other writers left. */
  progress: Progress
  /** At 95 % of this the log refuses new requests. */
  maxBytes: number
  /** Default 64 MiB. */
  segmentBytes?: number
  /** How long after a failure the disk is tried again. Default 1 s. */
  probeMs?: number
  /** Without the thread nothing is synced in the background and no segment prepared. Default true. */
  syncThread?: boolean
  fs?: SpoolFs
  onEvent: (event: AuditEvent) => void
  /** Neither this segment nor a new one took a record. The log refuses by itself; whoever runs the process may end it. */
  onFatal: (error: Error) => void
}

/** `full`: no new requests, but open ones still end on the log. `broken`: nothing is written. */
type SpoolState = 'open' | 'full' | 'broken' | 'ended'

export type SpoolStats = {
  state: SpoolState
  /** Records in the file. */
  committedSeq: number
  /** Age of the oldest record that a power cut could take; 0 when all are synced. */
  unsyncedMs: number
  openRequests: number
  spoolBytes: number
  /** Requests that ended while the disk took nothing; written as soon as it takes something. */
  owedCloses: number
}

export type Spool = Omit<RequestLog, 'open'> & {
  /** `cut` marks a body that was longer than what is handed over. */
  open(record: OpenRecord, requestBody: Buffer, cut?: boolean): Promise<void>
  /** Like EventLog's, with bytes that the record's leaf commits to by their digest alone: a wrapped key. */
  event(record: EventRecord, body?: Buffer): Promise<void>
  stats(): SpoolStats
  /** Finishes the segment being written, so that it can go in its time. */
  rotate(): void
  /** True once everything written until now survives a power cut, false after `timeoutMs`. */
  synced(timeoutMs: number): Promise<boolean>
  /** Writes what is staged, seals the writer when no request is open, syncs, and stops. */
  end(): Promise<void>
}

const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024
const DEFAULT_PROBE_MS = 1000
/** The last twentieth is for the endings of open requests. */
const FULL_SHARE = 0.95
/** Far above what one process can hold open; also bounds the shipper's table. */
const MAX_OPEN_REQUESTS = 100_000
const EMPTY = Buffer.alloc(0)
/** In the table of open requests: a piece of the answer could not be kept. */
const PART_LOST = -1

/** Opens the log of a new writer. Throws when its folder cannot be made. */
export function createSpool(options: SpoolOptions): Spool {
  return new WriterSpool(options)
}

class WriterSpool implements Spool {
  readonly #options: SpoolOptions
  readonly #progress: Progress
  readonly #segments: Segments
  readonly #writer: GroupWriter
  readonly #sync: SyncThread | null
  readonly #syncWaiters: SyncWaiters
  /** Request -> bytes of its answer kept as parts, or PART_LOST. */
  readonly #openRequests = new Map<string, number>()
  /** Bounded by MAX_OPEN_REQUESTS, because every entry was open before. */
  readonly #owed = new Map<string, CloseRecord>()
  #state: SpoolState = 'open'
  #ballast = false
  #probe: NodeJS.Timeout | null = null
  #dirtySinceMs = 0
  #lastCommitted = 0

  constructor(options: SpoolOptions) {
    this.#options = options
    this.#progress = options.progress
    this.#syncWaiters = new SyncWaiters(options.progress)
    const folder = join(options.directory, options.writerId)
    const segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES
    this.#segments = new Segments({
      folder,
      segmentBytes,
      fs: options.fs ?? nodeFs,
      progress: options.progress,
      onSegment: (path) => this.#sync?.segment(path),
    })
    this.#writer = new GroupWriter({
      segments: this.#segments,
      progress: options.progress,
      clock: options.clock,
      onCommit: () => this.#committed(),
      onFailure: (error, again) => this.#failed(error, again),
      onRefused: (frame) => this.#refused(frame),
      unavailable: (cause) => this.#unavailable(cause),
    })
    this.#sync = options.syncThread === false ? null : this.#startSync(folder, segmentBytes)
    if (this.#overLimit()) this.#leaveOpen('full', 'limit')
    this.#tryBallast()
  }

  open(record: OpenRecord, requestBody: Buffer, cut = false): Promise<void> {
    if (this.#state !== 'open' || this.#openRequests.size + this.#owed.size >= MAX_OPEN_REQUESTS) {
      return Promise.reject(this.#unavailable())
    }
    if (this.#openRequests.has(record.id)) return Promise.reject(new Error(`${record.id} is already open.`))
    this.#openRequests.set(record.id, 0)
    const flags = cut ? FLAG_BODY_CUT : 0
    return this.#writer.append(RECORD_TYPES.open, record.id, openMeta(record), requestBody, EMPTY, flags)
  }

  part(id: string, bytes: Buffer): void {
    const kept = this.#openRequests.get(id)
    if (kept === undefined || kept === PART_LOST) return
    // On a full disk the room is for endings.
    const fits = this.#state === 'open' && kept + bytes.length <= MAX_BODY_BYTES
    this.#openRequests.set(id, fits ? kept + bytes.length : PART_LOST)
    // Resolved from the start; the failure of a PART shows at `close` as an answer marked truncated.
    if (fits) void this.#writer.append(RECORD_TYPES.part, id, '', bytes, EMPTY)
  }

  close(record: CloseRecord, responseBody: Buffer): Promise<void> {
    const kept = this.#openRequests.get(record.id)
    if (kept === undefined)
      return Promise.reject(new Error(`${record.id} is not open; it ends exactly once.`))
    if (this.#state === 'ended') return Promise.reject(this.#unavailable())
    this.#openRequests.delete(record.id)
    const room = kept === PART_LOST ? 0 : MAX_BODY_BYTES - kept
    const body = cutTo(responseBody, room)
    const meta = closeMeta(marked(record, body.length < responseBody.length || kept === PART_LOST))
    return this.#writer.append(RECORD_TYPES.close, record.id, meta, body, EMPTY)
  }

  whole(open: OpenRecord, close: CloseRecord, requestBody: Buffer, responseBody: Buffer): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(this.#unavailable())
    const response = cutTo(responseBody, MAX_BODY_BYTES)
    const meta = wholeMeta(open, marked(close, response.length < responseBody.length))
    return this.#writer.append(RECORD_TYPES.whole, open.id, meta, requestBody, response)
  }

  event(record: EventRecord, body: Buffer = EMPTY): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(this.#unavailable())
    return this.#writer.append(RECORD_TYPES[record.kind], record.id, eventMeta(record), body, EMPTY)
  }

  synced(timeoutMs: number): Promise<boolean> {
    return this.#syncWaiters.wait(timeoutMs)
  }

  stats(): SpoolStats {
    const { committedSeq, syncedSeq, sealedBytes, syncStartedMs } = this.#progress
    const oldestMs = Math.max(this.#dirtySinceMs, syncStartedMs)
    return {
      state: this.#state,
      committedSeq,
      unsyncedMs: syncedSeq >= committedSeq ? 0 : Math.max(0, processMs() - oldestMs),
      openRequests: this.#openRequests.size,
      spoolBytes: sealedBytes + this.#segments.usedBytes,
      owedCloses: this.#owed.size,
    }
  }

  async end(): Promise<void> {
    if (this.#state === 'ended') return
    if (this.#probe !== null) clearTimeout(this.#probe)
    this.#writer.flush()
    if (this.#state === 'open' && this.#openRequests.size === 0 && this.#owed.size === 0) {
      const sealed = this.#writer.append(RECORD_TYPES.seal, '', '', EMPTY, EMPTY)
      this.#writer.flush()
      // Without a SEAL the next start reads the folder again; nothing is lost by it.
      await sealed.catch(() => undefined)
    }
    this.#state = 'ended'
    await this.#sync?.stop()
    this.#segments.seal()
    this.#segments.releaseBallast()
  }

  #startSync(folder: string, segmentBytes: number): SyncThread {
    return startSyncThread({ folder, segmentBytes, progress: this.#progress }, (report) => {
      if (report.kind === 'synced') {
        this.#syncWaiters.synced()
        return
      }
      const { path, code } = report
      this.#options.onEvent({ event: 'audit.sync_failed', path, code })
      if (this.#state === 'ended') return
      // Pages the disk refused once may be dropped silently by the next sync: go on in another file.
      this.#writer.flush()
      this.#segments.seal()
    })
  }

  #committed(): void {
    if (this.#progress.syncedSeq >= this.#lastCommitted) this.#dirtySinceMs = processMs()
    this.#lastCommitted = this.#progress.committedSeq
    if (this.#state === 'open' && this.#overLimit()) this.#leaveOpen('full', 'limit')
  }

  #failed(error: unknown, again: boolean): void {
    const code = codeOf(error)
    if (again) {
      this.#options.onEvent({ event: 'audit.segment_abandoned', code })
      return
    }
    if (isFull(error)) {
      this.#ballast = false
      this.#segments.releaseBallast()
      this.#leaveOpen('full', code)
      return
    }
    this.#leaveOpen('broken', code)
    this.#options.onFatal(error instanceof Error ? error : new Error(code))
  }

  #refused(frame: Frame): void {
    if (frame.type === RECORD_TYPES.open) this.#openRequests.delete(frame.id)
    if (frame.type === RECORD_TYPES.part && this.#openRequests.has(frame.id)) {
      this.#openRequests.set(frame.id, PART_LOST)
    }
    if (frame.type === RECORD_TYPES.close) this.#owed.set(frame.id, parseClose(frame.meta))
  }

  #leaveOpen(state: 'full' | 'broken', code: string): void {
    if (this.#state === 'ended' || this.#state === state) return
    this.#state = state
    this.#progress.refusing = true
    this.#options.onEvent({ event: 'audit.refusing', state, code })
    this.#scheduleProbe()
  }

  #scheduleProbe(): void {
    if (this.#probe !== null) clearTimeout(this.#probe)
    this.#probe = setTimeout(() => this.#tryAgain(), this.#options.probeMs ?? DEFAULT_PROBE_MS)
    this.#probe.unref()
  }

  /** Back to open when the ballast fits again; then what is owed is written first. */
  #tryAgain(): void {
    if (this.#state === 'ended') return
    this.rotate()
    if (this.#overLimit() || !this.#tryBallast()) {
      this.#scheduleProbe()
      return
    }
    this.#state = 'open'
    this.#progress.refusing = false
    const owed = [...this.#owed.values()]
    this.#owed.clear()
    for (const record of owed) {
      // The caller was told that this request failed for want of a log, whatever the upstream had said.
      const told = {
        ...record,
        outcome: 'gateway_crash',
        status: 503,
        errorCode: 'audit_unavailable',
      } as const
      const meta = closeMeta({ ...told, truncated: true })
      this.#writer.append(RECORD_TYPES.close, record.id, meta, EMPTY, EMPTY).catch(() => undefined)
    }
    this.#writer.flush()
    // The flush may have failed again, which the type checker cannot see.
    if ((this.#state as SpoolState) !== 'open') return
    this.#sync?.prepare()
    this.#options.onEvent({ event: 'audit.accepting' })
  }

  /** The segment being written can never be deleted: finished, and with another begun, it goes once it is shipped. */
  rotate(): void {
    if (this.#state === 'ended') return
    try {
      this.#writer.rotate()
    } catch (error) {
      // No room even for an empty file: the next probe tries again.
      const state = this.#state === 'broken' ? 'broken' : 'full'
      this.#options.onEvent({ event: 'audit.refusing', state, code: codeOf(error) })
    }
  }

  #tryBallast(): boolean {
    if (this.#ballast) return true
    try {
      const { bavail, bsize } = nodeFs.statfsSync(this.#options.directory)
      // Not tried on a disk that is known to be too full: the attempt itself would take the last room.
      if (bavail * bsize < BALLAST_BYTES * 1.25) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
      this.#segments.takeBallast()
      this.#ballast = true
      return true
    } catch (error) {
      this.#leaveOpen(isFull(error) ? 'full' : 'broken', codeOf(error))
      return false
    }
  }

  #overLimit(): boolean {
    const used = this.#progress.sealedBytes + this.#segments.usedBytes
    return used > this.#options.maxBytes * FULL_SHARE
  }

  #unavailable(cause?: unknown): GatewayError {
    const retryMs = this.#options.probeMs ?? DEFAULT_PROBE_MS
    return new GatewayError(
      'audit_unavailable',
      'The audit log cannot take this request, so it was not sent upstream. Free disk space under the data folder; serving resumes by itself.',
      { cause, headers: { 'retry-after': String(Math.max(1, Math.ceil(retryMs / 1000))) } },
    )
  }
}

function cutTo(body: Buffer, maxBytes: number): Buffer {
  return body.length <= maxBytes ? body : body.subarray(0, maxBytes)
}

function marked(record: CloseRecord, cutShort: boolean): CloseRecord {
  return cutShort && !record.truncated ? { ...record, truncated: true } : record
}
