/** A file of a query set as text, plain or gzip, within a bound; and its lines, each mistake with its number. */

import { readFileSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { isJsonObject, type JsonObject } from '../../lib/json.ts'

/** Of a file as it lies and as it unpacks: a million abstracts fit, a bomb does not. */
const MAX_BYTES = 256 * 1024 * 1024
/** More are no help to a person, and a file of another kind has one on every line. */
const MAX_PROBLEMS = 20
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])

/** The text of the file, or a sentence about why there is none. What it holds decides what is unpacked, not its name. */
export function readSetFile(path: string, maxBytes = MAX_BYTES): { text: string } | { why: string } {
  let bytes: Buffer
  try {
    const file = statSync(path)
    if (!file.isFile()) return { why: 'not a file.' }
    if (file.size > maxBytes) return { why: `larger than ${maxBytes} bytes. Split it.` }
    bytes = readFileSync(path)
  } catch (error) {
    return { why: `cannot be read (${codeOf(error)}).` }
  }
  if (bytes.subarray(0, 2).equals(GZIP_MAGIC)) {
    try {
      bytes = gunzipSync(bytes, { maxOutputLength: maxBytes })
    } catch (error) {
      if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
        return { why: `unpacks to more than ${maxBytes} bytes. Split it.` }
      }
      return { why: `broken gzip (${codeOf(error)}). Pack or fetch it again.` }
    }
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { why: 'not UTF-8. Convert it.' }
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'error'
}

type Row = { object: JsonObject } | { columns: string[] }

/**
 * What `read` makes of each line that is not blank: a JSON object, or columns between white space where the line does not
 * begin with `{`. `read` answers with a sentence about a line that is wrong. All problems up to a bound, or all values.
 */
export function readRows<Value>(
  where: string,
  text: string,
  maxRows: number,
  read: (row: Row, isFirst: boolean) => Value | string | null,
): { values: Value[] } | { problems: readonly string[] } {
  const values: Value[] = []
  const problems: string[] = []
  let rows = 0
  for (const { line, number } of linesOf(text)) {
    if (problems.length >= MAX_PROBLEMS) {
      problems.push(`${where}: read no further than line ${number - 1}.`)
      break
    }
    rows += 1
    if (rows > maxRows) {
      problems.push(`${where}: line ${number}: more than ${maxRows} rows. Split the file.`)
      break
    }
    const row = rowOf(line)
    const value = typeof row === 'string' ? row : read(row, rows === 1)
    if (typeof value === 'string') problems.push(`${where}: line ${number}: ${value}`)
    else if (value !== null) values.push(value)
  }
  if (rows === 0) problems.push(`${where}: empty.`)
  return problems.length > 0 ? { problems } : { values }
}

/** Not by split: a large file would stand in memory twice. */
function* linesOf(text: string): Generator<{ line: string; number: number }> {
  let number = 0
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from)
    const line = text.slice(from, end < 0 ? text.length : end).trim()
    number += 1
    if (line !== '') yield { line, number }
    from = end < 0 ? text.length : end + 1
  }
}

function rowOf(line: string): Row | string {
  if (!line.startsWith('{')) return { columns: line.split(/\s+/, MAX_COLUMNS) }
  try {
    const object: unknown = JSON.parse(line)
    return isJsonObject(object) ? { object } : 'not a JSON object.'
  } catch {
    return 'not valid JSON. Write one object on one line.'
  }
}

/** One more than any format has, so that too many are seen. */
const MAX_COLUMNS = 5
