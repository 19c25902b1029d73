/**
 * Checkpoints: https://c2sp.org/tlog-checkpoint. The text a log signs: origin, size and root of its tree, then three
 * extension lines of ours. Pure; a text that was not verified says nothing.
 */

import { decodeBase64 } from './base64.ts'
import { NoteError } from './note-error.ts'
import { HASH_BYTES, sha256Hex } from './sha256.ts'
import { isKeyName } from './verifier-key.ts'

/** What every checkpoint says, of whatever log. */
export type TreeHead = {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
  /** Everything after the third line; opaque to who does not know the log. */
  readonly extensions: readonly string[]
}

export type Checkpoint = {
  /** Names one log, which is one writer: two trees must never share it. A key name, so no spaces and no plus. */
  readonly origin: string
  readonly size: number
  readonly root: Buffer
  /** Head of the hash chain over the same leaves. */
  readonly chain: Buffer
  /** Wall milliseconds when it was made. */
  readonly timeMs: number
  /** `checkpointDigest` of the checkpoint before; null for the first of its log. */
  readonly previous: string | null
}

const EXTENSION_LINES = 3

/** The text to sign. Throws NoteError('malformed', 'bad_name') rather than write what `parseCheckpoint` refuses. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, root, chain, timeMs, previous } = checkpoint
  if (!isKeyName(origin))
    throw new NoteError('bad_name', 'An origin has no spaces and no plus, and is not empty.')
  const text = [
    origin,
    String(size),
    root.toString('base64'),
    `chain ${chain.toString('base64')}`,
    `time ${isoTime(timeMs)}`,
    `previous ${previous ?? '-'}`,
    '',
  ].join('\n')
  parseCheckpoint(text)
  return text
}

/** Reads a checkpoint of ours. Throws NoteError('malformed'). */
export function parseCheckpoint(text: string): Checkpoint {
  const { extensions, ...head } = parseTreeHead(text)
  if (extensions.length !== EXTENSION_LINES) throw malformed('three lines after the root')
  const [chain = '', time = '', previous = ''] = ['chain', 'time', 'previous'].map((name, at) => {
    const line = extensions[at] ?? ''
    if (!line.startsWith(`${name} `)) throw malformed(`a line "${name}"`)
    return line.slice(name.length + 1)
  })
  const timeMs = Date.parse(time)
  if (Number.isNaN(timeMs) || isoTime(timeMs) !== time)
    throw malformed('its time as 2026-01-31T12:00:00.000Z')
  if (previous !== '-' && !/^[0-9a-f]{64}$/.test(previous)) throw malformed('a digest, or -, as previous')
  return { ...head, chain: readHash(chain), timeMs, previous: previous === '-' ? null : previous }
}

/** Reads the checkpoint of any log. Throws NoteError('malformed'). */
export function parseTreeHead(text: string): TreeHead {
  const [origin = '', digits = '', root = '', ...extensions] = text.split('\n')
  if (extensions.pop() !== '') throw malformed('a newline at its end, after three lines or more')
  if (origin === '') throw malformed('an origin')
  const size = Number(digits)
  if (!/^(0|[1-9][0-9]*)$/.test(digits) || !Number.isSafeInteger(size)) throw malformed('a decimal tree size')
  if (extensions.includes('')) throw malformed('no empty line')
  return { origin, size, root: readHash(root), extensions }
}

/** What the next checkpoint calls `previous`: SHA-256 in hex of the note as the log signed it, before cosignatures. */
export function checkpointDigest(signedNote: string): string {
  return sha256Hex(signedNote)
}

function readHash(text: string): Buffer {
  const bytes = decodeBase64(text)
  if (bytes?.length !== HASH_BYTES) throw malformed('hashes of 32 bytes in base64')
  return bytes
}

function isoTime(timeMs: number): string {
  const time = new Date(timeMs)
  return Number.isNaN(time.getTime()) ? 'never' : time.toISOString()
}

function malformed(expected: string): NoteError {
  return new NoteError('malformed', `A checkpoint has ${expected}.`)
}
