/**
 * One row of the log against the records it was made from: every leaf is computed again, every column derived again,
 * every body digested again. Pure. Says what differs and where; never decides what that means for the whole log.
 */

import { isDeepStrictEqual } from 'node:util'
import { HASH_BYTES } from '../../lib/sha256.ts'
import { type ColumnType, type ColumnValue, REQUEST_COLUMNS, withoutNul } from '../columns.ts'
import { FLAG_BODY_CUT, RECORD_TYPES } from '../frames.ts'
import { parseClose, parseOpen, parseWhole } from '../meta.ts'
import type { ShipRow } from '../pairing.ts'
import type { CloseRecord, OpenRecord } from '../record.ts'
import { REDUCED } from '../refused-values.ts'
import { decodeTrail, digestOf, leafOf, type TrailEntry } from '../trail.ts'
import type { Findings } from './findings.ts'

/** A row as the database writes it, each column as text, null for NULL. `columns` are REQUEST_COLUMNS in order. */
export type RawRow = {
  writer: string
  seq: number
  id: string
  columns: readonly (string | null)[]
  openRecord: Buffer | null
  closeRecord: Buffer | null
  trail: Buffer | null
  requestBody: Buffer | null
  responseBody: Buffer | null
}

export type RowCheck = {
  findings: Findings
  /** The leaf of a record as it was shipped, null when there is none. */
  leafAt: (seq: number) => Buffer | null
  /** Notes that this record is accounted for; false when it already was. */
  account: (seq: number) => boolean
  /** Why a body that was recorded is not there; null when nothing explains it. */
  explainBody: (row: RawRow, open: OpenRecord) => string | null
  /** False leaves bodies alone; they were not read. */
  withBodies: boolean
  /** Whether a data key is there to open bodies with. */
  keyExists: (id: string) => boolean
}

const FINISH_REASON_AT = REQUEST_COLUMNS.findIndex(({ name }) => name === 'finish_reason')

/** Checks the row; returns how many records it stands for. */
export function checkRow(check: RowCheck, row: RawRow): number {
  const { findings } = check
  const place = { writer: row.writer, seq: row.seq, id: row.id }
  if (row.trail === null) {
    findings.add(
      'incomplete',
      'no_evidence',
      place,
      'The row has no trail: it was written by a version that kept none.',
    )
    return 0
  }
  const entries = decodeTrail(row.trail)
  const last = entries?.at(-1)
  if (entries === null || last === undefined) {
    findings.add('altered', 'trail_damaged', place, 'The trail of the row cannot be read.')
    return 0
  }
  if (last.seq !== row.seq) {
    findings.add(
      'altered',
      'row_moved',
      place,
      `The row stands at ${row.seq}, its last record at ${last.seq}.`,
    )
  }
  checkLeaves(check, row, entries)
  const records = readRecords(row, entries)
  if (typeof records === 'string') {
    findings.add(
      records === 'open_missing' ? 'incomplete' : 'altered',
      records,
      place,
      RECORD_PROBLEMS[records],
    )
    return entries.length
  }
  if (row.columns[FINISH_REASON_AT] === REDUCED) {
    findings.add(
      'incomplete',
      'row_reduced',
      place,
      'The database refused a value of the row; its records are whole.',
    )
    return entries.length
  }
  checkColumns(findings, row, records)
  if (check.withBodies) checkBodies(check, row, entries, records.open)
  return entries.length
}

function checkLeaves(check: RowCheck, row: RawRow, entries: readonly TrailEntry[]): void {
  for (const entry of entries) {
    const place = { writer: row.writer, seq: entry.seq, id: row.id }
    if (!check.account(entry.seq)) {
      check.findings.add('altered', 'record_twice', place, `Record ${entry.seq} stands behind two rows.`)
    }
    const leaf = check.leafAt(entry.seq)
    if (leaf === null) {
      check.findings.add('incomplete', 'leaf_missing', place, `Record ${entry.seq} has no leaf.`)
    } else if (!leafOrNone(entry, row.id, textOf(row, entry)).equals(leaf)) {
      check.findings.add('altered', 'leaf_mismatch', place, `Record ${entry.seq} is not what was recorded.`)
    }
  }
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

function checkColumns(findings: Findings, row: RawRow, { open, close }: Records): void {
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
  for (const [index, column] of REQUEST_COLUMNS.entries()) {
    const text = row.columns[index] ?? null
    let expected: ColumnValue
    try {
      expected = column.value(made, row.writer)
    } catch {
      expected = null
    }
    if (isSame(column.type, expected, text)) continue
    const message = `The column ${column.name} is not what the record says.`
    findings.add('altered', 'column_mismatch', { writer: row.writer, seq: row.seq, id: row.id }, message)
  }
}

/** Timestamps are read as microseconds since the epoch, because text would depend on the session's zone. */
export function isSame(type: ColumnType, expected: ColumnValue, text: string | null): boolean {
  if (expected === null || text === null) return expected === null && text === null
  if (type === 'jsonb') return isSameJson(String(expected), text)
  if (type === 'float8') return Number(text) === Number(expected)
  if (type === 'boolean') return (expected === true || expected === 1) === (text === 't')
  if (type === 'date') return new Date(Number(expected)).toISOString().slice(0, 10) === text
  if (type === 'timestamptz') return Number(text) === Math.round(Number(expected) * 1000)
  if (type === 'text') return withoutNul(String(expected)).toWellFormed() === text
  return String(expected) === text
}

function isSameJson(expected: string, text: string): boolean {
  try {
    return expected === text || isDeepStrictEqual(JSON.parse(expected), JSON.parse(text))
  } catch {
    return false
  }
}

function checkBodies(check: RowCheck, row: RawRow, entries: readonly TrailEntry[], open: OpenRecord): void {
  const recorded = entries.some(
    ({ firstDigest, secondDigest }) => firstDigest !== null || secondDigest !== null,
  )
  if (!recorded) return
  const { request, pieces } = bodyPieces(entries)
  const gone = row.requestBody === null && row.responseBody === null
  if (gone) {
    const reason = check.explainBody(row, open)
    const place = { writer: row.writer, seq: row.seq, id: row.id }
    if (reason === null) check.findings.add('altered', 'body_missing', place, 'A recorded body is not there.')
    else check.findings.add('explained', 'body_gone', place, reason)
    return
  }
  const response = row.responseBody ?? EMPTY
  const wanted = [{ bytes: row.requestBody ?? EMPTY, digest: request }]
  let at = 0
  for (const { bytes, digest } of pieces) {
    wanted.push({ bytes: response.subarray(at, at + bytes), digest })
    at += bytes
  }
  const place = { writer: row.writer, seq: row.seq, id: row.id }
  const fits = at === response.length && wanted.every(({ bytes, digest }) => digestOf(bytes) === digest)
  if (fits) {
    checkKey(check, row, open)
    return
  }
  check.findings.add('altered', 'body_mismatch', place, 'A body is not the one that was recorded.')
}

/** Bodies that are there and can never be opened again are as good as gone. */
function checkKey(check: RowCheck, row: RawRow, open: OpenRecord): void {
  if (open.dataKey === null || check.keyExists(open.dataKey)) return
  const place = { writer: row.writer, seq: row.seq, id: row.id }
  const reason = check.explainBody(row, open)
  if (reason === null)
    check.findings.add('altered', 'key_missing', place, `The key ${open.dataKey} is not there.`)
  else check.findings.add('explained', 'body_gone', place, reason)
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
