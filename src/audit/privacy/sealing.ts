/**
 * Bodies under AES-256-GCM, each bound to its request and its place in it, so that one cannot stand in for another.
 * Pure but for the randomness of nonces. Never seals with the audit key itself.
 *
 * A sealed body: version (1 byte) | nonce (12) | ciphertext | tag (16). Nonces are random: a data key seals the bodies
 * of one subject on one day in one process, far below the 2^32 that NIST SP 800-38D §8.3 allows.
 */

import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  randomFillSync,
} from 'node:crypto'

const ALGORITHM = 'aes-256-gcm'
const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** What sealing adds to a body. */
export const SEAL_BYTES = 1 + NONCE_BYTES + TAG_BYTES
const POOL_BYTES = NONCE_BYTES * 512

const pool = Buffer.allocUnsafeSlow(POOL_BYTES)
let poolAt = POOL_BYTES

/** Which of a request's bodies: `part:0` is the first kept piece of a long answer, `response` its rest. */
export type BodySlot = 'request' | 'response' | `part:${number}`

/** An empty body stays empty: there is nothing to hide and nothing to lose. */
export function sealBody(key: KeyObject, requestId: string, slot: BodySlot, body: Buffer): Buffer {
  return body.length === 0 ? body : seal(key, context(requestId, slot), body)
}

/** Throws SealError when the key, the place or a byte is not what it was. */
export function openBody(key: KeyObject, requestId: string, slot: BodySlot, sealed: Buffer): Buffer {
  return sealed.length === 0 ? sealed : unseal(key, context(requestId, slot), sealed)
}

/** A data key under the wrapping key, bound to the id it is stored under and to whom it belongs. */
export function wrapKey(
  wrapping: KeyObject,
  id: string,
  owner: { projectId: string | null; subject: string | null },
  key: KeyObject,
): Buffer {
  return seal(wrapping, wrapContext(id, owner), key.export())
}

/** Throws SealError when it was wrapped under another audit key, or for another id or owner. */
export function unwrapKey(
  wrapping: KeyObject,
  id: string,
  owner: { projectId: string | null; subject: string | null },
  wrapped: Buffer,
): KeyObject {
  return createSecretKey(unseal(wrapping, wrapContext(id, owner), wrapped))
}

/** These bytes do not open: another key, another place, or they were changed. */
export class SealError extends Error {
  override name = 'SealError'
}

function seal(key: KeyObject, bound: Buffer, plain: Buffer): Buffer {
  const sealed = Buffer.allocUnsafe(SEAL_BYTES + plain.length)
  sealed[0] = VERSION
  nonceInto(sealed)
  const cipher = createCipheriv(ALGORITHM, key, sealed.subarray(1, 1 + NONCE_BYTES))
  cipher.setAAD(bound)
  cipher.update(plain).copy(sealed, 1 + NONCE_BYTES)
  cipher.final()
  cipher.getAuthTag().copy(sealed, sealed.length - TAG_BYTES)
  return sealed
}

function unseal(key: KeyObject, bound: Buffer, sealed: Buffer): Buffer {
  if (sealed.length < SEAL_BYTES || sealed[0] !== VERSION)
    throw new SealError('These bytes are not a sealed body.')
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(1, 1 + NONCE_BYTES))
  decipher.setAAD(bound)
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  try {
    const plain = decipher.update(sealed.subarray(1 + NONCE_BYTES, sealed.length - TAG_BYTES))
    return Buffer.concat([plain, decipher.final()])
  } catch (cause) {
    throw new SealError('A sealed body does not open: another key, another place, or it was changed.', {
      cause,
    })
  }
}

/** One call to the generator for many nonces: each call costs as much as sealing a kilobyte. */
function nonceInto(sealed: Buffer): void {
  if (poolAt === POOL_BYTES) {
    randomFillSync(pool)
    poolAt = 0
  }
  pool.copy(sealed, 1, poolAt, poolAt + NONCE_BYTES)
  poolAt += NONCE_BYTES
}

function context(requestId: string, slot: BodySlot): Buffer {
  return Buffer.from(`aval body v1\0${requestId}\0${slot}`, 'latin1')
}

function wrapContext(
  id: string,
  { projectId, subject }: { projectId: string | null; subject: string | null },
): Buffer {
  return Buffer.from(`aval data key v1\0${id}\0${projectId ?? ''}\0${subject ?? ''}`)
}
