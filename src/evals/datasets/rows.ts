/** Rows of a file, whatever it is written in: JSON lines and CSV as a stream, JSON and YAML whole. Knows no shape of a row. */

import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { parseYaml } from '../../lib/yaml.ts'
import { delimiterOf, describeCsvError } from '../../retrieval/documents/csv.ts'
import { byteLines, DatasetFileError } from './byte-lines.ts'
import { parseJson } from './parse-json.ts'

/** `isTable`: every value is a text, and what was empty is not there. */
export type Row = { where: string; value: JsonObject; isTable: boolean } | { problem: string }
export type FileKind = 'jsonl' | 'json' | 'csv' | 'yaml'
type Source = { file: string; chunks: AsyncIterable<Uint8Array> }

/** Rows of other products hold more than what becomes an item of it, and spaces and escapes. */
const MAX_ROW_BYTES = 8 * 1024 * 1024
/** What is parsed whole stands in memory several times. Larger sets are written as JSON lines. */
const MAX_WHOLE_BYTES = { json: 64 * 1024 * 1024, yaml: 4 * 1024 * 1024 }
/** Under what products put the list of a file that is an object. */
const LISTS = ['items', 'data', 'tests', 'examples', 'goldens', 'samples']

/** Told by the ending of a file's name; null for one that says nothing. */
export function fileKindOf(name: string): FileKind | null {
  const ending = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''
  if (ending === 'jsonl' || ending === 'ndjson') return 'jsonl'
  if (ending === 'yaml' || ending === 'yml') return 'yaml'
  return ending === 'json' || ending === 'csv' ? ending : null
}

/** One row after another, or what is wrong with it. Throws DatasetFileError where nothing can be read after it. */
export function readRows(source: Source, kind: FileKind): AsyncGenerator<Row> {
  if (kind === 'jsonl') return readLines(source)
  return kind === 'csv' ? readTable(source) : readWhole(source, kind)
}

async function* readLines({ file, chunks }: Source): AsyncGenerator<Row> {
  for await (const { number, bytes } of byteLines(chunks, MAX_ROW_BYTES)) {
    const where = `${file} line ${number}`
    const text = decoded(bytes).trim()
    if (text !== '') yield rowOf(where, text)
  }
}

function rowOf(where: string, text: string): Row {
  const value = parseJson(text, 1)
  if ('why' in value) return { problem: `${where}: ${value.why}` }
  if (isJsonObject(value.value)) return { where, value: value.value as JsonObject, isTable: false }
  return { problem: `${where}: not a JSON object. Write one object on one line.` }
}

async function* readTable({ file, chunks }: Source): AsyncGenerator<Row> {
  const texts = decodedStream(chunks)
  const first = await texts.next()
  if (first.done) return
  const parser = parse({
    delimiter: delimiterOf(first.value),
    skip_empty_lines: true,
    max_record_size: MAX_ROW_BYTES,
  })
  const source = Readable.from(
    (async function* () {
      yield first.value
      yield* texts
    })(),
  )
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  let columns: string[] | null = null
  let row = 0
  try {
    for await (const record of parser as AsyncIterable<string[]>) {
      row += 1
      if (columns === null) columns = columnsOf(record)
      else if (record.some((cell) => cell.trim() !== '')) {
        yield { where: `${file} row ${row}`, value: recordOf(columns, record), isTable: true }
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const { line, why } = describeCsvError(error)
    throw new DatasetFileError(`line ${line}: ${why}.`, { cause: error })
  } finally {
    source.destroy()
    parser.destroy()
  }
}

function columnsOf(record: readonly string[]): string[] {
  const names = record.map((cell) => cell.trim())
  const unnamed = names.indexOf('')
  if (unnamed >= 0) throw new DatasetFileError(`row 1: column ${unnamed + 1} has no name. Name it.`)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice === undefined) return names
  throw new DatasetFileError(`row 1: two columns are named "${twice.slice(0, 60)}". Rename one.`)
}

function recordOf(columns: readonly string[], record: readonly string[]): JsonObject {
  const cells = columns.map((name, at) => [name, record[at] ?? ''] as const)
  return Object.fromEntries(cells.filter(([, cell]) => cell !== ''))
}

async function* readWhole({ file, chunks }: Source, kind: 'json' | 'yaml'): AsyncGenerator<Row> {
  const text = decoded(await collect(chunks, MAX_WHOLE_BYTES[kind]))
  const rows = listOf(kind === 'json' ? wholeJson(text) : wholeYaml(file, text))
  for (const [at, value] of rows.entries()) {
    const where = `${file} item ${at + 1}`
    if (isJsonObject(value)) yield { where, value: value as JsonObject, isTable: false }
    else yield { problem: `${where}: not an object.` }
  }
}

function wholeJson(text: string): unknown {
  if (text.trim() === '') return []
  // The list, and the object that it may be in.
  const value = parseJson(text, 2)
  if ('why' in value) throw new DatasetFileError(value.why)
  return value.value
}

function wholeYaml(file: string, text: string): unknown {
  const read = parseYaml(text, file)
  if ('value' in read) return read.value
  throw new DatasetFileError(read.problems.map((line) => line.slice(file.length + 2)).join('\n'))
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  if (isJsonObject(value)) {
    if (Object.keys(value).length === 0) return []
    for (const name of LISTS) if (Array.isArray(value[name])) return value[name]
  }
  throw new DatasetFileError(
    `no list of items. Write a list, or an object with one under ${LISTS.join(', ')}.`,
  )
}

async function collect(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > maxBytes) {
      throw new DatasetFileError(
        `larger than ${maxBytes} bytes. Write it as JSON lines, which may be larger.`,
      )
    }
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}

/** Without a byte order mark. Throws for anything that is no UTF-8: letters would be replaced silently. */
function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw notUtf8(error)
  }
}

async function* decodedStream(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of chunks) {
      const text = decoder.decode(chunk, { stream: true })
      if (text !== '') yield text
    }
    const rest = decoder.decode()
    if (rest !== '') yield rest
  } catch (error) {
    throw error instanceof TypeError ? notUtf8(error) : error
  }
}

function notUtf8(cause: unknown): DatasetFileError {
  return new DatasetFileError('not UTF-8. Convert it.', { cause })
}
