/** SHA-256 in one call. One file, so that the fast way of asking Node for a digest is written once. */

import { hash } from 'node:crypto'

export const HASH_BYTES = 32

/** The digest of bytes, or of the UTF-8 bytes of a text. */
export function sha256(data: Uint8Array | string): Buffer {
  // A digest that leaves OpenSSL as a string and is copied costs half of one that leaves it as a Buffer.
  return Buffer.from(hash('sha256', data, 'binary'), 'binary')
}

/** The digest as 64 lower-case hexadecimal digits. */
export function sha256Hex(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex')
}
