/**
 * Pages of rows, read and judged as far as a row can be by itself: most of the work of a verification, and what several threads
 * can do at once. What a page needs of the rest of the log (leaves, what was met before, reasons) is left to who asked.
 */

import type { Sql } from 'postgres'
import { examineRow, type RawRow, type RowFacts, type RowLoss, type RowProblem } from './row-check.ts'
import { findKeyIds, readRows, type Span } from './source.ts'

/** What was found on a page; flat, because it goes from thread to thread. */
export type PageFacts = {
  /** The rows' ids and places, in order. */
  ids: string[]
  places: Float64Array
  /** How many records each row stands for; their numbers, one row after the other, and what their leaves have to be. */
  records: Uint32Array
  seqs: Float64Array
  leaves: Uint8Array<ArrayBuffer>
  /** `row` counts within the page, from 0 and upwards. */
  problems: (RowProblem & { row: number })[]
  losses: (RowLoss & { row: number })[]
  bodies: number
}

const MAX_KEYS = 100_000

export class PageReader {
  readonly #sql: Sql
  /** Data keys that are there. */
  readonly #keys = new Set<string>()

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** The span's pages, in order. Throws what the database says. */
  async *read(span: Span, withBodies: boolean): AsyncGenerator<PageFacts> {
    let coming = readRows(this.#sql, span, withBodies)
    for (;;) {
      const rows = await coming
      const afterSeq = rows.at(-1)?.place
      if (afterSeq === undefined) return
      // The database makes the next page while this one is judged.
      coming = readRows(this.#sql, { ...span, afterSeq }, withBodies)
      coming.catch(() => undefined)
      await this.#loadKeys(rows)
      yield this.#examine(rows, withBodies)
    }
  }

  #examine(rows: readonly RawRow[], withBodies: boolean): PageFacts {
    const keyExists = withBodies ? (id: string) => this.#keys.has(id) : null
    const facts = rows.map((row) => examineRow(row, keyExists))
    return {
      ids: rows.map(({ id }) => id),
      places: Float64Array.from(rows, ({ seq }) => seq),
      bodies: withBodies ? countBodies(rows) : 0,
      ...flat(facts),
    }
  }

  /** Keys are few and rows are many: each is asked for once while it is found. */
  async #loadKeys(rows: readonly RawRow[]): Promise<void> {
    // Before it is looked at, or a key of this page would be taken for missing.
    if (this.#keys.size > MAX_KEYS) this.#keys.clear()
    const wanted = new Set<string>()
    for (const { dataKey } of rows) if (dataKey !== null && !this.#keys.has(dataKey)) wanted.add(dataKey)
    for (const id of await findKeyIds(this.#sql, [...wanted])) this.#keys.add(id)
  }
}

function countBodies(rows: readonly RawRow[]): number {
  let bodies = 0
  for (const { requestBody, responseBody } of rows)
    bodies += Number(requestBody !== null) + Number(responseBody !== null)
  return bodies
}

function flat(facts: readonly RowFacts[]) {
  return {
    records: Uint32Array.from(facts, ({ seqs }) => seqs.length),
    seqs: Float64Array.from(facts.flatMap(({ seqs }) => seqs)),
    leaves: joined(facts.flatMap(({ leaves }) => leaves)),
    problems: facts.flatMap(({ problems }, row) => problems.map((problem) => ({ ...problem, row }))),
    losses: facts.flatMap(({ loss }, row) => (loss === null ? [] : [{ ...loss, row }])),
  }
}

/** In memory of their own, which can be given to another thread. */
function joined(leaves: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(leaves.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const leaf of leaves) {
    all.set(leaf, at)
    at += leaf.length
  }
  return all
}
