/** A file of examples becomes items: in order, each with its own id, and every mistake a sentence with its place. */

import type { JsonObject } from '../../lib/json.ts'
import { contentOf } from '../../registry/content.ts'
import { DatasetFileError } from './byte-lines.ts'
import { type CheckedItem, checkItem } from './check-item.ts'
import { type FormatName, formatOf, tellFormat } from './formats/formats.ts'
import { type FileKind, type Row, readRows } from './rows.ts'

export const MAX_ITEMS = 100_000
export const MAX_FILE_BYTES = 256 * 1024 * 1024
/** More are no help to a person, and a file of another kind has one on every line. */
const MAX_PROBLEMS = 20
/** Of these the format is told. Rows leave out what they do not have, so one may look like several formats. */
const TOLD_BY_ROWS = 50

/** What comes out of a file, in its order. `left`: a row that is no item by its own word, and why. */
export type Read =
  | { kind: 'format'; format: FormatName }
  | ({ kind: 'item'; where: string } & CheckedItem)
  | { kind: 'problem'; text: string }
  | { kind: 'note' | 'left'; where: string; text: string }

/** `places` of the ids so far; `repeats` of what has no id of its own, by what it says. */
type Known = { places: Map<string, string>; repeats: Map<string, number> }
type Asked = { file: string; kind: FileKind; format: FormatName | null }

/**
 * Reads at most MAX_FILE_BYTES and MAX_ITEMS, a row at a time, and goes on after a row that is wrong up to a bound. A
 * row without an id is known by its content: `h-` and the first half of its hash, with a number where others say the
 * same. A file without items is a problem. Never throws for anything in the file.
 */
export async function* readDataset(chunks: AsyncIterable<Uint8Array>, asked: Asked): AsyncGenerator<Read> {
  const { file } = asked
  const known: Known = { places: new Map(), repeats: new Map() }
  let problems = 0
  let rows = 0
  try {
    for await (const read of readItems(bounded(chunks), asked, known)) {
      yield read
      if (read.kind === 'format') continue
      if (read.kind !== 'note') rows += 1
      if (read.kind === 'problem') problems += 1
      if (problems >= MAX_PROBLEMS) {
        yield { kind: 'problem', text: `${file}: read no further after ${MAX_PROBLEMS} mistakes.` }
        return
      }
    }
  } catch (error) {
    if (!(error instanceof DatasetFileError)) throw error
    rows += 1
    problems += 1
    for (const text of error.message.split('\n')) yield { kind: 'problem', text: `${file}: ${text}` }
  }
  if (rows === 0) yield { kind: 'problem', text: `${file}: no items. Write one at least.` }
  else if (known.places.size === 0 && problems === 0)
    yield { kind: 'problem', text: `${file}: every row is left out.` }
}

async function* readItems(
  chunks: AsyncIterable<Uint8Array>,
  { file, kind, format }: Asked,
  known: Known,
): AsyncGenerator<Read> {
  for await (const { row, format: told } of formatted(readRows({ file, chunks }, kind), format)) {
    if (row === null) {
      yield { kind: 'format', format: told }
    } else if ('problem' in row) {
      yield { kind: 'problem', text: row.problem }
    } else {
      if (known.places.size >= MAX_ITEMS)
        throw new DatasetFileError(`more than ${MAX_ITEMS} items. Make two datasets of it.`)
      yield* readRow(row, told, known)
    }
  }
}

function* readRow(row: Exclude<Row, { problem: string }>, format: FormatName, known: Known): Generator<Read> {
  const { where, value, isTable } = row
  const mapped = formatOf(format).toItem(value, isTable)
  if ('left' in mapped) {
    yield { kind: 'left', where, text: mapped.left }
    return
  }
  if ('problem' in mapped) {
    yield { kind: 'problem', text: `${where}: ${mapped.problem}` }
    return
  }
  const { draft, notes = [] } = mapped
  const checked = checkItem(draft.id === undefined ? { ...draft, id: 'none' } : draft, where)
  if ('problems' in checked) {
    for (const text of checked.problems.slice(0, MAX_PROBLEMS)) yield { kind: 'problem', text }
    return
  }
  const item = draft.id === undefined ? withOwnId(draft, where, known.repeats) : checked
  const before = known.places.get(item.item.id)
  if (before !== undefined) {
    const text = `${where}: the id ${JSON.stringify(item.item.id)} is that of ${before} too. Give each item its own.`
    yield { kind: 'problem', text }
    return
  }
  known.places.set(item.item.id, where)
  for (const text of notes) yield { kind: 'note', where, text }
  yield { kind: 'item', where, ...item }
}

/** Rows that say the same are counted apart, as two people may ask the same: none is lost. */
function withOwnId(draft: JsonObject, where: string, repeats: Map<string, number>): CheckedItem {
  const base = `h-${contentOf(draft).hash.slice(0, 32)}`
  const count = (repeats.get(base) ?? 0) + 1
  repeats.set(base, count)
  const checked = checkItem({ ...draft, id: count === 1 ? base : `${base}-${count}` }, where)
  if ('problems' in checked) throw new DatasetFileError(checked.problems.join('\n'))
  return checked
}

/** Each row with the format of all; first none, as soon as the format is known. */
async function* formatted(
  rows: AsyncGenerator<Row>,
  given: FormatName | null,
): AsyncGenerator<{ row: Row | null; format: FormatName }> {
  let format = given
  const held: Row[] = []
  const settle = (): FormatName => {
    const told = tellFormat(held.flatMap((row) => ('value' in row ? [row.value] : [])))
    if ('why' in told) throw new DatasetFileError(told.why)
    return told.format
  }
  if (format !== null) yield { row: null, format }
  for await (const row of rows) {
    if (format !== null) yield { row, format }
    else if (held.push(row) >= TOLD_BY_ROWS) {
      format = settle()
      yield { row: null, format }
      for (const one of held) yield { row: one, format }
    }
  }
  if (format !== null || held.length === 0) return
  format = settle()
  yield { row: null, format }
  for (const one of held) yield { row: one, format }
}

async function* bounded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > MAX_FILE_BYTES) {
      throw new DatasetFileError(`larger than ${MAX_FILE_BYTES} bytes. Make two datasets of it.`)
    }
    yield chunk
  }
}
