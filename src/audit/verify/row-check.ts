/**
 * One row of the log against the records it was made from: every leaf is computed again, every column derived again,
 * every body digested again. Pure. Says what differs and where; never decides what that means for the whole log.
 */

import { isDeepStrictEqual } from 'node:util'
import { HASH_BYTES } from '../../lib/sha256.ts'
import { type Column, type ColumnType, type ColumnValue, REQUEST_COLUMNS, withoutNul } from '../columns.ts'
import { FLAG_BODY_CUT, RECORD_TYPES } from '../frames.ts'
import { parseClose, parseOpen, parseWhole } from '../meta.ts'
import type { ShipRow } from '../pairing.ts'
import type { CloseRecord, OpenRecord } from '../record.ts'
import { REDUCED } from '../refused-values.ts'
import { decodeTrail, digestOf, leafOf, type TrailEntry } from '../trail.ts'
import { compositeFields, compositeText } from './composite.ts'
import type { Severity } from './findings.ts'

/** Those of REQUEST_COLUMNS that are read as one text, and those whose text has many forms. */
export const PLAIN_COLUMNS = REQUEST_COLUMNS.filter(({ type }) => type !== 'jsonb')
export const JSON_COLUMNS = REQUEST_COLUMNS.filter(({ type }) => type === 'jsonb')

/** A row as the database writes it. `plain` holds PLAIN_COLUMNS, as one composite value; `json` JSON_COLUMNS, null for NULL. */
export type RawRow = {
  writer: string
  seq: number
  id: string
  finishReason: string | null
  dataKey: string | null
  plain: string
  json: readonly (string | null)[]
  openRecord: Buffer | null
  closeRecord: Buffer | null
  trail: Buffer | null
  requestBody: Buffer | null
  responseBody: Buffer | null
}

/** What a row says that does not fit the records it was made from. */
export type RowProblem = {
  severity: Exclude<Severity, 'explained'>
  kind: string
  message: string
}
/** What is not there to be read although it was recorded; an erasure or a retention may be the reason. */
export type RowLoss = { kind: 'body_missing' | 'key_missing'; message: string; of: LossOf }
export type LossOf = Pick<OpenRecord, 'projectId' | 'subject' | 'startedAtMs'>

/** A row as far as it can be judged by itself. */
export type RowFacts = {
  /** The records it stands for, in order, and what their leaves have to be: HASH_BYTES each. */
  seqs: readonly number[]
  leaves: readonly Buffer[]
  problems: readonly RowProblem[]
  loss: RowLoss | null
  /** The key that its bodies need, where they are there and what was recorded. */
  sealed: SealedUnder | null
}
export type SealedUnder = { key: string; of: LossOf }

/** Without `withBodies` the bodies were not read, and are left alone. */
export function examineRow(row: RawRow, withBodies: boolean): RowFacts {
  if (row.trail === null) {
    const message = 'The row has no trail: it was written by a version that kept none.'
    return unreadable({ severity: 'incomplete', kind: 'no_evidence', message })
  }
  const entries = decodeTrail(row.trail)
  const last = entries?.at(-1)
  if (entries === null || last === undefined) {
    const message = 'The trail of the row cannot be read.'
    return unreadable({ severity: 'altered', kind: 'trail_damaged', message })
  }
  const problems: RowProblem[] = []
  if (last.seq !== row.seq) {
    const message = `The row stands at ${row.seq}, its last record at ${last.seq}.`
    problems.push({ severity: 'altered', kind: 'row_moved', message })
  }
  const bodies = examineRecords(row, entries, withBodies, problems)
  return {
    seqs: entries.map(({ seq }) => seq),
    leaves: entries.map((entry) => leafOrNone(entry, row.id, textOf(row, entry))),
    problems,
    ...bodies,
  }
}

/** Bodies that are there and can never be opened again are as good as gone. */
export function keyMissing({ key, of }: SealedUnder): RowLoss {
  return { kind: 'key_missing', message: `The key ${key} is not there.`, of }
}

