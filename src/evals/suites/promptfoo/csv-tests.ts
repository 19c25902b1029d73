/** Tables of promptfoo as its tests: magic columns, and assertions written as one text (promptfoo.dev/docs/configuration/test-cases). */

import { CsvError, parse } from 'csv-parse/sync'
import type { JsonObject, JsonValue } from '../../../lib/json.ts'
import { delimiterOf } from '../../../retrieval/documents/csv.ts'
import { MAPPINGS } from './mappings.ts'
import { whyNotEvaluated } from './unevaluated.ts'

/** A list with commas between, in a cell. */
const LISTS = /^i?contains-(?:any|all)$/
/** Types that a cell gives this threshold where it names none. */
const WITH_THRESHOLD =
  /^(?:answer-relevance|classifier|context-\w+|cost|latency|levenshtein|perplexity(?:-score)?|rouge-n|similar|starts-with)$/
const CELL_THRESHOLD = 0.75

/** Each row as a test of a config, or why the table is none. */
export function readCsvTests(text: string): { tests: JsonObject[] } | { why: string } {
  try {
    const rows: Record<string, string>[] = parse(text, {
      columns: true,
      bom: true,
      delimiter: delimiterOf(text),
      skip_empty_lines: true,
      relax_column_count_less: true,
    })
    return { tests: rows.map(toTest) }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    return { why: `not a table: ${error.message}` }
  }
}

function toTest(row: Record<string, string>): JsonObject {
  const columns = Object.entries(row)
  // What is empty is not said.
  const said = columns.filter(([, cell]) => cell.trim() !== '')
  const under = (start: string) =>
    Object.fromEntries(
      said.flatMap(([name, cell]) => (name.startsWith(start) ? [[name.slice(start.length), cell]] : [])),
    )
  const own = Object.fromEntries(said)
  const asserted = said.filter(([name]) => /^__expected\d*$/.test(name))
  const options = { prefix: own.__prefix, suffix: own.__suffix }
  return {
    vars: Object.fromEntries(columns.filter(([name]) => !name.startsWith('__'))),
    assert: asserted.map(([name, cell]) => assertionOf(cell, name, own)),
    metadata: under('__metadata:'),
    options: Object.fromEntries(Object.entries(options).filter(([, cell]) => cell !== undefined)),
    ...(own.__description !== undefined && { description: own.__description }),
    ...(own.__threshold !== undefined && { threshold: Number(own.__threshold) }),
    ...(own.__providerOutput !== undefined && { providerOutput: own.__providerOutput }),
  }
}

function assertionOf(cell: string, column: string, row: Record<string, string>): JsonObject {
  const threshold = row[`__config:${column}:threshold`]
  return {
    ...readAssertion(cell),
    ...(row.__metric !== undefined && { metric: row.__metric }),
    ...(threshold !== undefined && { threshold: Number(threshold) }),
  }
}

/** `type(threshold):value`, with `not-` before; a text that names no type is what the answer equals. */
export function readAssertion(cell: string): JsonObject {
  const code = /^(?:javascript|fn|eval):([\s\S]*)$/.exec(cell)
  if (code !== null) return { type: 'javascript', value: (code[1] ?? '').trim() }
  const grade = /^(?:grade|llm-rubric):([\s\S]*)$/.exec(cell)
  if (grade !== null) return { type: 'llm-rubric', value: grade[1] ?? '' }
  if (/^file:\/\/.*\.(?:py|[cm]?[jt]s)(?::\w+)?$/.test(cell)) return { type: 'javascript', value: cell }
  const [, not = '', type = '', threshold, value] =
    /^(not-)?([a-z][a-z0-9:-]*?)(?:\((\d+(?:\.\d+)?)\))?(?::([\s\S]*))?$/.exec(cell) ?? []
  if (!isType(type)) return { type: 'equals', value: cell }
  const list = LISTS.test(type) ? (value ?? '').split(',').map((one) => one.trim()) : value
  return {
    type: `${not}${type}`,
    ...(list !== undefined && { value: list as JsonValue }),
    ...(threshold !== undefined && { threshold: Number(threshold) }),
    ...(threshold === undefined && WITH_THRESHOLD.test(type) && { threshold: CELL_THRESHOLD }),
  }
}

/** A word before a colon alone makes no assertion: an answer such as "note: closed" has one too. */
function isType(name: string): boolean {
  return Object.hasOwn(MAPPINGS, name) || whyNotEvaluated(name) !== whyNotEvaluated('')
}
