/**
 * Pages of rows, read and judged as far as a row can be by itself: most of the work of a verification, and what several threads
 * can do at once. What a page needs of the rest of the log (leaves, what was met before, reasons) is left to who asked.
 */

import type { Sql } from 'postgres'
import { HASH_BYTES } from '../../lib/sha256.ts'
import {
  examineRow,
  keyMissing,
  type RawRow,
  type RowLoss,
  type RowProblem,
  type SealedUnder,
} from './row-check.ts'
import { eachRow, endOfPage, findKeyIds, type Span } from './source.ts'

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
/** Of a page of requests with two records each. */
const FIRST_LEAVES = 4_096

export class PageReader {
  readonly #sql: Sql
  readonly #whole: boolean
  /** Data keys that are there. */
  readonly #keys = new Set<string>()

  /**
   * `whole` judges rows once all of their page are here, else each as it arrives. The latter is a fifth faster (ADR 13), because rows in
   * memory are copied by each collection, and keeps the database sending for as long as judging takes: the embedded one has one session.
   */
  constructor(sql: Sql, whole: boolean) {
    this.#sql = sql
    this.#whole = whole
  }

  /** The span's pages, in order. Throws what the database says. */
  async *read(span: Span, withBodies: boolean): AsyncGenerator<PageFacts> {
    let ahead: Promise<PageFacts> | null = null
    let afterSeq = span.afterSeq
    let end = await endOfPage(this.#sql, span)
    while (end !== null) {
      // Asked before the rows, or on one connection the answer would come behind all of them.
      const next = endOfPage(this.#sql, { ...span, afterSeq: end })
      // The database makes this page while the one before is judged.
      const page = this.#page({ ...span, afterSeq, upToSeq: end }, withBodies)
      for (const promise of [next, page]) promise.catch(() => undefined)
      if (ahead !== null) yield await ahead
      ahead = page
      afterSeq = end
      end = await next
    }
    if (ahead !== null) yield await ahead
  }

  async #page(span: Span, withBodies: boolean): Promise<PageFacts> {
    // Before they are looked at, or a key of this page would be taken for missing.
    if (this.#keys.size > MAX_KEYS) this.#keys.clear()
    const page = new PageUnderWay(withBodies, this.#keys)
    const rows: RawRow[] = []
    const take = this.#whole ? (row: RawRow) => void rows.push(row) : (row: RawRow) => page.take(row)
    await eachRow(this.#sql, span, withBodies, take)
    for (const row of rows) page.take(row)
    // Keys are few and rows are many: each is asked for once while it is found.
    for (const id of await findKeyIds(this.#sql, page.wantedKeys())) this.#keys.add(id)
    return page.facts()
  }
}

/** Takes rows and keeps what was found on them, never the rows. */
class PageUnderWay {
  readonly #withBodies: boolean
  readonly #keys: ReadonlySet<string>
  readonly #ids: string[] = []
  readonly #places: number[] = []
  readonly #records: number[] = []
  readonly #seqs: number[] = []
  readonly #problems: PageFacts['problems'] = []
  readonly #losses: PageFacts['losses'] = []
  /** Of rows whose key is not known to be there yet. */
  readonly #sealed: (SealedUnder & { row: number })[] = []
  #leaves = new Uint8Array(FIRST_LEAVES * HASH_BYTES)
  #bodies = 0

  constructor(withBodies: boolean, keys: ReadonlySet<string>) {
    this.#withBodies = withBodies
    this.#keys = keys
  }

  take(row: RawRow): void {
    const at = this.#ids.length
    const { seqs, leaves, problems, loss, sealed } = examineRow(row, this.#withBodies)
    this.#ids.push(row.id)
    this.#places.push(row.seq)
    this.#records.push(seqs.length)
    for (const [index, leaf] of leaves.entries()) this.#addRecord(seqs[index] ?? 0, leaf)
    for (const problem of problems) this.#problems.push({ ...problem, row: at })
    if (loss !== null) this.#losses.push({ ...loss, row: at })
    if (sealed !== null && !this.#keys.has(sealed.key)) this.#sealed.push({ ...sealed, row: at })
    if (this.#withBodies) this.#bodies += Number(row.requestBody !== null) + Number(row.responseBody !== null)
  }

  wantedKeys(): string[] {
    return [...new Set(this.#sealed.map(({ key }) => key))]
  }

  /** Once the keys that are wanted were looked for. */
  facts(): PageFacts {
    const unopened = this.#sealed.filter(({ key }) => !this.#keys.has(key))
    const losses = [...this.#losses, ...unopened.map((one) => ({ ...keyMissing(one), row: one.row }))]
    return {
      ids: this.#ids,
      places: Float64Array.from(this.#places),
      records: Uint32Array.from(this.#records),
      seqs: Float64Array.from(this.#seqs),
      // In memory of its own, which can be given to another thread.
      leaves: this.#leaves.slice(0, this.#seqs.length * HASH_BYTES),
      problems: this.#problems,
      losses: losses.sort((left, right) => left.row - right.row),
      bodies: this.#bodies,
    }
  }

  #addRecord(seq: number, leaf: Buffer): void {
    const at = this.#seqs.length * HASH_BYTES
    if (at === this.#leaves.length) {
      const grown = new Uint8Array(at * 2)
      grown.set(this.#leaves)
      this.#leaves = grown
    }
    this.#leaves.set(leaf, at)
    this.#seqs.push(seq)
  }
}
