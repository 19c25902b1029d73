/** Rows of a promptfoo config that may stand in it or in files beside it: its tests and scenarios. Pure. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { readCsvTests } from './csv-tests.ts'
import { type FilesBeside, jsonIn } from './files-beside.ts'

export type NotRun = { test: string; prompt: string | null; reason: string }

/** Of a config, whatever they are made of. */
export const MAX_TESTS = 10_000

export function tooMany(what: string): string {
  return `${what}: more than ${MAX_TESTS} tests. Split the file.`
}

/** A list, a file, or a list that names files. */
export function rowsOf(
  what: string,
  given: string | JsonValue[] | JsonObject,
  files: FilesBeside,
  leftOut: NotRun[],
): { rows: JsonValue[] } | { problems: readonly string[] } {
  const rows: JsonValue[] = []
  for (const one of Array.isArray(given) ? given : [given]) {
    if (typeof one === 'string') {
      const read = readRows(one, files)
      if ('rows' in read) {
        // Before they are spread: a file may hold more than a call takes.
        if (rows.length + read.rows.length > MAX_TESTS) return { problems: [tooMany(what)] }
        rows.push(...read.rows)
      } else leftOut.push({ test: one.slice(0, 100), prompt: null, reason: read.why })
    } else if (isJsonObject(one) && typeof one.path === 'string') {
      leftOut.push({ test: one.path, prompt: null, reason: `${what} that a program makes are not run` })
    } else rows.push(one)
  }
  return rows.length > MAX_TESTS ? { problems: [tooMany(what)] } : { rows }
}

export function readRows(given: string, files: FilesBeside): { rows: JsonValue[] } | { why: string } {
  const path = given.replace(/^file:\/\//, '')
  if (/^[a-z]+:\/\//.test(path))
    return { why: 'tests elsewhere than in a file beside the config are not read' }
  if (/[*?]/.test(path)) return { why: 'a pattern of names: name the files' }
  const [, ending = ''] = /\.(\w+)$/.exec(path) ?? []
  if (!['csv', 'json', 'jsonl', 'yaml', 'yml'].includes(ending)) {
    return { why: `tests in a file of the kind ${ending === '' ? 'unknown' : `.${ending}`} are not read` }
  }
  if (ending !== 'csv' && ending !== 'jsonl') {
    const read = files.value(path)
    if ('why' in read) return read
    return { rows: Array.isArray(read.value) ? read.value : [read.value] }
  }
  const read = files.text(path)
  if ('why' in read) return read
  if (ending === 'jsonl') return readLines(read.text, path)
  const table = readCsvTests(read.text)
  return 'why' in table ? table : { rows: table.tests }
}

function readLines(text: string, path: string): { rows: JsonValue[] } | { why: string } {
  const rows: JsonValue[] = []
  for (const [at, line] of text.split('\n').entries()) {
    const read = line.trim() === '' ? null : jsonIn(line, `${path} line ${at + 1}`)
    if (read === null) continue
    if ('why' in read) return read
    rows.push(read.value)
  }
  return { rows }
}
