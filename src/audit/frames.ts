/**
 * The bytes of one spool record, pure: encode into a given buffer, decode with every check. Never touches a file.
 *
 * All numbers are little-endian. A segment is frames back to back from offset 0; zeros after the last one are
 * preallocated room (no valid frame has length 0).
 *
 *   0  u32  length of the payload
 *   4  u32  CRC-32 of bytes 8 to the end of the payload, started from `length`, so that it covers the length too
 *   8  u64  seq: dense from 0 in one writer; only a GAP frame covers more than its own number
 *  16  u64  monotonic nanoseconds of the writer's process
 *  24  u64  wall milliseconds since the Unix epoch
 *  32  u8   type (RECORD_TYPES), then "AV1": mark and format version, which a repair searches for after damage
 *  36  u32  flags: bit 0 = a body was cut before it was written
 *  40  32 B reserved; zero. Leaf hashes stand in a file beside the segments: they are computed from what was written
 *  72  payload: u32 meta length | u32 first body length | u32 id length | id | meta | first body | second body
 *
 * `id` is the request's id in ASCII, `meta` the record as JSON without bodies; bodies are raw bytes. OPEN and PART
 * and CLOSE use the first body; WHOLE uses both (request, response); KEY has a wrapped key. The others have none.
 */

import { crc32 } from 'node:zlib'

/** Numbers are on disk for ever. From 16 on they are events (`EventRecord`). */
export const RECORD_TYPES = {
  open: 1,
  part: 2,
  close: 3,
  whole: 4,
  gap: 5,
  seal: 6,
  admin: 16,
  access: 17,
  erase: 18,
  tombstone: 19,
  key: 20,
  clock: 21,
  rotate: 22,
  missed: 23,
} as const
export type RecordTypeName = keyof typeof RECORD_TYPES
export type RecordType = (typeof RECORD_TYPES)[RecordTypeName]
const FIRST_EVENT_TYPE = 16
const TYPE_NAMES = new Map<number, RecordTypeName>(
  Object.entries(RECORD_TYPES).map(([name, type]) => [type, name as RecordTypeName]),
)

/** The name of a record's type, as leaves and proofs spell it. */
export function typeName(type: RecordType): RecordTypeName {
  const name = TYPE_NAMES.get(type)
  if (name === undefined) throw new Error(`There is no record type ${type}.`)
  return name
}

/** True for the records of actions, reads and keys; false for those of requests and of the spool itself. */
export function isEventType(type: RecordType): boolean {
  return type >= FIRST_EVENT_TYPE
}

const HEADER_BYTES = 72
const PAYLOAD_HEAD_BYTES = 12
export const FLAG_BODY_CUT = 1

const MAX_ID_BYTES = 255
export const MAX_META_BYTES = 1024 * 1024
/** One body as stored; longer ones are cut and marked. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024
const MAX_PAYLOAD_BYTES = PAYLOAD_HEAD_BYTES + MAX_ID_BYTES + MAX_META_BYTES + 2 * MAX_BODY_BYTES

/** "AV1" at offset 33 of every frame. */
const MARK = Buffer.from('AV1', 'latin1')
const MARK_OFFSET = 33
const MARK_WORD = 0x315641
const TWO_32 = 0x1_0000_0000
const EMPTY = Buffer.alloc(0)

export type FrameStamp = { type: RecordType; flags: number; seq: number; monotonicMs: number; wallMs: number }

/** A decoded record. The bodies are views into the source, made when asked for: a recovery walks millions without. */
export class Frame {
  readonly type: RecordType
  readonly flags: number
  readonly seq: number
  readonly wallMs: number
  readonly id: string
  /** Header and payload together. */
  readonly bytes: number
  readonly #source: Buffer
  readonly #metaAt: number
  readonly #firstAt: number
  readonly #secondAt: number
  readonly #end: number