function unreadable(problem: RowProblem): RowFacts {
  return { seqs: [], leaves: [], problems: [problem], ...NOTHING_OF_BODIES }
}

type BodyFacts = Pick<RowFacts, 'loss' | 'sealed'>
const NOTHING_OF_BODIES: BodyFacts = { loss: null, sealed: null }

function examineRecords(
  row: RawRow,
  entries: readonly TrailEntry[],
  withBodies: boolean,
  problems: RowProblem[],
): BodyFacts {
  const records = readRecords(row, entries)
  if (typeof records === 'string') {
    const severity = records === 'open_missing' ? 'incomplete' : 'altered'
    problems.push({ severity, kind: records, message: RECORD_PROBLEMS[records] })
    return NOTHING_OF_BODIES
  }
  if (row.finishReason === REDUCED) {
    const message = 'The database refused a value of the row; its records are whole.'
    problems.push({ severity: 'incomplete', kind: 'row_reduced', message })
    return NOTHING_OF_BODIES
  }
  examineColumns(problems, row, records)
  return withBodies ? examineBodies(row, entries, records.open, problems) : NOTHING_OF_BODIES
}

/** A changed trail may hold what no leaf can be made of; that is no leaf of ours then. */
function leafOrNone(entry: TrailEntry, id: string, text: Buffer): Buffer {
  try {
    return leafOf(entry, id, text)
  } catch {
    return Buffer.alloc(HASH_BYTES)
  }
}

function textOf(row: RawRow, { type }: TrailEntry): Buffer {
  if (type === RECORD_TYPES.close) return row.closeRecord ?? EMPTY
  return type === RECORD_TYPES.part ? EMPTY : (row.openRecord ?? EMPTY)
}

type Records = { open: OpenRecord; close: CloseRecord }
type RecordProblem = keyof typeof RECORD_PROBLEMS
const RECORD_PROBLEMS = {
  open_missing: 'Its OPEN was in a damaged place of the spool.',
  record_unreadable: 'The records behind the row cannot be read.',
  record_extra: 'The row holds a text that no record has.',
  id_mismatch: 'The records behind the row are those of another request.',
} as const

function readRecords(row: RawRow, entries: readonly TrailEntry[]): Records | RecordProblem {
  try {
    const whole = entries[0]?.type === RECORD_TYPES.whole
    if (!whole && row.openRecord === null) return 'open_missing'
    // A WHOLE record is the first text alone; anything in the place of the second was put there.
    if (whole && row.closeRecord !== null) return 'record_extra'
    const { open, close } = whole
      ? parseWhole(row.openRecord ?? EMPTY)
      : { open: parseOpen(row.openRecord ?? EMPTY), close: parseClose(row.closeRecord ?? EMPTY) }
    if (open.id !== row.id || close.id !== row.id) return 'id_mismatch'
    const cut = entries.some(({ type, flags }) => type !== RECORD_TYPES.part && (flags & FLAG_BODY_CUT) !== 0)
    return { open, close: cut && !close.truncated ? { ...close, truncated: true } : close }
  } catch {
    return 'record_unreadable'
  }
}

function examineColumns(problems: RowProblem[], row: RawRow, { open, close }: Records): void {
  const made: ShipRow = {
    seq: row.seq,
    open,
    close,
    requestBody: EMPTY,
    responseBody: EMPTY,
    openText: null,
    closeText: null,
    trail: EMPTY,
  }
  const plain = PLAIN_COLUMNS.map((column) => valueFrom(column, made, row.writer))
  const isWhole = row.plain === compositeText(plain.map((value, at) => plainText(at, value)))
  const fields = isWhole ? [] : compositeFields(row.plain)
  const stored = [...fields, ...row.json]
  const columns = isWhole ? JSON_COLUMNS : [...PLAIN_COLUMNS, ...JSON_COLUMNS]
  for (const [at, column] of columns.entries()) {
    if (isSame(column.type, valueFrom(column, made, row.writer), stored[at] ?? null)) continue
    const message = `The column ${column.name} is not what the record says.`
    problems.push({ severity: 'altered', kind: 'column_mismatch', message })
  }
}

