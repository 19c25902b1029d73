/**
 * The audit room as one part: recovers what earlier processes left, opens this process's spool and ships everything
 * to the database. Ready when it returns, whether the database answers or not.
 */

import type { KeyObject } from 'node:crypto'
import { mkdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import { newId, uuidv7 } from '../lib/ids.ts'
import { DEFAULT_REDACTION, type RedactionRules } from '../lib/redaction-rules.ts'
import { watchClock } from './clock-watch.ts'
import type { AuditEvent } from './events.ts'
import { GuardedLog } from './guarded-log.ts'
import { watchLoad } from './pace.ts'
import { type AuditKeys, deriveAuditKeys } from './privacy/audit-keys.ts'
import { DataKeys } from './privacy/data-keys.ts'
import { PrivateLog } from './privacy/private-log.ts'
import { Progress } from './progress.ts'
import type { AuditLog, EventLog } from './record.ts'
import { recoverSpool } from './recover.ts'
import { measureSpool } from './segments.ts'
import type { ShipStats } from './ship.ts'
import { startShipThread } from './ship-control.ts'
import { createSpool, type SpoolStats } from './spool.ts'

export type AuditSecrets = {
  /** 32 or more bytes; what is sealed under it can be read by nobody who lost it. The same for all gateways of a log. */
  auditKey: Buffer
  /** Ed25519; signs the log's heads. */
  signingKey: KeyObject
  /** The key before it, which vouches for it; null when it is the first. */
  previousSigningKey?: KeyObject | null
}

export type AuditOptions = {
  /** The spool lies in `<dataFolder>/spool`. One process at a time; the caller holds the lock. */
  dataFolder: string
  /** `postgres://…`, or `unix:/directory` for the embedded database (src/db/client.ts). */
  databaseUrl: string
  clock: Clock
  secrets: AuditSecrets
  /** The log's name in its signed heads: a host or organisation, without spaces. Default `aval`. */
  origin?: string
  /** What is taken out of bodies before they are kept. Default: DEFAULT_REDACTION. */
  redaction?: RedactionRules
  /** False keeps bodies readable in spool and database. Default true. */
  sealBodies?: boolean
  onEvent: (event: AuditEvent) => void
  /** The disk takes nothing more, not even in a new file. The log refuses by itself; the process may end. */
  onFatal: (error: Error) => void
  /** Bound of the whole spool. Default: the smaller of 20 GB and 20 % of the disk. */
  maxBytes?: number
  /** Default 64 MiB. */
  segmentBytes?: number
  /** How long shipped segments stay on disk. Default 24 h. */
  keepMs?: number
  /** How long the database may leave a transaction unanswered. Default 45 s, above its own statement timeout. */
  answerTimeoutMs?: number
  /** How long after a failure the disk is tried again. Default 1 s. */
  probeMs?: number
}

export type Audit = {
  /** The writer of this process start, as every row of it says. */
  writer: string
  log: AuditLog & EventLog
  /** What reads sealed bodies and finds subjects. */
  keys: AuditKeys
  /** A subject's key was destroyed: what comes next is sealed under another. */
  forgetSubject(projectId: string, subject: string): void
  /** For requests that begin from now on. */
  useRedaction(rules: RedactionRules): void
  stats(): { spool: SpoolStats; ship: ShipStats }
  /** True when every request that has ended until now is in the database within the time. */
  flush(timeoutMs: number): Promise<boolean>
  /** Seals the spool, gives shipping that much time, and stops. What is not shipped then, the next start ships. */
  close(flushTimeoutMs: number): Promise<void>
}

/** Names the log in heads and verifier keys when nobody gave it a name. */
const DEFAULT_ORIGIN = 'aval'
const DEFAULT_MAX_BYTES = 20e9
const DISK_SHARE = 0.2
/** From here on copies are given up early and the operator is told; at 95 % requests are refused. */
const FILLING_SHARE = 0.8
const EMPTIER_SHARE = 0.7
const FILLING_MS = 1000
const DEFAULT_KEEP_MS = 24 * 3_600_000
const DEFAULT_ANSWER_TIMEOUT_MS = 45_000

/** Starts the room. Throws when the disk refuses the folder or the repair of an earlier spool. */
export function startAudit(options: AuditOptions): Audit {
  const { clock, onEvent, onFatal } = options
  const directory = join(options.dataFolder, 'spool')
  mkdirSync(directory, { recursive: true })
  recoverSpool({ directory, clock, onEvent })
  const progress = new Progress()
  progress.addSealedBytes(measureSpool(directory))
  const writerId = uuidText(uuidv7(clock.nowMs()))
  const maxBytes = options.maxBytes ?? defaultMaxBytes(directory)
  const { segmentBytes, probeMs } = options
  const spool = createSpool({
    directory,
    writerId,
    clock,
    progress,
    maxBytes,
    onEvent,
    onFatal,
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
    ...(probeMs === undefined ? {} : { probeMs }),
  })
  const keys = deriveAuditKeys(options.secrets.auditKey)
  const dataKeys =
    options.sealBodies === false
      ? null
      : new DataKeys({ keys, clock, keep: (record, wrapped) => spool.event(record, wrapped) })
  const inner = new PrivateLog({ spool, keys, dataKeys, redaction: options.redaction ?? DEFAULT_REDACTION })
  const reportUnlogged = (error: unknown): void =>
    onEvent({ event: 'audit.evidence_failed', writer: writerId, message: String(error) })
  const ship = startShipThread(
    {
      memory: progress.memory,
      directory,
      writer: writerId,
      databaseUrl: options.databaseUrl,
      keepMs: options.keepMs ?? DEFAULT_KEEP_MS,
      maxBytes,
      answerTimeoutMs: options.answerTimeoutMs ?? DEFAULT_ANSWER_TIMEOUT_MS,
      origin: options.origin ?? DEFAULT_ORIGIN,
      signingKey: options.secrets.signingKey,
      previousSigningKey: options.secrets.previousSigningKey ?? null,
    },
    (event) => {
      if (event.event === 'audit.signing_key')
        recordRotation(log, clock, event.verifierKey).catch(reportUnlogged)
      onEvent(event)
    },
  )
  const log = new GuardedLog({
    log: inner,
    clock,
    synced: (deadlineMs) => spool.synced(deadlineMs),
    replicated: (deadlineMs) => ship.replicated(progress.committedSeq, deadlineMs),
    fillShare: () => spool.stats().spoolBytes / maxBytes,
    onMissed: (count) => onEvent({ event: 'audit.missed', count }),
  })
  const stops = [
    watchLoad(progress),
    warnOfFilling(() => spool.stats().spoolBytes / maxBytes, onEvent),
    watchClock(log, clock, reportUnlogged),
  ]
  return {
    writer: writerId,
    log,
    keys,
    useRedaction: (rules) => inner.useRedaction(rules),
    forgetSubject: (projectId, subject) => {
      dataKeys?.forget(projectId, subject)
      // The wrapped key stands in the segment being written, which would stay for as long as nobody asks anything.
      spool.rotate()
    },
    stats: () => ({ spool: spool.stats(), ship: ship.stats() }),
    flush: (timeoutMs) => ship.flush(progress.committedSeq, timeoutMs),
    close: async (flushTimeoutMs) => {
      for (const stop of stops) stop()
      await spool.end()
      await ship.flush(progress.committedSeq, flushTimeoutMs)
      await ship.stop()
    },
  }
}

/** A new signing key is on the log it signs. */
function recordRotation(log: EventLog, clock: Clock, verifierKey: string): Promise<void> {
  const atMs = clock.nowMs()
  const system = { projectId: null, actorId: null, actorName: null, purpose: null }
  const what = { action: 'signing_key.rotate', target: verifierKey, detail: {} }
  return log.event({ id: newId('evt', atMs), kind: 'rotate', atMs, ...system, ...what })
}

/** Tells once that the spool fills, and again only after it had become emptier. Returns how to stop. */
function warnOfFilling(fillShare: () => number, onEvent: (event: AuditEvent) => void): () => void {
  let told = false
  const timer = setInterval(() => {
    const share = fillShare()
    if (share >= FILLING_SHARE && !told) onEvent({ event: 'audit.filling', share })
    told = share >= FILLING_SHARE || (told && share >= EMPTIER_SHARE)
  }, FILLING_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function defaultMaxBytes(directory: string): number {
  const { blocks, bsize } = statfsSync(directory)
  return Math.min(DEFAULT_MAX_BYTES, blocks * bsize * DISK_SHARE)
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
