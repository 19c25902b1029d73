/** Ed25519 keys (RFC 8032) between Node's KeyObject, raw bytes and files. Never puts key material into an error. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { decodeBase64 } from './base64.ts'

export const PUBLIC_KEY_BYTES = 32
export const SIGNATURE_BYTES = 64
const SEED_BYTES = 32
/** RFC 8410: everything in front of the 32 bytes of an Ed25519 key in DER. */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

export class KeyError extends Error {
  override name = 'KeyError'
}

export function generatePrivateKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey
}

/** PKCS#8 PEM: what a key file holds, and what `readPrivateKey` reads. */
export function privateKeyPem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString()
}

/** The key of a file's text: PKCS#8 PEM, or the base64 of the 32-byte seed. Throws KeyError. */
export function readPrivateKey(text: string): KeyObject {
  const trimmed = text.trim()
  if (trimmed.startsWith('-----BEGIN ')) return fromPem(trimmed)
  const seed = decodeBase64(trimmed)
  if (seed?.length !== SEED_BYTES) {
    throw new KeyError('The key is neither PKCS#8 PEM nor the base64 of a 32-byte Ed25519 seed.')
  }
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' })
}

/** The 32 raw bytes of the public half. */
export function publicKeyBytes(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length)
}

export function publicKeyOf(bytes: Buffer): KeyObject {
  if (bytes.length !== PUBLIC_KEY_BYTES) throw new KeyError('An Ed25519 public key has 32 bytes.')
  return createPublicKey({ key: Buffer.concat([SPKI_HEAD, bytes]), format: 'der', type: 'spki' })
}

function fromPem(pem: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey({ key: pem, format: 'pem' })
  } catch {
    // OpenSSL's own message says nothing to a reader, and says it about a secret.
    throw new KeyError(
      'The PEM holds no private key that can be read; an encrypted one has to be decrypted first.',
    )
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new KeyError(`The key is ${key.asymmetricKeyType}, not Ed25519.`)
  return key
}