function plainText(at: number, value: ColumnValue): string | null {
  return value === null ? null : textOfValue(PLAIN_COLUMNS[at]?.type ?? 'text', value)
}

/** Null for what a changed record leads to nothing. */
function valueFrom(column: Column<ShipRow>, made: ShipRow, writer: string): ColumnValue {
  try {
    return column.value(made, writer)
  } catch {
    return null
  }
}

/** Timestamps are read as microseconds since the epoch, because text would depend on the session's zone. */
export function isSame(type: ColumnType, expected: ColumnValue, text: string | null): boolean {
  if (expected === null || text === null) return expected === null && text === null
  if (type === 'jsonb') return isSameJson(String(expected), text)
  if (type === 'float8') return Number(text) === Number(expected)
  return textOfValue(type, expected) === text
}

/** As the database writes it, but for numbers with a fraction, which have several texts. */
function textOfValue(type: ColumnType, value: Exclude<ColumnValue, null>): string {
  if (type === 'boolean') return value === true || value === 1 ? 't' : 'f'
  if (type === 'date') return new Date(Number(value)).toISOString().slice(0, 10)
  if (type === 'timestamptz') return String(Math.round(Number(value) * 1000))
  return type === 'text' ? withoutNul(String(value)).toWellFormed() : String(value)
}

function isSameJson(expected: string, text: string): boolean {
  try {
    return expected === text || isDeepStrictEqual(JSON.parse(expected), JSON.parse(text))
  } catch {
    return false
  }
}

function examineBodies(
  row: RawRow,
  entries: readonly TrailEntry[],
  open: OpenRecord,
  problems: RowProblem[],
): BodyFacts {
  const recorded = entries.some(
    ({ firstDigest, secondDigest }) => firstDigest !== null || secondDigest !== null,
  )
  if (!recorded) return NOTHING_OF_BODIES
  const { projectId, subject, startedAtMs } = open
  const of = { projectId, subject, startedAtMs }
  if (row.requestBody === null && row.responseBody === null) {
    return { loss: { kind: 'body_missing', message: 'A recorded body is not there.', of }, sealed: null }
  }
  if (!bodiesFit(row, entries)) {
    const message = 'A body is not the one that was recorded.'
    problems.push({ severity: 'altered', kind: 'body_mismatch', message })
    return NOTHING_OF_BODIES
  }
  return { loss: null, sealed: open.dataKey === null ? null : { key: open.dataKey, of } }
}

function bodiesFit(row: RawRow, entries: readonly TrailEntry[]): boolean {
  const { request, pieces } = bodyPieces(entries)
  const response = row.responseBody ?? EMPTY
  if (digestOf(row.requestBody ?? EMPTY) !== request) return false
  let at = 0
  for (const { bytes, digest } of pieces) {
    if (digestOf(response.subarray(at, at + bytes)) !== digest) return false
    at += bytes
  }
  return at === response.length
}

function bodyPieces(entries: readonly TrailEntry[]) {
  let request: string | null = null
  const pieces: { bytes: number; digest: string | null }[] = []
  for (const entry of entries) {
    if (entry.type === RECORD_TYPES.open || entry.type === RECORD_TYPES.whole) request = entry.firstDigest
    if (entry.type === RECORD_TYPES.whole)
      pieces.push({ bytes: entry.secondBytes, digest: entry.secondDigest })
    if (entry.type === RECORD_TYPES.part || entry.type === RECORD_TYPES.close) {
      pieces.push({ bytes: entry.firstBytes, digest: entry.firstDigest })
    }
  }
  return { request, pieces }
}

const EMPTY = Buffer.alloc(0)
