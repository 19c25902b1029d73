/**
 * Cosignatures of witnesses: https://c2sp.org/tlog-cosignature, Ed25519, cosignature/v1. A witness signs a checkpoint
 * and the moment; whether it may (is the checkpoint consistent with the last one seen?) is for the caller to know.
 */

import { type KeyObject, sign, verify } from 'node:crypto'
import { parseTreeHead } from './checkpoint.ts'
import { SIGNATURE_BYTES } from './ed25519.ts'
import {
  assertAlgorithm,
  formatNote,
  type NoteSignature,
  type NoteSigner,
  parseNote,
  signatureBy,
  verifiedSignatures,
} from './signed-note.ts'
import { ALGORITHM, type VerifierKey, verifierKeyOf } from './verifier-key.ts'

const TIME_BYTES = 8

export type Cosignature = { readonly key: VerifierKey; readonly timeSeconds: number }

/** A signer for cosignatures. The signed bytes do not hold its name: one private key is for one witness only. */
export function cosigner(name: string, privateKey: KeyObject): NoteSigner {
  return { key: verifierKeyOf(name, privateKey, ALGORITHM.cosignatureV1), privateKey }
}

/**
 * The signed checkpoint with this cosignature after its signatures; one by the same key is replaced. `timeSeconds` is
 * whole seconds since the Unix epoch. Throws NoteError when the note is no checkpoint.
 */
export function cosign(signedCheckpoint: string, signer: NoteSigner, timeSeconds: number): string {
  assertAlgorithm(signer.key, ALGORITHM.cosignatureV1)
  if (!Number.isSafeInteger(timeSeconds) || timeSeconds < 0) throw new RangeError('A time is whole seconds.')
  const note = parseNote(signedCheckpoint)
  parseTreeHead(note.text)
  const time = Buffer.alloc(TIME_BYTES)
  time.writeBigUInt64BE(BigInt(timeSeconds))
  const bytes = sign(null, message(time, note.text), signer.privateKey)
  const own = signatureBy(signer.key, Buffer.concat([time, bytes]))
  const others = note.signatures.filter(({ name, keyId }) => name !== own.name || keyId !== own.keyId)
  return formatNote({ text: note.text, signatures: [...others, own] })
}

/**
 * The cosignatures by these witnesses, in the order of the note; how many are enough is for the caller to say. Does
 * not look at the log's own signature. Throws NoteError: 'bad_signature' when one by a known witness does not fit,
 * 'wrong_algorithm' for a key that is no cosigner's, 'malformed' when the note is no checkpoint.
 */
export function verifyCosignatures(
  signedCheckpoint: Buffer | string,
  witnesses: readonly VerifierKey[],
): Cosignature[] {
  for (const key of witnesses) assertAlgorithm(key, ALGORITHM.cosignatureV1)
  const note = parseNote(signedCheckpoint)
  parseTreeHead(note.text)
  return verifiedSignatures(note, witnesses, fits).map(({ key, signature }) => ({
    key,
    timeSeconds: Number(signature.bytes.readBigUInt64BE()),
  }))
}

function fits(key: VerifierKey, { bytes }: NoteSignature, text: string): boolean {
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return false
  const time = bytes.subarray(0, TIME_BYTES)
  // Past 2^53 a number would not hold what was signed; the specification stops at 2^63.
  if (time.readBigUInt64BE() > BigInt(Number.MAX_SAFE_INTEGER)) return false
  return verify(null, message(time, text), key.publicKey, bytes.subarray(TIME_BYTES))
}

function message(time: Buffer, text: string): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time.readBigUInt64BE()}\n${text}`)
}
