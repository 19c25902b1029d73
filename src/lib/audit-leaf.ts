/**
 * What one leaf of the log commits to: a text of nine lines with the record's facts and the digests of its parts. The
 * parts themselves can be erased, the leaf stays. The form is for ever: proofs of years ago are checked against it.
 */

import { leafHash } from './merkle.ts'

const FORMAT = 'aval-record/1'
const DIGEST_LETTERS = 64
/** 1 at the code of each digit, lower case. */
const HEX_DIGIT = new Uint8Array(128)
for (const digit of '0123456789abcdef') HEX_DIGIT[digit.charCodeAt(0)] = 1

export const LEAF_TYPES = [
  'open',
  'part',
  'close',
  'whole',
  'gap',
  'seal',
  'admin',
  'access',
  'erase',
  'tombstone',
  'key',
  'clock',
  'rotate',
  'missed',
] as const
export type LeafType = (typeof LEAF_TYPES)[number]

/** Digests are SHA-256 in lower-case hex of the stored bytes, null where there are none. */
export type AuditLeaf = {
  readonly type: LeafType
  readonly seq: number
  readonly wallMs: number
  readonly flags: number
  /** Printable ASCII; null for a record without one. */
  readonly id: string | null
  readonly metaDigest: string | null
  readonly firstDigest: string | null
  readonly secondDigest: string | null
}

/** The text, with a final newline. Throws RangeError for a value that would not read back as itself. */
export function auditLeafText(leaf: AuditLeaf): string {
  const { type, seq, wallMs, flags, id, metaDigest, firstDigest, secondDigest } = leaf
  if (!LEAF_TYPES.includes(type)) throw new RangeError('The type of a record is one of the list.')
  for (const number of [seq, wallMs, flags]) {
    if (!Number.isSafeInteger(number) || number < 0)
      throw new RangeError('Numbers of a leaf are whole, from 0.')
  }
  // An id of "-" would read as none.
  if (id !== null && (id === '-' || !/^[ -~]+$/.test(id))) {
    throw new RangeError('The id of a record is printable ASCII, and not empty.')
  }
  const parts = [digest(metaDigest), digest(firstDigest), digest(secondDigest)].join('\n')
  return `${FORMAT}\n${type}\n${seq}\n${wallMs}\n${flags}\n${id ?? '-'}\n${parts}\n`
}

/** The Merkle leaf hash of the text. */
export function auditLeafHash(leaf: AuditLeaf): Buffer {
  return leafHash(Buffer.from(auditLeafText(leaf), 'latin1'))
}

function digest(hex: string | null): string {
  if (hex === null) return '-'
  if (!isDigest(hex)) throw new RangeError('A digest is 64 lower-case hexadecimal digits.')
  return hex
}

/** Asked three times for each record that is logged or verified; a regular expression takes three times as long. */
function isDigest(text: string): boolean {
  if (text.length !== DIGEST_LETTERS) return false
  for (let at = 0; at < DIGEST_LETTERS; at += 1) if (HEX_DIGIT[text.charCodeAt(at)] !== 1) return false
  return true
}
