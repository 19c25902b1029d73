/**
 * Unauthenticated rejects, counted instead of logged one by one: one record per client network, error code and
 * second, so that whoever has no key cannot fill the disk. It never swallows a count: what it cannot hold it merges.
 */

import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { type AuditLog, NOTHING_FROM_UPSTREAM } from './record.ts'

export type Reject = {
  /** Address of the peer; only its /24 (IPv4) or /48 (IPv6) is used. */
  clientAddress: string
  errorCode: string
  status: number
  method: string
  path: string
  operation: string
  requestBytes: number
}

export type Flood = {
  /** Counts one. Never fails and never waits. */
  add(reject: Reject): void
  /** Writes the counts of the seconds so far; rejects like `whole` does, keeping the counts for the next time. */
  flush(): Promise<void>
  /** Stops the timer and writes what is left. */
  end(): Promise<void>
}

type Count = {
  reject: Reject
  network: string
  startedAtMs: number
  lastAtMs: number
  occurrences: number
  bytes: number
}

const SECOND_MS = 1000
/** More networks than this within a second share one record. */
const MAX_NETWORKS = 1000
const OTHERS = 'others'
const EMPTY = Buffer.alloc(0)

/** `onLost` hears of counts that could not be written; they stay and are tried again with the next second. */
export function createFlood(log: AuditLog, clock: Clock, onLost: (error: unknown) => void): Flood {
  let counts = new Map<string, Count>()
  const flush = async (): Promise<void> => {
    const writing = counts
    counts = new Map()
    await Promise.all(
      [...writing].map(async ([key, count]) => {
        try {
          await write(log, clock, count)
        } catch (error) {
          merge(counts, counts.size < MAX_NETWORKS ? key : othersKey(count.reject), count)
          throw error
        }
      }),
    )
  }
  const timer = setInterval(() => void flush().catch(onLost), SECOND_MS)
  timer.unref()
  return {
    add: (reject) => {
      const nowMs = clock.nowMs()
      const network = networkOf(reject.clientAddress)
      const second = Math.floor(nowMs / SECOND_MS)
      const full = counts.size >= MAX_NETWORKS && !counts.has(keyOf(network, reject, second))
      const place = full ? OTHERS : network
      const count = {
        reject,
        network: place,
        startedAtMs: nowMs,
        lastAtMs: nowMs,
        occurrences: 1,
        bytes: reject.requestBytes,
      }
      // Beyond the bound only the error code tells counts apart, and those come from a fixed table.
      merge(counts, full ? othersKey(reject) : keyOf(network, reject, second), count)
    },
    flush,
    end: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}

function keyOf(network: string, reject: Reject, second: number): string {
  return `${network} ${reject.errorCode} ${second}`
}

function othersKey(reject: Reject): string {
  return `${OTHERS} ${reject.errorCode}`
}

function merge(counts: Map<string, Count>, key: string, added: Count): void {
  const known = counts.get(key)
  if (known === undefined) {
    counts.set(key, added)
    return
  }
  known.occurrences += added.occurrences
  known.bytes += added.bytes
  known.startedAtMs = Math.min(known.startedAtMs, added.startedAtMs)
  known.lastAtMs = Math.max(known.lastAtMs, added.lastAtMs)
}

function write(log: AuditLog, clock: Clock, count: Count): Promise<void> {
  const { reject, startedAtMs, occurrences } = count
  const id = newId('req', clock.nowMs())
  const open = {
    id,
    startedAtMs,
    projectId: null,
    keyId: null,
    keyName: null,
    method: reject.method,
    path: reject.path,
    operation: reject.operation,
    requestedModel: null,
    route: null,
    stream: false,
    clientRequestId: null,
    subject: null,
    dataKey: null,
  }
  const close = {
    id,
    outcome: 'rejected' as const,
    status: reject.status,
    errorCode: reject.errorCode,
    ...NOTHING_FROM_UPSTREAM,
    durationMs: count.lastAtMs - startedAtMs,
    requestBytes: count.bytes,
    responseBytes: 0,
    truncated: false,
    occurrences,
  }
  // Which network it was stands where the requests' bytes would stand; those are not kept.
  const summary = JSON.stringify({
    network: count.network,
    first_at_ms: startedAtMs,
    last_at_ms: count.lastAtMs,
  })
  return log.whole(open, close, Buffer.from(summary), EMPTY)
}

/** `192.0.2.0/24` or `2001:db8:1::/48`; the text itself, bounded, when it is not an address. */
export function networkOf(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  const four = /^(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/.exec(plain)
  if (four !== null) return `${four[1]}.0/24`
  if (!plain.includes(':')) return plain.slice(0, 64)
  const [head = '', tail] = plain.split('%')[0]?.split('::') ?? []
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right].slice(0, 3)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/48`
}
