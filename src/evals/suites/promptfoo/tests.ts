/** The tests of a promptfoo config, one by one: read from wherever they stand, with the default test, one for each value of a list. Pure. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { describeIssues } from '../../../lib/schema-problems.ts'
import { readCsvTests } from './csv-tests.ts'
import { type FilesBeside, jsonIn } from './files-beside.ts'
import { type PromptfooAssertion, type PromptfooConfig, type PromptfooTest, testShape } from './shape.ts'

/** One test with one value of every variable. */
export type ExpandedTest = {
  id: string
  description: string | null
  variables: JsonObject
  assertions: readonly PromptfooAssertion[]
  threshold: number | null
  metadata: JsonObject
  prefix: string
  suffix: string
}
export type NotRun = { test: string; prompt: string | null; reason: string }
export type ReadTests = { tests: ExpandedTest[]; leftOut: NotRun[] } | { problems: readonly string[] }

const MAX_TESTS = 10_000
const MAX_PROBLEMS = 20
const KNOWN = new Set(['description', 'vars', 'assert', 'threshold', 'metadata', 'options'])
/** Options that only judging models read, and those that are followed. */
const KNOWN_OPTIONS = new Set(
  'prefix suffix provider rubricPrompt disableVarExpansion disableDefaultAsserts runSerially factuality'.split(
    ' ',
  ),
)

/** Problems for what is no test at all; a test that asks for what is not done here is left out with its reason. */
export function readTests(config: PromptfooConfig, files: FilesBeside): ReadTests {
  const leftOut: NotRun[] = []
  const defaults = readDefault(config.defaultTest ?? {}, files)
  if ('problems' in defaults) return defaults
  const rows = rowsOf(config.tests ?? [], files, leftOut)
  if ('problems' in rows) return rows
  const problems: string[] = []
  const tests: ExpandedTest[] = []
  for (const [at, row] of rows.rows.entries()) {
    const parsed = testShape.safeParse(row)
    if (!parsed.success) problems.push(...describeIssues(`tests.${at}`, testShape, row, parsed.error))
    if (problems.length >= MAX_PROBLEMS) break
    if (!parsed.success) continue
    const id = `t${at + 1}`
    const expanded = expand(id, merge(defaults.test, parsed.data), files)
    if ('why' in expanded) leftOut.push({ test: id, prompt: null, reason: expanded.why })
    else tests.push(...expanded.tests)
    if (tests.length > MAX_TESTS) return { problems: [`tests: more than ${MAX_TESTS}. Split the file.`] }
  }
  for (const [at] of (config.scenarios ?? []).entries()) {
    leftOut.push({
      test: `scenarios.${at}`,
      prompt: null,
      reason: 'scenarios are not run: write its tests out',
    })
  }
  return problems.length > 0 ? { problems } : { tests, leftOut }
}

function readDefault(
  given: string | PromptfooTest,
  files: FilesBeside,
): { test: PromptfooTest } | { problems: readonly string[] } {
  if (typeof given !== 'string') return { test: given }
  const read = readRows(given, files)
  if ('why' in read) return { problems: [`defaultTest: ${read.why}`] }
  const [row = {}] = read.rows
  const parsed = testShape.safeParse(row)
  if (parsed.success) return { test: parsed.data }
  return { problems: describeIssues('defaultTest', testShape, row, parsed.error) }
}

/** A list, a file, or a list that names files. */
function rowsOf(
  given: string | JsonValue[] | JsonObject,
  files: FilesBeside,
  leftOut: NotRun[],
): { rows: JsonValue[] } | { problems: readonly string[] } {
  const rows: JsonValue[] = []
  for (const one of Array.isArray(given) ? given : [given]) {
    if (typeof one === 'string') {
      const read = readRows(one, files)
      if ('rows' in read) rows.push(...read.rows)
      else leftOut.push({ test: one.slice(0, 100), prompt: null, reason: read.why })
    } else if (isJsonObject(one) && typeof one.path === 'string') {
      leftOut.push({ test: one.path, prompt: null, reason: 'tests that a program makes are not run' })
    } else rows.push(one)
  }
  return rows.length > MAX_TESTS ? { problems: [`tests: more than ${MAX_TESTS}. Split the file.`] } : { rows }
}

