/** Verifier keys of C2SP signed-note: `name+<key id, 8 hex digits>+<base64 of algorithm byte and public key>`. Pure. */

import type { KeyObject } from 'node:crypto'
import { decodeBase64 } from './base64.ts'
import { PUBLIC_KEY_BYTES, publicKeyBytes, publicKeyOf } from './ed25519.ts'
import { NoteError } from './note-error.ts'
import { sha256 } from './sha256.ts'

/** Signature types of C2SP signed-note that are understood here. */
export const ALGORITHM = { ed25519: 0x01, cosignatureV1: 0x04 } as const
export type Algorithm = (typeof ALGORITHM)[keyof typeof ALGORITHM]

const KEY_ID_BYTES = 4
const NO_NAME = /[\p{White_Space}\p{Cc}+]/u

export type VerifierKey = {
  readonly name: string
  /** 8 lower-case hexadecimal digits. */
  readonly keyId: string
  readonly algorithm: Algorithm
  readonly publicKey: KeyObject
  /** The key as people pass it on. */
  readonly text: string
}

/** The verifier key of a private or public key under a name. Throws NoteError('bad_name'). */
export function verifierKeyOf(name: string, key: KeyObject, algorithm: Algorithm): VerifierKey {
  return build(name, publicKeyBytes(key), algorithm)
}

/** Throws NoteError('bad_key'): also when the key id is not the one of this name and key. */
export function parseVerifierKey(text: string): VerifierKey {
  // The base64 may hold a plus of its own.
  const [, name, keyId, encoded] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/s.exec(text) ?? []
  const bytes = encoded === undefined ? null : decodeBase64(encoded)
  const algorithm = Object.values(ALGORITHM).find((one) => one === bytes?.[0])
  if (name === undefined || !isKeyName(name) || bytes?.length !== 1 + PUBLIC_KEY_BYTES || !algorithm) {
    throw new NoteError('bad_key', 'A verifier key reads name+id+base64, of an Ed25519 key or cosigner.')
  }
  const key = build(name, bytes.subarray(1), algorithm)
  if (key.keyId !== keyId)
    throw new NoteError('bad_key', `The id of the verifier key ${name} does not fit it.`)
  return key
}

/** Key names are not empty and hold no spaces, no plus and no control characters. */
export function isKeyName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !NO_NAME.test(name)
}

function build(name: string, bytes: Buffer, algorithm: Algorithm): VerifierKey {
  if (!isKeyName(name))
    throw new NoteError('bad_name', 'A key name has no spaces and no plus, and is not empty.')
  const typed = Buffer.concat([Buffer.from([algorithm]), bytes])
  const keyId = sha256(Buffer.concat([Buffer.from(`${name}\n`), typed])).toString('hex', 0, KEY_ID_BYTES)
  const text = `${name}+${keyId}+${typed.toString('base64')}`
  return { name, keyId, algorithm, publicKey: publicKeyOf(bytes), text }
}
