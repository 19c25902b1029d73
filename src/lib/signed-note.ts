/**
 * Signed notes: https://c2sp.org/signed-note. A text, a blank line, then one line per signature. The text of a note
 * must not be believed before `verifyNote` gave it back. Pure.
 */

import { type KeyObject, sign, verify } from 'node:crypto'
import { decodeBase64 } from './base64.ts'
import { SIGNATURE_BYTES } from './ed25519.ts'
import { NoteError } from './note-error.ts'
import { ALGORITHM, isKeyName, type VerifierKey, verifierKeyOf } from './verifier-key.ts'

/** A checkpoint has a few hundred bytes; more than this is no note anybody meant to send. */
const MAX_NOTE_BYTES = 1024 * 1024
/** The specification asks for at least 16; golang.org/x/mod/sumdb/note takes 100. */
const MAX_SIGNATURES = 100
const KEY_ID_BYTES = 4
const DASH = '— '

export type NoteSignature = {
  readonly name: string
  /** 8 lower-case hexadecimal digits. */
  readonly keyId: string
  /** What follows the key id; for Ed25519 the 64 bytes of the signature. */
  readonly bytes: Buffer
}

/** Read, not believed. */
export type Note = { readonly text: string; readonly signatures: readonly NoteSignature[] }

export type NoteSigner = { readonly key: VerifierKey; readonly privateKey: KeyObject }

/** Decides over one signature by a key that is known. */
export type SignatureCheck = (key: VerifierKey, signature: NoteSignature, text: string) => boolean

/** A signer for notes, by the private key of a log. */
export function noteSigner(name: string, privateKey: KeyObject): NoteSigner {
  return { key: verifierKeyOf(name, privateKey, ALGORITHM.ed25519), privateKey }
}

/** The note with one signature. The text ends with a newline. Throws NoteError. */
export function signNote(text: string, signer: NoteSigner): string {
  assertAlgorithm(signer.key, ALGORITHM.ed25519)
  assertText(text)
  const bytes = sign(null, Buffer.from(text), signer.privateKey)
  return formatNote({ text, signatures: [signatureBy(signer.key, bytes)] })
}

/** Signature bytes as the note names them. */
export function signatureBy(key: VerifierKey, bytes: Buffer): NoteSignature {
  return { name: key.name, keyId: key.keyId, bytes }
}

export function formatNote({ text, signatures }: Note): string {
  return `${text}\n${signatures.map(formatSignature).join('')}`
}

/** Reads a note and believes nothing. Throws NoteError('malformed' or 'too_large'). */
export function parseNote(source: Buffer | string): Note {
  const whole = readText(source)
  const end = whole.lastIndexOf('\n\n')
  if (end === -1) throw new NoteError('malformed', 'A note has a blank line before its signatures.')
  const text = whole.slice(0, end + 1)
  const lines = whole.slice(end + 2).split('\n')
  if (lines.pop() !== '') throw new NoteError('malformed', 'A note ends with a newline.')
  if (lines.length === 0) throw new NoteError('malformed', 'A note has at least one signature.')
  if (lines.length > MAX_SIGNATURES) throw new NoteError('too_large', 'The note has too many signatures.')
  return { text, signatures: lines.map(parseSignature) }
}

/**
 * The note, once at least one of the keys has signed its text, and the keys that did. Signatures by anybody else are
 * left aside. Throws NoteError: 'bad_signature' when a known key's signature does not fit, even if another's does;
 * 'unsigned' when no known key signed; 'wrong_algorithm' and 'ambiguous_key' for keys that cannot be meant.
 */
export function verifyNote(
  source: Buffer | string,
  keys: readonly VerifierKey[],
): { text: string; signers: VerifierKey[] } {
  for (const key of keys) assertAlgorithm(key, ALGORITHM.ed25519)
  const note = parseNote(source)
  const signers = [...new Set(verifiedSignatures(note, keys, fits).map(({ key }) => key))]
  if (signers.length === 0) throw new NoteError('unsigned', 'No known key has signed the note.')
  return { text: note.text, signers }
}

/** The signatures by known keys, each checked. Throws NoteError('bad_signature', 'ambiguous_key'). */
export function verifiedSignatures(
  note: Note,
  keys: readonly VerifierKey[],
  check: SignatureCheck,
): { key: VerifierKey; signature: NoteSignature }[] {
  const known = new Map<string, VerifierKey>()
  for (const key of keys) {
    const place = `${key.name}+${key.keyId}`
    if ((known.get(place) ?? key).text !== key.text) {
      throw new NoteError('ambiguous_key', `Two keys are called ${place}.`)
    }
    known.set(place, key)
  }
  return note.signatures.flatMap((signature) => {
    const key = known.get(`${signature.name}+${signature.keyId}`)
    if (key === undefined) return []
    if (check(key, signature, note.text)) return [{ key, signature }]
    throw new NoteError('bad_signature', `The signature by ${key.name} does not fit the text.`)
  })
}

export function assertAlgorithm(key: VerifierKey, algorithm: number): void {
  if (key.algorithm !== algorithm)
    throw new NoteError('wrong_algorithm', `${key.name} is a key of another kind.`)
}

function fits(key: VerifierKey, { bytes }: NoteSignature, text: string): boolean {
  return bytes.length === SIGNATURE_BYTES && verify(null, Buffer.from(text), key.publicKey, bytes)
}

function formatSignature({ name, keyId, bytes }: NoteSignature): string {
  return `${DASH}${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), bytes]).toString('base64')}\n`
}

function parseSignature(line: string): NoteSignature {
  const [name = '', encoded = '', ...rest] = line.slice(DASH.length).split(' ')
  const bytes = decodeBase64(encoded)
  const isOne = line.startsWith(DASH) && isKeyName(name) && rest.length === 0
  if (!isOne || bytes === null || bytes.length <= KEY_ID_BYTES) {
    throw new NoteError(
      'malformed',
      'A signature line reads: em dash, key name, base64 of key id and signature.',
    )
  }
  return { name, keyId: bytes.toString('hex', 0, KEY_ID_BYTES), bytes: bytes.subarray(KEY_ID_BYTES) }
}

function readText(source: Buffer | string): string {
  if (source.length > MAX_NOTE_BYTES) throw new NoteError('too_large', 'The note is longer than 1 MiB.')
  const text = typeof source === 'string' ? source : source.toString('utf8')
  if (typeof source !== 'string' && !Buffer.from(text).equals(source)) {
    throw new NoteError('malformed', 'A note is UTF-8.')
  }
  assertCharacters(text)
  return text
}

function assertText(text: string): void {
  if (!text.endsWith('\n')) throw new NoteError('malformed', 'The text of a note ends with a newline.')
  assertCharacters(text)
}

function assertCharacters(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what the specification forbids.
  if (!text.isWellFormed() || /[\x00-\x09\x0b-\x1f]/.test(text)) {
    throw new NoteError('malformed', 'A note is UTF-8 without control characters but newlines.')
  }
}
