/**
 * Scenarios of a promptfoo config as tests: each set of a scenario's `config` with each of its `tests`
 * (promptfoo.dev/docs/configuration/scenarios). Pure.
 */

import { isJsonObject, type JsonValue } from '../../../lib/json.ts'
import { describeIssues } from '../../../lib/schema-problems.ts'
import type { FilesBeside } from './files-beside.ts'
import { mergeTests } from './merge-tests.ts'
import { MAX_TESTS, type NotRun, rowsOf, tooMany } from './rows.ts'
import { type PromptfooConfig, type PromptfooTest, testShape } from './shape.ts'

export type NamedTests = { tests: { id: string; test: PromptfooTest }[] } | { problems: readonly string[] }

const MAX_PROBLEMS = 20
const KNOWN = new Set(['description', 'config', 'tests'])

/** Without the default test, which comes before each as before any other. Problems for what is none. */
export function scenarioTests(
  { scenarios }: PromptfooConfig,
  files: FilesBeside,
  leftOut: NotRun[],
): NamedTests {
  const rows = rowsOf('scenarios', scenarios ?? [], files, leftOut)
  if ('problems' in rows) return rows
  const tests: { id: string; test: PromptfooTest }[] = []
  for (const [at, row] of rows.rows.entries()) {
    const where = `scenarios.${at}`
    if (!isJsonObject(row)) return { problems: [`${where}: an object with config and tests is expected.`] }
    const strange = Object.keys(row).find((name) => !KNOWN.has(name))
    if (strange !== undefined) {
      const reason = `it has ${JSON.stringify(strange)}, which is not applied here`
      leftOut.push({ test: where, prompt: null, reason })
      continue
    }
    const sets = testsOf(`${where}.config`, row.config, files, leftOut)
    if ('problems' in sets) return sets
    const own = testsOf(`${where}.tests`, row.tests, files, leftOut)
    if ('problems' in own) return own
    if (sets.tests.length * own.tests.length === 0) {
      leftOut.push({
        test: where,
        prompt: null,
        reason: 'a scenario without sets or without tests makes none',
      })
    }
    if (tests.length + sets.tests.length * own.tests.length > MAX_TESTS) return { problems: [tooMany(where)] }
    for (const [set, given] of sets.tests.entries()) {
      for (const [test, one] of own.tests.entries()) {
        tests.push({ id: `s${at + 1}.${set + 1}.${test + 1}`, test: mergeTests(given, one) })
      }
    }
  }
  return { tests }
}

/** A scenario without one of both has one that says nothing. */
function testsOf(where: string, given: JsonValue | undefined, files: FilesBeside, leftOut: NotRun[]) {
  if (given === undefined || given === null) return { tests: [{}] satisfies PromptfooTest[] }
  const isRows = typeof given === 'string' || typeof given === 'object'
  if (!isRows) return { problems: [`${where}: a list is expected.`] }
  const rows = rowsOf(where, given, files, leftOut)
  return 'problems' in rows ? rows : parseTests(where, rows.rows)
}

/** All of them, or everything wrong with the first that are none. */
export function parseTests(
  where: string,
  rows: readonly JsonValue[],
): { tests: PromptfooTest[] } | { problems: readonly string[] } {
  const tests: PromptfooTest[] = []
  const problems: string[] = []
  for (const [at, row] of rows.entries()) {
    const parsed = testShape.safeParse(row)
    if (parsed.success) tests.push(parsed.data)
    else problems.push(...describeIssues(`${where}.${at}`, testShape, row, parsed.error))
    if (problems.length >= MAX_PROBLEMS) break
  }
  return problems.length > 0 ? { problems } : { tests }
}
