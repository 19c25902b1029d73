/**
 * A writer's evidence as its shipper uses it: opened when first needed, and given up loudly when it fails. Rows go on
 * without proof rather than not at all; a verifier then says that the proof is missing.
 */

import type { Batch, BatchEvidence } from '../sink.ts'
import type { Checkpoint } from './checkpoints.ts'
import { WriterEvidence, type WriterEvidenceSetup } from './writer-evidence.ts'

export class ShipEvidence {
  readonly #setup: WriterEvidenceSetup
  /** Undefined before the first use, null once it failed. */
  #evidence: WriterEvidence | null | undefined

  constructor(setup: WriterEvidenceSetup) {
    this.#setup = setup
  }

  /** Goes on and signs when it is time; call it a few times a second. */
  tick(): void {
    this.#use((evidence) => evidence.tick(), undefined)
  }

  /** What goes into the database beside a batch. The last head of a writer that has ended goes with its last batch. */
  of(batch: Batch): BatchEvidence {
    return this.#use<BatchEvidence>(
      (evidence) => {
        const leaves = evidence.leaves(batch.fromSeq, batch.toSeq)
        if (batch.sealed) evidence.tick(true)
        return { leaves, checkpoints: evidence.pending(batch.toSeq) }
      },
      { leaves: null, checkpoints: [] },
    )
  }

  /** Heads over records below `size` that the database does not have. */
  pending(size: number): readonly Checkpoint[] {
    return this.#evidence?.pending(size) ?? []
  }

  shipped(checkpoints: readonly Checkpoint[]): void {
    this.#evidence?.shipped(checkpoints)
  }

  /** True when every record below `seq` is under a signature, or never will be. */
  covers(seq: number): boolean {
    return this.#use((evidence) => {
      if (evidence.signedSize < seq && this.#setup.live === null) evidence.tick(true)
      return evidence.signedSize >= seq
    }, true)
  }

  get allShipped(): boolean {
    return this.#evidence?.allShipped ?? true
  }

  close(): void {
    this.#evidence?.close()
    this.#evidence = undefined
  }

  #use<Result>(action: (evidence: WriterEvidence) => Result, otherwise: Result): Result {
    if (this.#evidence === null) return otherwise
    try {
      this.#evidence ??= new WriterEvidence(this.#setup)
      return action(this.#evidence)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#evidence?.close()
      this.#evidence = null
      this.#setup.onEvent({ event: 'audit.evidence_failed', writer: this.#setup.writer, message })
      return otherwise
    }
  }
}
