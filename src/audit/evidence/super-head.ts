/**
 * The head over the heads of all writers, pure: a Merkle tree whose leaves are the writers in order with the size and
 * root each had signed last. One signature then stands for everything, and a writer that is hidden or dropped shows.
 */

import { parseTreeHead } from '../../lib/checkpoint.ts'
import { leafHash, treeRoot } from '../../lib/merkle.ts'
import { NoteError } from '../../lib/note-error.ts'
import { sha256Hex } from '../../lib/sha256.ts'

/** `root` is base64, as in the writer's own head. */
export type WriterHead = { size: number; root: string }
export type WriterHeads = ReadonlyMap<string, WriterHead>
export type SuperHead = { size: number; root: Buffer; timeMs: number; previous: string | null }

const EXTENSION_LINES = 2

/** The root over these writers, in the order of their names. */
export function superRoot(heads: WriterHeads): Buffer {
  const leaves = [...heads]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([writer, { size, root }]) =>
      leafHash(Buffer.from(`aval-writer/1\n${writer}\n${size}\n${root}\n`, 'latin1')),
    )
  return treeRoot(Buffer.concat(leaves))
}

/** The text to sign: a C2SP tlog-checkpoint whose size is the number of writers, then `time` and `previous`. */
export function formatSuperHead(
  origin: string,
  heads: WriterHeads,
  { timeMs, previous }: { timeMs: number; previous: string | null },
): string {
  const root = superRoot(heads).toString('base64')
  const time = new Date(timeMs).toISOString()
  return `${origin}/all\n${heads.size}\n${root}\ntime ${time}\nprevious ${previous ?? '-'}\n`
}

/** Reads it. Throws NoteError('malformed'). */
export function readSuperHead(text: string): SuperHead {
  const { size, root, extensions } = parseTreeHead(text)
  const [time, previous] = extensions
  if (
    extensions.length !== EXTENSION_LINES ||
    !time?.startsWith('time ') ||
    !previous?.startsWith('previous ')
  ) {
    throw new NoteError('malformed', 'A head over all writers ends with the lines time and previous.')
  }
  const digest = previous.slice('previous '.length)
  return {
    size,
    root,
    timeMs: Date.parse(time.slice('time '.length)),
    previous: digest === '-' ? null : digest,
  }
}

/** What the next one calls `previous`. */
export function superDigest(note: string): string {
  return sha256Hex(note)
}

/** The heads after a change; null when it takes back what was signed before, or is no list of heads. */
export function applyHeads(heads: WriterHeads, changed: unknown): WriterHeads | null {
  if (typeof changed !== 'object' || changed === null) return null
  const next = new Map(heads)
  for (const [writer, head] of Object.entries(changed)) {
    const { size, root } = head as Partial<WriterHead>
    if (typeof size !== 'number' || typeof root !== 'string' || size < (heads.get(writer)?.size ?? 0))
      return null
    next.set(writer, { size, root })
  }
  return next
}