  constructor(
    source: Buffer,
    at: number,
    bytes: number,
    idBytes: number,
    metaBytes: number,
    firstBytes: number,
  ) {
    this.type = source.readUInt8(at + 32) as RecordType
    this.flags = source.readUInt32LE(at + 36)
    this.seq = readU64(source, at + 8)
    this.wallMs = readU64(source, at + 24)
    const idAt = at + HEADER_BYTES + PAYLOAD_HEAD_BYTES
    this.id = source.toString('latin1', idAt, idAt + idBytes)
    this.bytes = bytes
    this.#source = source
    this.#metaAt = idAt + idBytes
    this.#firstAt = this.#metaAt + metaBytes
    this.#secondAt = this.#firstAt + firstBytes
    this.#end = at + bytes
  }

  /** JSON text as bytes. */
  get meta(): Buffer {
    return this.#source.subarray(this.#metaAt, this.#firstAt)
  }
  get first(): Buffer {
    return this.#source.subarray(this.#firstAt, this.#secondAt)
  }
  get firstBytes(): number {
    return this.#secondAt - this.#firstAt
  }
  get second(): Buffer {
    return this.#source.subarray(this.#secondAt, this.#end)
  }
}

/** `end`: zeros or nothing left. `short`: the frame is longer than what is at hand. `damaged`: not a frame. */
export type Decoded =
  | { kind: 'frame'; frame: Frame }
  | { kind: 'end' }
  | { kind: 'short'; needBytes: number }
  | { kind: 'damaged'; reason: string }

/** An upper bound of the frame's size, cheap because it does not count the UTF-8 bytes of `meta`. */
export function frameRoom(id: string, meta: string, bodyBytes: number): number {
  return HEADER_BYTES + PAYLOAD_HEAD_BYTES + id.length + meta.length * 3 + bodyBytes
}

/**
 * Writes everything up to the bodies at `at` and returns the offset where the bodies go. The caller has checked
 * `frameRoom`; the checksum is written by `sealFrame` once the bodies are known.
 */
export function encodeHead(
  target: Buffer,
  at: number,
  stamp: FrameStamp,
  id: string,
  meta: string,
  firstBytes: number,
  secondBytes: number,
): number {
  const payload = at + HEADER_BYTES
  let end = payload + PAYLOAD_HEAD_BYTES
  end += target.write(id, end, 'latin1')
  const metaBytes = target.write(meta, end, 'utf8')
  end += metaBytes
  target.writeUInt32LE(end - payload + firstBytes + secondBytes, at)
  writeU64(target, stamp.seq, at + 8)
  writeU64(target, Math.round(stamp.monotonicMs * 1e6), at + 16)
  writeU64(target, Math.round(stamp.wallMs), at + 24)
  target.writeUInt32LE((MARK_WORD * 256 + stamp.type) >>> 0, at + 32)
  target.writeUInt32LE(stamp.flags, at + 36)
  target.fill(0, at + 40, payload)
  target.writeUInt32LE(metaBytes, payload)
  target.writeUInt32LE(firstBytes, payload + 4)
  target.writeUInt32LE(id.length, payload + 8)
  return end
}

/** Writes the checksum of the frame at `at`. `end` is where the bytes in `target` stop; `rest` are bodies kept elsewhere. */
export function sealFrame(target: Buffer, at: number, end: number, rest: readonly Buffer[] = []): void {
  let sum = crc32(target.subarray(at + 8, end), target.readUInt32LE(at))
  for (const body of rest) if (body.length > 0) sum = crc32(body, sum)
  target.writeUInt32LE(sum, at + 4)
}

/** Gives the complete frame at `at` another seq; used when a turn is written again without its refused records. */
export function renumberFrame(target: Buffer, at: number, seq: number, bodyCut: boolean): void {
  writeU64(target, seq, at + 8)
  if (bodyCut) target.writeUInt32LE(target.readUInt32LE(at + 36) | FLAG_BODY_CUT, at + 36)
  sealFrame(target, at, at + HEADER_BYTES + target.readUInt32LE(at))
}

/** One whole frame in a buffer of its own; for cold paths and tests. */
export function encodeFrame(
  stamp: FrameStamp,
  id: string,
  meta: string,
  first: Buffer = EMPTY,
  second: Buffer = EMPTY,
): Buffer {
  const target = Buffer.alloc(frameRoom(id, meta, first.length + second.length))
  let end = encodeHead(target, 0, stamp, id, meta, first.length, second.length)
  end += first.copy(target, end)
  end += second.copy(target, end)
  sealFrame(target, 0, end)
  return target.subarray(0, end)
}

