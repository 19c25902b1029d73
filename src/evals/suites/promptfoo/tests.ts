/** The tests of a promptfoo config, one by one: read from wherever they stand, with the default test, one for each value of a list. Pure. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { describeIssues } from '../../../lib/schema-problems.ts'
import type { FilesBeside } from './files-beside.ts'
import { mergeTests } from './merge-tests.ts'
import { MAX_TESTS, type NotRun, readRows, rowsOf, tooMany } from './rows.ts'
import { type NamedTests, parseTests, scenarioTests } from './scenarios.ts'
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
  /** As the config names it; null for none, and where the judges' own words are replaced. */
  grader: JsonValue | null
}
export type ReadTests = { tests: ExpandedTest[]; leftOut: NotRun[] } | { problems: readonly string[] }

const KNOWN = new Set(['description', 'vars', 'assert', 'threshold', 'metadata', 'options'])
/** Options that only judging models read, and those that are followed. */
const KNOWN_OPTIONS = new Set(
  'prefix suffix provider rubricPrompt disableVarExpansion disableDefaultAsserts runSerially factuality'.split(
    ' ',
  ),
)

/** Problems for what is no test at all; a test that asks for what is not done here is left out with its reason. */
export function readTests(config: PromptfooConfig, files: FilesBeside, grader?: string): ReadTests {
  const leftOut: NotRun[] = []
  const read = readDefault(config.defaultTest ?? {}, files)
  if ('problems' in read) return read
  // One that is named from outside stands where the file would name it for all.
  const options = { ...read.test.options, ...(grader !== undefined && { provider: grader }) }
  const defaults = { ...read.test, options }
  const plain = plainTests(config, files, leftOut)
  if ('problems' in plain) return plain
  const made = scenarioTests(config, files, leftOut)
  if ('problems' in made) return made
  const tests: ExpandedTest[] = []
  for (const { id, test } of [...plain.tests, ...made.tests]) {
    const inheritsAssertions = test.options?.disableDefaultAsserts !== true
    const expanded = expand(id, mergeTests(defaults, test, { inheritsAssertions }), files)
    if ('why' in expanded) leftOut.push({ test: id, prompt: null, reason: expanded.why })
    else tests.push(...expanded.tests)
    if (tests.length > MAX_TESTS) return { problems: [tooMany('tests')] }
  }
  return { tests, leftOut }
}

function plainTests({ tests }: PromptfooConfig, files: FilesBeside, leftOut: NotRun[]): NamedTests {
  const rows = rowsOf('tests', tests ?? [], files, leftOut)
  if ('problems' in rows) return rows
  const read = parseTests('tests', rows.rows)
  if ('problems' in read) return read
  return { tests: read.tests.map((test, at) => ({ id: `t${at + 1}`, test })) }
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
      grader: options?.rubricPrompt === undefined ? (options?.provider ?? null) : null,
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
