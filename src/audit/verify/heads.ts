/**
 * A writer's signed heads against its leaves: every signature, every root and chain head, the order of the heads and
 * that each names the one before. Leaves stream by; nothing of the tree is kept but one hash per level.
 */

import { type Checkpoint, checkpointDigest, parseCheckpoint } from '../../lib/checkpoint.ts'
import { chainHead, chainStart } from '../../lib/hash-chain.ts'
import { CompactRange } from '../../lib/merkle.ts'
import { NoteError } from '../../lib/note-error.ts'
import { HASH_BYTES } from '../../lib/sha256.ts'
import { verifyNote } from '../../lib/signed-note.ts'
import type { VerifierKey } from '../../lib/verifier-key.ts'
import type { Findings } from './findings.ts'

type HeadToCheck = { size: number; note: string }

/** What somebody outside holds: the log has to contain it. */
export type OutsideHead = { head: Checkpoint; from: string }

type HeadsSetup = {
  writer: string
  heads: readonly HeadToCheck[]
  outside: readonly OutsideHead[]
  keys: readonly VerifierKey[]
  findings: Findings
}

export class HeadsCheck {
  readonly #setup: HeadsSetup
  readonly #range = new CompactRange()
  /** Heads whose signature fits, by size; and those from outside. */
  readonly #waiting: { head: Checkpoint; from: string | null }[]
  #chain = chainStart()
  #checked = 0

  constructor(setup: HeadsSetup) {
    this.#setup = setup
    const own = this.#readable()
    const outside = setup.outside.map(({ head, from }) => ({ head, from }))
    this.#waiting = [...own.map((head) => ({ head, from: null })), ...outside].toSorted(
      (one, other) => one.head.size - other.head.size,
    )
  }

  /** Leaves in order, each once. */
  add(leaves: Buffer): void {
    let at = 0
    while (at < leaves.length) {
      const next = this.#waiting[0]
      const room = next === undefined ? Number.POSITIVE_INFINITY : next.head.size - this.#range.size
      const end = Math.min(leaves.length, at + room * HASH_BYTES)
      for (let leaf = at; leaf < end; leaf += HASH_BYTES) this.#range.append(leaves, leaf)
      this.#chain = chainHead(this.#chain, leaves.subarray(at, end))
      at = end
      this.#compare()
    }
  }

  /** Call it after the last leaf. Gives how many records are under a signature that fits. */
  end(): { signed: number; checked: number } {
    for (const { head, from } of this.#waiting) {
      const message =
        from === null
          ? `A head over ${head.size} records was signed; the log has ${this.#range.size}.`
          : `${from} holds a head over ${head.size} records; the log has ${this.#range.size}.`
      this.#add('altered', 'log_shortened', head.size, message)
    }
    return { signed: this.#signed, checked: this.#checked }
  }

  #signed = 0

  #compare(): void {
    let next = this.#waiting[0]
    while (next !== undefined && next.head.size === this.#range.size) {
      this.#waiting.shift()
      this.#checked += 1
      const { head, from } = next
      const fits = head.root.equals(this.#range.root()) && head.chain.equals(this.#chain)
      if (fits) this.#signed = Math.max(this.#signed, head.size)
      else {
        const whose = from === null ? 'The head' : `The head that ${from} holds`
        this.#add(
          'altered',
          'root_mismatch',
          head.size,
          `${whose} over ${head.size} records is not that of its leaves.`,
        )
      }
      next = this.#waiting[0]
    }
  }

  /** Heads that a known key signed for this writer, in order, each naming the one before. */
  #readable(): Checkpoint[] {
    const { writer, heads, keys } = this.#setup
    const read: Checkpoint[] = []
    let before: string | null = null
    for (const { size, note } of heads) {
      const head = this.#verify(size, note, keys)
      if (head === null) continue
      if (head.size !== size || !head.origin.endsWith(`/${writer}`)) {
        this.#add(
          'altered',
          'head_moved',
          size,
          `The head at ${size} is one of ${head.origin} over ${head.size} records.`,
        )
        continue
      }
      if (head.previous !== before) {
        this.#add('altered', 'head_missing', size, `The head at ${size} does not follow the one before it.`)
      }
      before = checkpointDigest(note)
      read.push(head)
    }
    return read
  }

  #verify(size: number, note: string, keys: readonly VerifierKey[]): Checkpoint | null {
    try {
      return parseCheckpoint(verifyNote(note, keys).text)
    } catch (error) {
      if (!(error instanceof NoteError)) throw error
      this.#add(
        'altered',
        'head_signature',
        size,
        `The head at ${size} is not signed by a known key: ${error.message}`,
      )
      return null
    }
  }

  #add(severity: 'altered' | 'incomplete', kind: string, seq: number, message: string): void {
    this.#setup.findings.add(severity, kind, { writer: this.#setup.writer, seq }, message)
  }
}
