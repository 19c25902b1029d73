/** The hash chain of one writer: c_i = SHA-256(0x02 || c_{i-1} || leaf_i), c_{-1} = 32 zero bytes. Pure. */

import { HASH_BYTES, sha256 } from './sha256.ts'

/** Neither a leaf (0x00) nor a node (0x01) of the tree over the same leaves. */
const CHAIN_PREFIX = 0x02

/** The head before the first leaf: 32 zero bytes. */
export function chainStart(): Buffer {
  return Buffer.alloc(HASH_BYTES)
}

/** The head after these leaf hashes (32 bytes each, back to back; none gives `before`), from the head before them. */
export function chainHead(before: Buffer, leaves: Buffer): Buffer {
  if (before.length !== HASH_BYTES || leaves.length % HASH_BYTES !== 0) {
    throw new RangeError('Heads and leaf hashes are 32 bytes each.')
  }
  const link = Buffer.allocUnsafe(1 + 2 * HASH_BYTES)
  link[0] = CHAIN_PREFIX
  before.copy(link, 1)
  for (let at = 0; at < leaves.length; at += HASH_BYTES) {
    leaves.copy(link, 1 + HASH_BYTES, at, at + HASH_BYTES)
    sha256(link).copy(link, 1)
  }
  return Buffer.from(link.subarray(1, 1 + HASH_BYTES))
}
