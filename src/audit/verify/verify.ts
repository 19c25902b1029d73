/**
 * Verifies the log as it stands in the database: every record against its leaf, every leaf against signed heads, every
 * row and event against its records, every body against its digest, and that nothing is missing or there twice. It
 * reads; it trusts the keys and heads it is given, and nothing in the database.
 */

import type { Sql } from 'postgres'
import type { VerifierKey } from '../../lib/verifier-key.ts'
import { RECORD_TYPES } from '../frames.ts'
import { Accounted } from './accounted.ts'
import { checkEvent } from './event-check.ts'
import { Explanations } from './explanations.ts'
import { type Finding, Findings } from './findings.ts'
import { HeadsCheck, type OutsideHead } from './heads.ts'
import { type Against, judgePage } from './judge-page.ts'
import { LeafTable } from './leaf-table.ts'
import { type PageSource, readHere, readInThreads, type Threads } from './pages.ts'
import {
  countRecords,
  type DayOfWriter,
  EVENT_SEQ_AT,
  listDays,
  listExplanations,
  listHeads,
  listWriterStates,
  type RawEvent,
  readEvents,
  type WriterState,
} from './source.ts'
import { checkSuperHeads } from './super-heads.ts'

export type VerifyOptions = {
  /** Who may have signed. */
  keys: readonly VerifierKey[]
  /** Heads that somebody kept outside of the database. */
  outside: readonly OutsideHead[]
  /** Bodies are read and digested only of requests that began in this span; everything else is checked in any case. */
  sinceMs: number | null
  untilMs: number | null
  nowMs: number
  onProgress: (progress: { records: number; total: number }) => void
  signal?: AbortSignal
  /** Reads a long log in these; without, everything is read here. They see what is committed, and no transaction of `sql`. */
  threads?: Threads
}

/** `intact`: nothing altered, nothing missing without a reason. */
export type VerifyReport = {
  status: 'intact' | 'altered' | 'incomplete'
  records: number
  rows: number
  events: number
  bodies: number
  writers: number
  heads: number
  superHeads: number
  /** Records under a signature that fits; the others are newer than the last head. */
  signed: number
  /** Records of requests under way: a leaf, and no row yet. */
  underWay: number
  altered: number
  incomplete: number
  explained: number
  findings: readonly Finding[]
}

const DAY_MS = 86_400_000

/** Reads the whole log in pages. Throws what the database says, or the signal's reason. */
export async function verifyLog(sql: Sql, options: VerifyOptions): Promise<VerifyReport> {
  const total = await countRecords(sql)
  const { threads } = options
  const source =
    threads === undefined || total < threads.fromRecords ? readHere(sql) : readInThreads(sql, threads)
  try {
    return await new Verification(sql, options, source, total).all()
  } finally {
    await source.close()
  }
}

class Verification {
  readonly #sql: Sql
  readonly #options: VerifyOptions
  readonly #findings = new Findings()
  readonly #counts = { records: 0, rows: 0, events: 0, bodies: 0, heads: 0, signed: 0, underWay: 0 }
  readonly #source: PageSource
  readonly #total: number
  #explanations = new Explanations([])

  constructor(sql: Sql, options: VerifyOptions, source: PageSource, total: number) {
    this.#sql = sql
    this.#options = options
    this.#source = source
    this.#total = total
  }

