/**
 * The signed heads of one writer: made every ten seconds or ten thousand records, kept in `checkpoints` beside the
 * segments, each naming the one before it. A head is signed only after the leaves under it are on the disk.
 */

import { appendFileSync, closeSync, fdatasyncSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkpointDigest, formatCheckpoint, parseCheckpoint } from '../../lib/checkpoint.ts'
import { type NoteSigner, parseNote, signNote } from '../../lib/signed-note.ts'
import type { ChainHead } from './writer-chain.ts'

export type Checkpoint = { size: number; atMs: number; note: string }

const CHECKPOINTS_FILE = 'checkpoints'
/** Whichever comes first. Fewer would leave more to whoever may change records before they are signed. */
const EVERY_MS = 10_000
const EVERY_RECORDS = 10_000
/** Between two notes in the file; a note holds no form feed. */
const SEPARATOR = '\f\n'

export class WriterCheckpoints {
  readonly #path: string
  readonly #origin: string
  readonly #signer: NoteSigner
  #last: Checkpoint | null

  constructor(folder: string, origin: string, signer: NoteSigner) {
    this.#path = join(folder, CHECKPOINTS_FILE)
    this.#origin = origin
    this.#signer = signer
    this.#last = readCheckpoints(folder).at(-1) ?? null
  }

  /** Records under a signature; their leaves are on the disk. */
  get size(): number {
    return this.#last?.size ?? 0
  }

  /** True when `size` records at `nowMs` should be signed. `ended` signs whatever is not. */
  due(size: number, nowMs: number, ended: boolean): boolean {
    if (size <= this.size) return false
    // A clock that was set back must not put the next signature off for a day.
    const sinceMs = Math.abs(nowMs - (this.#last?.atMs ?? 0))
    return ended || size - this.size >= EVERY_RECORDS || sinceMs >= EVERY_MS
  }

  /** Signs a head whose leaves are synced, and keeps it. Throws what the disk says. */
  sign(head: ChainHead, nowMs: number): Checkpoint {
    const previous = this.#last === null ? null : checkpointDigest(this.#last.note)
    const text = formatCheckpoint({
      origin: this.#origin,
      size: head.size,
      root: head.root,
      chain: head.head,
      timeMs: Math.round(nowMs),
      previous,
    })
    const signed = { size: head.size, atMs: nowMs, note: signNote(text, this.#signer) }
    appendFileSync(this.#path, `${signed.note}${SEPARATOR}`)
    syncFile(this.#path)
    this.#last = signed
    return signed
  }
}

/** The writer's checkpoints, the oldest first; a torn last one is left out. */
export function readCheckpoints(folder: string): Checkpoint[] {
  let text: string
  try {
    text = readFileSync(join(folder, CHECKPOINTS_FILE), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return text
    .split(SEPARATOR)
    .slice(0, -1)
    .map((note) => {
      const { size, timeMs } = parseCheckpoint(parseNote(note).text)
      return { size, atMs: timeMs, note }
    })
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fdatasyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