function readRows(given: string, files: FilesBeside): { rows: JsonValue[] } | { why: string } {
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

/** The default test's assertions come first, unless the test wants none of them; of all else the test's own wins. */
function merge(base: PromptfooTest, test: PromptfooTest): PromptfooTest {
  const options = { ...base.options, ...test.options }
  const isAlone = test.options?.disableDefaultAsserts === true
  const inherited = isAlone ? [] : (base.assert ?? [])
  const vars = test.vars ?? {}
  return {
    ...base,
    ...test,
    vars: typeof vars === 'object' && !Array.isArray(vars) ? { ...objectOf(base.vars), ...vars } : vars,
    assert: [...inherited, ...(test.assert ?? [])],
    metadata: { ...base.metadata, ...test.metadata },
    options,
    threshold: test.threshold ?? base.threshold,
  }
}

function objectOf(value: PromptfooTest['vars']): JsonObject {
  return isJsonObject(value) ? value : {}
}

function expand(
  id: string,
  test: PromptfooTest,
  files: FilesBeside,
): { tests: ExpandedTest[] } | { why: string } {
  const { vars, options, assert, threshold, metadata, description } = test
  const strange = Object.keys(test).find((name) => !KNOWN.has(name))
  if (strange !== undefined) return { why: `it has ${JSON.stringify(strange)}, which is not applied here` }
  const option = Object.keys(options ?? {}).find((name) => !KNOWN_OPTIONS.has(name))
  if (option !== undefined)
    return { why: `its options have ${JSON.stringify(option)}, which is not applied here` }
  if (!isJsonObject(vars)) return { why: 'its variables stand in files: write them out' }
  const loaded = loadFiles(vars, files)
  if ('why' in loaded) return loaded
  const sets = options?.disableVarExpansion === true ? [loaded.variables] : combinations(loaded.variables)
  if (sets.length > MAX_TESTS) return { why: `its lists make more than ${MAX_TESTS} tests` }
  const affix = (name: string) => (typeof options?.[name] === 'string' ? String(options[name]) : '')
  return {
    tests: sets.map((variables, at) => ({
      id: sets.length === 1 ? id : `${id}-${at + 1}`,
      description: description ?? null,
      variables,
      assertions: assert ?? [],
      threshold: threshold ?? null,
      metadata: metadata ?? {},
      prefix: affix('prefix'),
      suffix: affix('suffix'),
    })),
  }
}

/** A variable may be the text of a file: YAML as JSON, everything else as it is. */
function loadFiles(vars: JsonObject, files: FilesBeside): { variables: JsonObject } | { why: string } {
  const variables: JsonObject = {}
  for (const [name, value] of Object.entries(vars)) {
    if (typeof value !== 'string' || !value.startsWith('file://')) {
      variables[name] = value
      continue
    }
    const path = value.slice('file://'.length)
    const isText = /\.(?:txt|md|json|ya?ml|html|xml|csv)$/.test(path) && !/[*?]/.test(path)
    if (!isText)
      return { why: `the variable ${name} (${path}): a file of another kind than text is not read` }
    const read = /\.ya?ml$/.test(path) ? files.value(path) : files.text(path)
    if ('why' in read) return { why: `the variable ${name} (${path}): ${read.why}` }
    variables[name] = 'text' in read ? read.text.trim() : JSON.stringify(read.value)
  }
  return { variables }
}

/** One set for each way of taking one value of every list that begins with a text, the first turning slowest. Stops beyond the limit. */
function combinations(variables: JsonObject): JsonObject[] {
  let sets: JsonObject[] = [{}]
  for (const [name, value] of Object.entries(variables)) {
    const values = Array.isArray(value) && typeof value[0] === 'string' ? value : [value]
    sets = sets.flatMap((set) => values.map((one) => ({ ...set, [name]: one })))
    if (sets.length > MAX_TESTS) return sets
  }
  return sets
}