  async all(): Promise<VerifyReport> {
    this.#explanations = new Explanations(await listExplanations(this.#sql))
    const writers = await listWriterStates(this.#sql)
    const days = Map.groupBy(await listDays(this.#sql), ({ writer }) => writer)
    for (const writer of writers) await this.#writer(writer, days.get(writer.writer) ?? [])
    const superHeads = await checkSuperHeads(this.#sql, {
      keys: this.#options.keys,
      writers: writers.map(({ writer }) => writer),
      findings: this.#findings,
      nowMs: this.#options.nowMs,
    })
    const { altered, incomplete, explained } = this.#findings.counts
    return {
      status: altered > 0 ? 'altered' : incomplete > 0 ? 'incomplete' : 'intact',
      ...this.#counts,
      writers: writers.length,
      superHeads,
      altered,
      incomplete,
      explained,
      findings: this.#findings.list,
    }
  }

  async #writer(state: WriterState, days: readonly DayOfWriter[]): Promise<void> {
    const { writer } = state
    const table = await LeafTable.open(this.#sql, writer, this.#findings)
    const accounted = new Accounted()
    const ofHeads = new Findings()
    const ofRows = new Findings()
    // Threads read rows while leaves are summed up here.
    await bothOf(
      this.#heads(writer, table, ofHeads),
      this.#rows(days, this.#against(table, accounted, ofRows), table),
    )
    this.#findings.append(ofHeads)
    if (table.size < state.nextSeq) {
      const message = `The log was shipped up to ${state.nextSeq}, its leaves only to ${table.size}.`
      this.#findings.add('incomplete', 'leaves_missing', { writer, seq: table.size }, message)
    }
    this.#findings.append(ofRows)
    await this.#events(writer, table, accounted)
    this.#account(state, table, accounted)
  }

  async #heads(writer: string, table: LeafTable, findings: Findings): Promise<void> {
    const { keys, outside } = this.#options
    const heads = await listHeads(this.#sql, writer)
    const check = new HeadsCheck({
      writer,
      heads,
      outside: outside.filter(({ head }) => head.origin.endsWith(`/${writer}`)),
      keys,
      findings,
    })
    for await (const leaves of table.stream()) check.add(leaves)
    const { signed, checked } = check.end()
    this.#counts.heads += checked
    this.#counts.signed += signed
  }

  async #rows(days: readonly DayOfWriter[], against: Against, table: LeafTable): Promise<void> {
    const wanted = days.map((day) => ({ ...day, withBodies: this.#wantsBodies(day.day) }))
    for await (const { day, facts } of this.#source.pages(wanted)) {
      this.#options.signal?.throwIfAborted()
      await table.load(facts.seqs)
      judgePage(against, day, facts)
      this.#counts.rows += facts.ids.length
      this.#counts.records += facts.seqs.length
      this.#counts.bodies += facts.bodies
      this.#progress()
    }
  }

  #against(table: LeafTable, accounted: Accounted, findings: Findings): Against {
    return {
      findings,
      explanations: this.#explanations,
      accounted,
      leafAt: (seq) => table.leafAt(seq),
    }
  }

  async #events(writer: string, table: LeafTable, accounted: Accounted): Promise<void> {
    const check = this.#against(table, accounted, this.#findings)
    let after: string | null = null
    for (;;) {
      const events: RawEvent[] = await readEvents(this.#sql, writer, after)
      if (events.length === 0) return
      await table.load(events.map(({ seq }) => seq))
      for (const event of events) {
        const meaning = checkEvent(check, event)
        this.#counts.events += 1
        this.#counts.records += 1
        for (const { from, to } of table.parts(event.seq + 1, event.seq + (meaning?.swallowed ?? 0)))
          for (let seq = from; seq < to; seq += 1) accounted.add(seq)
        if (meaning !== null && meaning.entry.type === RECORD_TYPES.gap)
          this.#gap(writer, event.seq, meaning.swallowed)
      }
      after = events.at(-1)?.columns[EVENT_SEQ_AT] ?? after
      this.#progress()
    }
  }

  #gap(writer: string, seq: number, swallowed: number): void {
    const message = `The records ${seq} to ${seq + swallowed} were damaged on the disk and could not be shipped.`
    this.#findings.add('incomplete', 'gap', { writer, seq }, message)
  }

  /** Every leaf needs a row, an event, or a reason. */
  #account(state: WriterState, table: LeafTable, accounted: Accounted): void {
    const { writer, openSeqs } = state
    let dropped = 0
    for (const { from, to } of table.parts(0, table.size)) {
      for (const seq of accounted.missing(from, to)) {
        if (openSeqs.has(seq)) this.#counts.underWay += 1
        else if (this.#missing(writer, seq)) dropped += 1
      }
    }
    const accountedFor = this.#explanations.droppedRecords(writer)
    if (dropped > accountedFor) {
      const message = `${dropped} records are gone where tombstones account for ${accountedFor}.`
      this.#findings.add('altered', 'more_dropped', { writer }, message)
    }
    if (state.sealed && openSeqs.size > 0) {
      const message = 'The writer has ended, and some of its requests have not.'
      this.#findings.add('altered', 'open_after_end', { writer }, message)
    }
  }

  /** True when the row went with its day. */
  #missing(writer: string, seq: number): boolean {
    const explained = this.#explanations.ofRecord(writer, seq)
    const place = { writer, seq }
    if (explained)
      this.#findings.add('explained', 'record_dropped', place, `Record ${seq} went with its day.`)
    else this.#findings.add('altered', 'record_missing', place, `Record ${seq} has a leaf and no row.`)
    return explained
  }

  #wantsBodies(day: string): boolean {
    const { sinceMs, untilMs } = this.#options
    const startMs = Date.parse(`${day}T00:00:00Z`)
    return (sinceMs === null || startMs + DAY_MS > sinceMs) && (untilMs === null || startMs < untilMs)
  }

  #progress(): void {
    this.#options.onProgress({ records: this.#counts.records, total: this.#total })
  }
}

/** Waits for both, also when one has failed: neither goes on behind the back of who asked. Rejects with the first failure. */
async function bothOf(one: Promise<void>, other: Promise<void>): Promise<void> {
  for (const settled of await Promise.allSettled([one, other])) {
    if (settled.status === 'rejected') throw settled.reason
  }
}
