/**
 * What makes one writer's records provable: its leaves, and the signed heads over them. Works whether or not the
 * database answers. A failure is told and never stops the shipping of rows.
 */

import type { Clock } from '../../lib/clock.ts'
import type { NoteSigner } from '../../lib/signed-note.ts'
import type { AuditEvent } from '../events.ts'
import type { Progress } from '../progress.ts'
import { type Checkpoint, readCheckpoints, WriterCheckpoints } from './checkpoints.ts'
import { WriterChain } from './writer-chain.ts'

export type WriterEvidenceSetup = {
  writer: string
  folder: string
  live: Progress | null
  signer: NoteSigner
  /** The log's name; a writer's is `<origin>/<writer>`. */
  origin: string
  clock: Clock
  onEvent: (event: AuditEvent) => void
}

/** Steps of 4,096 leaves before the thread does something else. */
const MAX_STEPS = 8

export class WriterEvidence {
  readonly #setup: WriterEvidenceSetup
  readonly #checkpoints: WriterCheckpoints
  readonly #chain: WriterChain
  /** Heads that are not known to be in the database. */
  #pending: Checkpoint[]

  /** Throws when leaves are missing whose records are gone. */
  constructor(setup: WriterEvidenceSetup) {
    const { folder, writer, live, origin, signer } = setup
    this.#setup = setup
    this.#checkpoints = new WriterCheckpoints(folder, `${origin}/${writer}`, signer)
    this.#chain = new WriterChain(folder, live, this.#checkpoints.size)
    this.#pending = readCheckpoints(folder)
  }

  /** Records under a signature. */
  get signedSize(): number {
    return this.#checkpoints.size
  }

  /** Catches up with the writer and signs when it is time; bounded work. `ended` signs the last head of all. */
  tick(ended = false): void {
    let steps = 0
    while (this.#chain.advance() && steps < MAX_STEPS) steps += 1
    const nowMs = this.#setup.clock.nowMs()
    if (!this.#checkpoints.due(this.#chain.size, nowMs, ended)) return
    this.#chain.sync()
    this.#pending.push(this.#checkpoints.sign(this.#chain.current(), nowMs))
  }

  /** Leaf hashes of these records, computing what is missing. Throws when the records are not there yet. */
  leaves(fromSeq: number, toSeq: number): Buffer {
    while (this.#chain.size < toSeq) {
      if (!this.#chain.advance() && this.#chain.size < toSeq) {
        throw new Error(`Record ${this.#chain.size} cannot be read, so ${toSeq} has no leaf.`)
      }
    }
    return this.#chain.leaves(fromSeq, toSeq)
  }

  /** Heads over records below `size` that are not in the database. */
  pending(size: number): Checkpoint[] {
    return this.#pending.filter((checkpoint) => checkpoint.size <= size)
  }

  /** These are in the database now. */
  shipped(checkpoints: readonly Checkpoint[]): void {
    if (checkpoints.length > 0) this.#pending = this.#pending.filter((one) => !checkpoints.includes(one))
  }

  get allShipped(): boolean {
    return this.#pending.length === 0
  }

  close(): void {
    this.#chain.close()
  }
}
