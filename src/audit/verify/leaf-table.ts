/** A writer's shipped leaves: whether they are dense, and any of them by number, with a bounded part of them in memory. */

import type { Sql } from 'postgres'
import { HASH_BYTES } from '../../lib/sha256.ts'
import type { Findings } from './findings.ts'
import { type LeafRun, listLeafRuns, readLeafRuns } from './source.ts'

/** Runs in memory: about 30 KB each. */
const MAX_RUNS = 2048

export class LeafTable {
  readonly #sql: Sql
  readonly #writer: string
  readonly #runs: readonly LeafRun[]
  /** First number -> leaves, in order of loading. */
  readonly #loaded = new Map<number, Buffer>()

  private constructor(sql: Sql, writer: string, runs: readonly LeafRun[]) {
    this.#sql = sql
    this.#writer = writer
    this.#runs = runs
  }

  /** Reads where the runs lie, and says where one is missing or two overlap. */
  static async open(sql: Sql, writer: string, findings: Findings): Promise<LeafTable> {
    const runs = await listLeafRuns(sql, writer)
    let next = 0
    for (const { firstSeq, count } of runs) {
      if (firstSeq > next) {
        const message = `The leaves ${next} to ${firstSeq - 1} are not there.`
        findings.add('incomplete', 'leaves_missing', { writer, seq: next }, message)
      } else if (firstSeq < next) {
        findings.add(
          'altered',
          'leaves_twice',
          { writer, seq: firstSeq },
          `Leaf ${firstSeq} stands there twice.`,
        )
      }
      next = firstSeq + count
    }
    return new LeafTable(sql, writer, runs)
  }

  /** Leaves up to here were shipped. */
  get size(): number {
    const last = this.#runs.at(-1)
    return last === undefined ? 0 : last.firstSeq + last.count
  }

  /** Where there are leaves among these numbers, both ends included; `to` of a part is the first behind it. */
  *parts(first: number, last: number): Generator<{ from: number; to: number }> {
    for (const { firstSeq, count } of this.#runs) {
      const from = Math.max(firstSeq, first)
      const to = Math.min(firstSeq + count, last + 1)
      if (from < to) yield { from, to }
    }
  }

  /** Every leaf in order, in pieces. None is kept: what `load` has loaded stays, whoever else goes through the leaves. */
  async *stream(): AsyncGenerator<Buffer> {
    let from = 0
    for (;;) {
      const runs = await readLeafRuns(this.#sql, this.#writer, from, Number.MAX_SAFE_INTEGER)
      for (const { firstSeq, leaves } of runs) {
        from = firstSeq + 1
        yield leaves
      }
      if (runs.length === 0) return
    }
  }

  /** Loads what `leafAt` needs for these records. */
  async load(seqs: Iterable<number>): Promise<void> {
    for (const seq of seqs) {
      const run = this.#runOf(seq)
      if (run === null || this.#loaded.has(run.firstSeq)) continue
      const found = await readLeafRuns(this.#sql, this.#writer, run.firstSeq, run.firstSeq + run.count * 64)
      for (const { firstSeq, leaves } of found) this.#keep(firstSeq, leaves)
    }
  }

  leafAt(seq: number): Buffer | null {
    const run = this.#runOf(seq)
    const leaves = run === null ? undefined : this.#loaded.get(run.firstSeq)
    if (run === null || leaves === undefined) return null
    const at = (seq - run.firstSeq) * HASH_BYTES
    return leaves.subarray(at, at + HASH_BYTES)
  }

  #keep(firstSeq: number, leaves: Buffer): void {
    this.#loaded.delete(firstSeq)
    this.#loaded.set(firstSeq, leaves)
    if (this.#loaded.size <= MAX_RUNS) return
    const [oldest] = this.#loaded.keys()
    if (oldest !== undefined) this.#loaded.delete(oldest)
  }

  #runOf(seq: number): LeafRun | null {
    let low = 0
    let high = this.#runs.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const run = this.#runs[middle]
      if (run === undefined) return null
      if (seq < run.firstSeq) high = middle - 1
      else if (seq >= run.firstSeq + run.count) low = middle + 1
      else return run
    }
    return null
  }
}
