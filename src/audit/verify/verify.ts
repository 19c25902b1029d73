/**
 * Verifies the log as it stands in the database: every record against its leaf, every leaf against signed heads, every
 * row and event against its records, every body against its digest, and that nothing is missing or there twice. It
 * reads; it trusts the keys and heads it is given, and nothing in the database.
 */

import type { Sql } from 'postgres'
import type { VerifierKey } from '../../lib/verifier-key.ts'
import { REQUEST_COLUMNS } from '../columns.ts'
import { RECORD_TYPES } from '../frames.ts'
import type { OpenRecord } from '../record.ts'
import { trailSeqs } from '../trail.ts'
import { Accounted } from './accounted.ts'
import { checkEvent } from './event-check.ts'
import { Explanations } from './explanations.ts'
import { type Finding, Findings } from './findings.ts'
import { HeadsCheck, type OutsideHead } from './heads.ts'
import { LeafTable } from './leaf-table.ts'
import { checkRow, type RawRow, type RowCheck } from './row-check.ts'
import {
  countRecords,
  type DayOfWriter,
  findKeyIds,
  listDays,
  listExplanations,
  listHeads,
  listWriterStates,
  readEvents,
  readRows,
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
const MAX_KEYS = 100_000
const DATA_KEY_AT = REQUEST_COLUMNS.findIndex(({ name }) => name === 'data_key')

/** Reads the whole log in pages. Throws what the database says, or the signal's reason. */
export async function verifyLog(sql: Sql, options: VerifyOptions): Promise<VerifyReport> {
  const run = new Verification(sql, options)
  return await run.all()
}

class Verification {
  readonly #sql: Sql
  readonly #options: VerifyOptions
  readonly #findings = new Findings()
  readonly #counts = { records: 0, rows: 0, events: 0, bodies: 0, heads: 0, signed: 0, underWay: 0 }
  #total = 0
  /** Data keys that are there. */
  readonly #keys = new Set<string>()
  #explanations = new Explanations([])

  constructor(sql: Sql, options: VerifyOptions) {
    this.#sql = sql
    this.#options = options
  }

  async all(): Promise<VerifyReport> {
    this.#total = await countRecords(this.#sql)
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
    await this.#heads(writer, table)
    if (table.size < state.nextSeq) {
      const message = `The log was shipped up to ${state.nextSeq}, its leaves only to ${table.size}.`
      this.#findings.add('incomplete', 'leaves_missing', { writer, seq: table.size }, message)
    }
    const accounted = new Accounted()
    for (const day of days) await this.#day(day, table, accounted)
    await this.#events(writer, table, accounted)
    this.#account(state, table, accounted)
  }

  async #heads(writer: string, table: LeafTable): Promise<void> {
    const { keys, outside } = this.#options
    const heads = await listHeads(this.#sql, writer)
    const check = new HeadsCheck({
      writer,
      heads,
      outside: outside.filter(({ head }) => head.origin.endsWith(`/${writer}`)),
      keys,
      findings: this.#findings,
    })
    for await (const leaves of table.stream()) check.add(leaves)
    const { signed, checked } = check.end()
    this.#counts.heads += checked
    this.#counts.signed += signed
  }

  async #day(day: DayOfWriter, table: LeafTable, accounted: Accounted): Promise<void> {
    const withBodies = this.#wantsBodies(day.day)
    let coming = readRows(this.#sql, day, -1, withBodies)
    for (;;) {
      this.#options.signal?.throwIfAborted()
      const rows = await coming
      const last = rows.at(-1)
      if (last === undefined) return
      // The database makes the next page while this one is checked.
      coming = readRows(this.#sql, day, last.seq, withBodies)
      coming.catch(() => undefined)
      await table.load(rows.flatMap(({ trail }) => (trail === null ? [] : trailSeqs(trail))))
      await this.#loadKeys(rows)
      const check = this.#rowCheck(table, accounted, { day: day.day, withBodies })
      for (const row of rows) {
        const records = checkRow(check, row)
        this.#counts.rows += 1
        this.#counts.records += records
        if (withBodies)
          this.#counts.bodies += Number(row.requestBody !== null) + Number(row.responseBody !== null)
      }
      this.#progress()
    }
  }

  /** Keys are few and rows are many: each is asked for once while it is found. */
  async #loadKeys(rows: readonly RawRow[]): Promise<void> {
    // Before it is looked at, or a key of this page would be taken for missing.
    if (this.#keys.size > MAX_KEYS) this.#keys.clear()
    const wanted = new Set<string>()
    for (const { columns } of rows) {
      const id = columns[DATA_KEY_AT] ?? null
      if (id !== null && !this.#keys.has(id)) wanted.add(id)
    }
    for (const id of await findKeyIds(this.#sql, [...wanted])) this.#keys.add(id)
  }

  #rowCheck(table: LeafTable, accounted: Accounted, page: { day: string; withBodies: boolean }): RowCheck {
    return {
      findings: this.#findings,
      leafAt: (seq) => table.leafAt(seq),
      account: (seq) => accounted.add(seq),
      withBodies: page.withBodies,
      explainBody: (_row: RawRow, open: OpenRecord) => this.#explanations.ofBody(open, page.day),
      keyExists: (id) => this.#keys.has(id),
    }
  }

  async #events(writer: string, table: LeafTable, accounted: Accounted): Promise<void> {
    let after = -1
    for (;;) {
      const events = await readEvents(this.#sql, writer, after)
      if (events.length === 0) return
      await table.load(events.map(({ seq }) => seq))
      const check = {
        findings: this.#findings,
        leafAt: (seq: number) => table.leafAt(seq),
        account: (seq: number) => accounted.add(seq),
      }
      for (const event of events) {
        const meaning = checkEvent(check, event)
        this.#counts.events += 1
        this.#counts.records += 1
        for (let seq = event.seq + 1; seq <= event.seq + (meaning?.swallowed ?? 0); seq += 1)
          accounted.add(seq)
        if (meaning !== null && meaning.entry.type === RECORD_TYPES.gap)
          this.#gap(writer, event.seq, meaning.swallowed)
      }
      after = events.at(-1)?.seq ?? after
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
    for (const { from, to } of accounted.missing(table.size)) {
      for (let seq = from; seq <= to; seq += 1) {
        if (openSeqs.has(seq)) {
          this.#counts.underWay += 1
          continue
        }
        if (this.#explanations.ofRecord(writer, seq)) {
          dropped += 1
          this.#findings.add(
            'explained',
            'record_dropped',
            { writer, seq },
            `Record ${seq} went with its day.`,
          )
          continue
        }
        this.#findings.add(
          'altered',
          'record_missing',
          { writer, seq },
          `Record ${seq} has a leaf and no row.`,
        )
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

  #wantsBodies(day: string): boolean {
    const { sinceMs, untilMs } = this.#options
    const startMs = Date.parse(`${day}T00:00:00Z`)
    return (sinceMs === null || startMs + DAY_MS > sinceMs) && (untilMs === null || startMs < untilMs)
  }

  #progress(): void {
    this.#options.onProgress({ records: this.#counts.records, total: this.#total })
  }
}
