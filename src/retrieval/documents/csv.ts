/** CSV: the first row names the columns, every other row is a document. Never runs or computes what a cell holds. */

import { CsvError, parse } from 'csv-parse/sync'
import type { JsonObject } from '../../lib/json.ts'
import { cleanLine } from './clean-text.ts'
import { DocumentError } from './document-error.ts'
import { MAX_COLUMNS, MAX_TEXT_CHARS } from './limits.ts'
import type { ParsedDocument } from './parsed-document.ts'
import { RowDocuments } from './rows.ts'

const MAX_COLUMN_CHARS = 200
/** Longer values are text: nobody filters by them. */
const MAX_VALUE_CHARS = 256
const DELIMITERS = [',', ';', '\t', '|']
const HEADER_CHARS = 64 * 1024

/**
 * Columns named id, title, text and language (in any case) are what they say. With a `text` column the others become
 * metadata; without one the text is `column: value` lines of all but id and language. The delimiter is told
 * from the header when none is given. Throws DocumentError.
 */
export function readCsv(text: string, delimiter: string | null): ParsedDocument[] {
  const rows = new RowDocuments()
  let columns: string[] | null = null
  const take = (record: string[], line: number): null => {
    if (columns === null) columns = columnsOf(record)
    else if (record.some((cell) => cell.trim() !== '')) addRecord(rows, columns, record, line)
    return null
  }
  try {
    parse(text, {
      delimiter: delimiter ?? delimiterOf(text),
      bom: false,
      skip_empty_lines: true,
      max_record_size: MAX_TEXT_CHARS,
      on_record: (record: string[], { lines }: { lines: number }) => take(record, lines),
    })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw broken(error)
  }
  return rows.documents
}

/** The delimiter that the header has most of; a quoted header names it once it is unquoted. */
export function delimiterOf(text: string): string {
  const header = (text.trimStart().split('\n', 1)[0] ?? '').slice(0, HEADER_CHARS).replace(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => header.split(delimiter).length)
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ','
}

function columnsOf(record: readonly string[]): string[] {
  if (record.length > MAX_COLUMNS)
    throw new DocumentError('too_many', `The file has more than ${MAX_COLUMNS} columns. Leave some out.`)
  const names = record.map((cell, at) => {
    const name = cleanLine(cell, MAX_COLUMN_CHARS) ?? `column ${at + 1}`
    return /^(?:id|title|text|language)$/i.test(name) ? name.toLowerCase() : name
  })
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined)
    throw new DocumentError('broken', `Line 1: two columns are named ${JSON.stringify(twice)}. Rename one.`)
  return names
}

function addRecord(rows: RowDocuments, columns: readonly string[], record: string[], line: number): void {
  const cells = new Map(columns.map((name, at) => [name, (record[at] ?? '').trim()]))
  const ownText = cells.get('text')
  const id = cells.get('id')
  if (id === '') throw new DocumentError('broken', `Line ${line}: the id is empty. Give each row its own.`)
  const rest = [...cells].filter(([name, value]) => name !== 'id' && name !== 'language' && value !== '')
  const others = rest.filter(([name]) => name !== 'text' && name !== 'title')
  rows.add(
    {
      id: id ?? null,
      title: cells.get('title') ?? null,
      language: cells.get('language') ?? null,
      text: ownText ?? rest.map(([name, value]) => `${name}: ${value}`).join('\n'),
      metadata: metadataOf(ownText === undefined ? others.filter(([, value]) => isValue(value)) : others),
    },
    line,
  )
}

function isValue(text: string): boolean {
  return text.length <= MAX_VALUE_CHARS
}

function metadataOf(cells: readonly [string, string][]): JsonObject {
  return Object.fromEntries(cells)
}

const REMEDIES: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH:
    'it has another number of columns than the first line. Quote what holds a delimiter',
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and never closed. Close it, or double it inside a quoted value',
  CSV_INVALID_CLOSING_QUOTE: 'something follows a closing quote. Double the quotes inside a quoted value',
  INVALID_OPENING_QUOTE:
    'a quote stands inside a value that is not quoted. Quote the value and double the quote',
  CSV_MAX_RECORD_SIZE: 'the row never ends. Close its quote',
}

function broken(error: CsvError): DocumentError {
  const { line, why } = describeCsvError(error)
  return new DocumentError('broken', `Line ${line}: ${why}.`, { cause: error })
}

/** Where a table is broken, and what to do about it. */
export function describeCsvError(error: CsvError): { line: number; why: string } {
  const line = typeof error.lines === 'number' ? error.lines : 1
  return { line, why: REMEDIES[error.code] ?? 'it is not valid CSV. Save the table as CSV again' }
}
