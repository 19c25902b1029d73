/** Ids carry their kind and sort by time: `req_` + UUIDv7 (RFC 9562 §5.7) in 26 Crockford base32 letters. */

import { randomFillSync } from 'node:crypto'

export type IdKind =
  | 'req'
  | 'vk'
  | 'prj'
  | 'wrt'
  | 'evt'
  | 'dek'
  | 'ers'
  | 'hold'
  | 'exp'
  | 'pv'
  | 'mv'
  | 'price'
  | 'rel'
  | 'shd'
  | 'dec'
  | 'src'
  | 'syn'
  | 'snp'
  | 'iv'
  | 'file'
  | 'vs'
  | 'vsfb'
  | 'run'
  | 'bat'
  | 'ftn'
  | 'ds'
  | 'rq'
  | 'cal'
  | 'prm'
  | 'apv'
  | 'look'
  | 'card'
  | 'act'
  | 'onl'
  | 'dck'
  | 'alr'
  | 'sil'
  | 'msg'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const pool = Buffer.allocUnsafe(4096)
let poolAt = pool.length
let lastMs = 0
let counter = 0

/** 16 bytes: 48 bits of milliseconds, then a counter that keeps ids of one millisecond in order, then randomness. */
export function uuidv7(nowMs: number): Uint8Array {
  if (poolAt + 16 > pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  const bytes = Uint8Array.prototype.slice.call(pool, poolAt, poolAt + 16)
  poolAt += 16
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = (((bytes[6] ?? 0) & 0x07) << 8) | (bytes[7] ?? 0)
  } else if (counter < 0xfff) {
    counter += 1
  } else {
    lastMs += 1
    counter = 0
  }
  const high = Math.floor(lastMs / 0x10000)
  bytes[0] = (high >>> 24) & 0xff
  bytes[1] = (high >>> 16) & 0xff
  bytes[2] = (high >>> 8) & 0xff
  bytes[3] = high & 0xff
  bytes[4] = (lastMs >>> 8) & 0xff
  bytes[5] = lastMs & 0xff
  bytes[6] = 0x70 | (counter >>> 8)
  bytes[7] = counter & 0xff
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  return bytes
}

/** `req_01k…`: kind, underscore, 26 lower-case Crockford base32 letters of the 128 bits. */
export function newId(kind: IdKind, nowMs: number): string {
  return `${kind}_${encodeBase32(uuidv7(nowMs))}`
}

/** Milliseconds since the epoch inside an id made by `newId`; null when the text is not such an id. */
export function idTimeMs(kind: IdKind, id: string): number | null {
  const match = /^([a-z]+)_([0-9a-hjkmnp-tv-z]{26})$/.exec(id)
  if (match === null || match[1] !== kind || match[2] === undefined) return null
  let ms = 0
  // 26 letters hold 130 bits: the first carries only 3 of them, so 48 bits end inside the tenth letter.
  for (let at = 0; at < 10; at += 1) ms = ms * 32 + ALPHABET.indexOf(match[2].charAt(at))
  return match[2].charAt(0) > '7' ? null : ms
}

const LETTERS = Buffer.from(ALPHABET, 'latin1')
const text = Buffer.allocUnsafe(26)

/** Through a buffer, because 26 joined strings would be 26 objects, flattened again wherever the id is written. */
function encodeBase32(bytes: Uint8Array): string {
  // Two leading zero bits make 130 = 26 x 5.
  let bits = 2
  let held = 0
  let at = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text[at] = LETTERS[(held >>> bits) & 31] ?? 0
      at += 1
      held &= (1 << bits) - 1
    }
  }
  return text.toString('latin1')
}