/**
 * Reads the frame at `at`. `expectedSeq` null accepts any seq (searching after damage); else another seq is damage.
 * The views in the frame share `source`'s memory.
 */
export function decodeFrame(source: Buffer, at: number, expectedSeq: number | null): Decoded {
  const available = source.length - at
  if (available <= 0) return { kind: 'end' }
  if (available < HEADER_BYTES) {
    return isZero(source, at) ? { kind: 'end' } : { kind: 'short', needBytes: HEADER_BYTES }
  }
  const length = source.readUInt32LE(at)
  if (length === 0 && isZero(source, at, at + HEADER_BYTES)) return { kind: 'end' }
  if (length < PAYLOAD_HEAD_BYTES || length > MAX_PAYLOAD_BYTES) return damaged(`length ${length}`)
  const word = source.readUInt32LE(at + 32)
  const type = word & 0xff
  if (word >>> 8 !== MARK_WORD) return damaged('no mark')
  if (!isRecordType(type)) return damaged(`type ${type}`)
  const bytes = HEADER_BYTES + length
  if (available < bytes) return { kind: 'short', needBytes: bytes }
  if (crc32(source.subarray(at + 8, at + bytes), length) !== source.readUInt32LE(at + 4)) {
    return damaged('checksum')
  }
  const seq = readU64(source, at + 8)
  if (expectedSeq !== null && seq !== expectedSeq) return damaged(`seq ${seq}, expected ${expectedSeq}`)
  return slicePayload(source, at, bytes)
}

function slicePayload(source: Buffer, at: number, bytes: number): Decoded {
  const payload = at + HEADER_BYTES
  const metaBytes = source.readUInt32LE(payload)
  const firstBytes = source.readUInt32LE(payload + 4)
  const idBytes = source.readUInt32LE(payload + 8)
  const inner = PAYLOAD_HEAD_BYTES + idBytes + metaBytes + firstBytes
  if (idBytes > MAX_ID_BYTES || HEADER_BYTES + inner > bytes) return damaged('inner lengths')
  return { kind: 'frame', frame: new Frame(source, at, bytes, idBytes, metaBytes, firstBytes) }
}

/**
 * The next offset after `from` where a whole valid frame with a seq above `afterSeq` starts, or -1. This is what
 * tells damage in the middle (something valid follows) from a torn tail (nothing does).
 */
export function findFrame(source: Buffer, from: number, afterSeq: number): number {
  let mark = source.indexOf(MARK, from + MARK_OFFSET)
  while (mark >= 0) {
    const at = mark - MARK_OFFSET
    const decoded = decodeFrame(source, at, null)
    if (decoded.kind === 'frame' && decoded.frame.seq > afterSeq) return at
    mark = source.indexOf(MARK, mark + 1)
  }
  return -1
}

/** The seq after this frame: one more, or behind the hole for a GAP. */
export function seqAfter(frame: Frame): number {
  if (frame.type !== RECORD_TYPES.gap) return frame.seq + 1
  const { toSeq } = JSON.parse(frame.meta.toString('utf8')) as { toSeq: number }
  return toSeq + 1
}

function isRecordType(type: number): type is RecordType {
  return TYPE_NAMES.has(type)
}

function damaged(reason: string): Decoded {
  return { kind: 'damaged', reason }
}

function isZero(source: Buffer, from: number, to = source.length): boolean {
  for (let at = from; at < to; at += 1) if (source[at] !== 0) return false
  return true
}

function writeU64(target: Buffer, value: number, at: number): void {
  const high = Math.floor(value / TWO_32)
  target.writeUInt32LE(value - high * TWO_32, at)
  target.writeUInt32LE(high, at + 4)
}

function readU64(source: Buffer, at: number): number {
  return source.readUInt32LE(at + 4) * TWO_32 + source.readUInt32LE(at)
}
