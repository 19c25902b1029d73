/**
 * The records behind one row of the log, as the row keeps them: numbers, times, flags, and the lengths and digests of
 * their bodies. With the records' texts it is all that their leaves are computed from, also after the bodies are gone.
 *
 * Each record is 93 bytes, little-endian: type u8 | flags u32 | seq u64 | wall ms u64 | length of the first body u32 |
 * of the second u32 | SHA-256 of the first (zeros when empty) | SHA-256 of the second.
 */

import { hash } from 'node:crypto'
import { type AuditLeaf, auditLeafHash } from '../lib/audit-leaf.ts'
import { type Frame, type RecordType, typeName } from './frames.ts'

export type TrailEntry = {
  type: RecordType
  flags: number
  seq: number
  wallMs: number
  firstBytes: number
  secondBytes: number
  /** Hex, null for an empty body. */
  firstDigest: string | null
  secondDigest: string | null
}

const ENTRY_BYTES = 93
const DIGEST_BYTES = 32
const SEQ_AT = 5
const WALL_MS_AT = 13
const HIGH = 2 ** 32
const FIRST_DIGEST_AT = 29
const SECOND_DIGEST_AT = FIRST_DIGEST_AT + DIGEST_BYTES
/** A request of 32 MiB in pieces of 64 KiB, with room. */
const MAX_ENTRIES = 20_000

/** What a frame says of itself, with the digests of its bodies. */
export function trailEntry(frame: Frame): TrailEntry {
  const { first, second } = frame
  return {
    type: frame.type,
    flags: frame.flags,
    seq: frame.seq,
    wallMs: frame.wallMs,
    firstBytes: first.length,
    secondBytes: second.length,
    firstDigest: digestOf(first),
    secondDigest: digestOf(second),
  }
}

/** Hex SHA-256, null for an empty body. */
export function digestOf(bytes: Buffer): string | null {
  return bytes.length === 0 ? null : hash('sha256', bytes, 'hex')
}

/** The leaf of a record: `entry`, the record's text, and the id in its frame. */
export function leafOf(entry: TrailEntry, id: string, record: Buffer): Buffer {
  const leaf: AuditLeaf = {
    type: typeName(entry.type),
    seq: entry.seq,
    wallMs: entry.wallMs,
    flags: entry.flags,
    id: id === '' ? null : id,
    metaDigest: digestOf(record),
    firstDigest: entry.firstDigest,
    secondDigest: entry.secondDigest,
  }
  return auditLeafHash(leaf)
}

export function encodeTrail(entries: readonly TrailEntry[]): Buffer {
  const trail = Buffer.alloc(entries.length * ENTRY_BYTES)
  for (const [index, entry] of entries.entries()) {
    const at = index * ENTRY_BYTES
    trail.writeUInt8(entry.type, at)
    trail.writeUInt32LE(entry.flags, at + 1)
    trail.writeBigUInt64LE(BigInt(entry.seq), at + SEQ_AT)
    trail.writeBigUInt64LE(BigInt(entry.wallMs), at + WALL_MS_AT)
    trail.writeUInt32LE(entry.firstBytes, at + 21)
    trail.writeUInt32LE(entry.secondBytes, at + 25)
    if (entry.firstDigest !== null) trail.write(entry.firstDigest, at + FIRST_DIGEST_AT, 'hex')
    if (entry.secondDigest !== null) trail.write(entry.secondDigest, at + SECOND_DIGEST_AT, 'hex')
  }
  return trail
}

/** Null when these bytes are not a trail: somebody changed them. */
export function decodeTrail(trail: Buffer): TrailEntry[] | null {
  const count = trail.length / ENTRY_BYTES
  if (!Number.isInteger(count) || count < 1 || count > MAX_ENTRIES) return null
  return Array.from({ length: count }, (_none, index) => {
    const at = index * ENTRY_BYTES
    const firstBytes = trail.readUInt32LE(at + 21)
    const secondBytes = trail.readUInt32LE(at + 25)
    return {
      type: trail.readUInt8(at) as RecordType,
      flags: trail.readUInt32LE(at + 1),
      seq: numberAt(trail, at + SEQ_AT),
      wallMs: numberAt(trail, at + WALL_MS_AT),
      firstBytes,
      secondBytes,
      firstDigest: firstBytes === 0 ? null : digestAt(trail, at + FIRST_DIGEST_AT),
      secondDigest: secondBytes === 0 ? null : digestAt(trail, at + SECOND_DIGEST_AT),
    }
  })
}

/** The numbers of the records alone; nothing for bytes that are no trail. */
export function trailSeqs(trail: Buffer): number[] {
  const seqs: number[] = []
  if (trail.length % ENTRY_BYTES !== 0) return seqs
  for (let at = SEQ_AT; at < trail.length; at += ENTRY_BYTES) {
    const seq = numberAt(trail, at)
    if (Number.isSafeInteger(seq)) seqs.push(seq)
  }
  return seqs
}

/** A u64, rounded where a number does not hold it, without a BigInt on the way. */
function numberAt(trail: Buffer, at: number): number {
  return trail.readUInt32LE(at) + trail.readUInt32LE(at + 4) * HIGH
}

function digestAt(trail: Buffer, at: number): string {
  return trail.toString('hex', at, at + DIGEST_BYTES)
}
