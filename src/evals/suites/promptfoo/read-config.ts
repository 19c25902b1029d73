/**
 * A promptfoo config as runs of ours: for each prompt the items that its tests make of it, and whom to ask. Nothing is left
 * out silently: what is not evaluated stands in the report with its reason. Pure: files are read by whoever calls.
 */

import { isJsonObject, type JsonObject } from '../../../lib/json.ts'
import { describeIssues } from '../../../lib/schema-problems.ts'
import { parseYaml } from '../../../lib/yaml.ts'
import type { LeftOut } from '../../../registry/prompts/imports/draft.ts'
import { importedName } from '../../../registry/prompts/imports/imported-name.ts'
import {
  promptEntries,
  promptTexts,
  type ReadBeside,
} from '../../../registry/prompts/imports/promptfoo-prompts.ts'
import { reportedAssertions } from '../../assertions.ts'
import { checkItem } from '../../datasets/check-item.ts'
import { metadataOf } from '../../datasets/formats/draft.ts'
import type { DatasetItem } from '../../datasets/item.ts'
import { type FilesBeside, filesBeside } from './files-beside.ts'
import { graderOf } from './judges.ts'
import { type Counted, mapAssertion } from './map-assertion.ts'
import { type PromptfooProvider, readProviders } from './providers.ts'
import { renderMessages, renderVariables } from './render.ts'
import type { NotRun } from './rows.ts'
import { configShape, type PromptfooConfig } from './shape.ts'
import { type ExpandedTest, readTests } from './tests.ts'

type PromptfooPrompt = {
  label: string
  /** Of its dataset and its suite. */
  name: string
  items: DatasetItem[]
  /** Some assertions of them name a judge. */
  asksJudges: boolean
}
type Compatibility = {
  /** Of the file, each counted once for every value of its lists. */
  tests: number
  /** Tests that pass with any answer, as they assert nothing. */
  bare: number
  assertions: (Counted & { count: number })[]
  leftOut: NotRun[]
  /** Parts of the config that nothing here reads. */
  ignored: string[]
}
export type PromptfooSuite = {
  name: string
  description: string | null
  prompts: PromptfooPrompt[]
  providers: PromptfooProvider[]
  /** As a suite has them; null for its own default. */
  repeats: number | null
  concurrency: number | null
  timeoutMs: number | null
  compatibility: Compatibility
}

const MAX_PROMPTS = 100
/** What a suite takes. */
const MAX_CONCURRENCY = 64
const MAX_NAME_LETTERS = 55
const MAX_NAMED = 20
const READ = new Set([
  ...['description', 'prompts', 'providers', 'targets', 'tests', 'defaultTest', 'assertionTemplates'],
  ...['scenarios', 'evaluateOptions'],
])

/** A config of promptfoo names no dataset, as every suite does, but prompts. */
export function isPromptfooConfig(value: unknown): boolean {
  if (!isJsonObject(value) || value.dataset !== undefined || value.prompts === undefined) return false
  return ['tests', 'providers', 'targets', 'defaultTest', 'scenarios'].some((name) => name in value)
}

/** `name` is the config's, for people. Problems for a file that is no config, and for one without a test that can be run. */
export function readPromptfoo(
  text: string,
  { name, readBeside, grader }: { name: string; readBeside: ReadBeside; grader?: string | undefined },
): PromptfooSuite | { problems: readonly string[] } {
  const read = parseYaml(text, name)
  if ('problems' in read) return read
  const parsed = configShape.safeParse(read.value)
  if (!parsed.success) return { problems: describeIssues(name, configShape, read.value, parsed.error) }
  const config = parsed.data
  const files = filesBeside(readBeside)
  const found = readTests(config, files, grader)
  if ('problems' in found) return { problems: found.problems.map((problem) => `${name}: ${problem}`) }
  const { tests, leftOut } = found
  const slug = (importedName(name) ?? 'promptfoo').slice(0, MAX_NAME_LETTERS).replace(/-$/, '')
  const texts = promptsOf(config, files, leftOut)
  const counts = new Counts()
  const prepared = tests.map((test) => prepare(test, config, files, counts))
  const prompts = texts.map(({ label, text: prompt }, at) => {
    const items = prepared.flatMap((test) => itemOf(test, { label, prompt }, leftOut))
    const asksJudges = items.some(({ assertions }) => assertions && reportedAssertions(assertions).length > 0)
    return { label, name: `${slug}-p${at + 1}`, items, asksJudges }
  })
  if (prompts.every(({ items }) => items.length === 0)) {
    const reasons = leftOut.slice(0, 10).map(({ test, reason }) => `${name}: ${test}: ${reason}.`)
    return { problems: [`${name}: no test can be run.`, ...reasons] }
  }
  const { maxConcurrency, repeat, timeoutMs } = config.evaluateOptions ?? {}
  return {
    name: slug,
    description: config.description ?? null,
    prompts: prompts.filter(({ items }) => items.length > 0),
    providers: readProviders(config),
    repeats: repeat ?? null,
    concurrency: maxConcurrency === undefined ? null : Math.min(MAX_CONCURRENCY, maxConcurrency),
    timeoutMs: timeoutMs === undefined || timeoutMs === 0 ? null : timeoutMs,
    compatibility: {
      tests:
        tests.length + new Set(leftOut.filter(({ prompt }) => prompt === null).map((one) => one.test)).size,
      bare: tests.filter(({ assertions }) => assertions.length === 0).length,
      assertions: counts.lines(),
      leftOut,
      ignored: ignoredOf(config),
    },
  }
}

/** Members that nothing here reads; of metrics that are made of others, which. */
function ignoredOf(config: PromptfooConfig): string[] {
  const { derivedMetrics } = config
  const metrics = Array.isArray(derivedMetrics) ? derivedMetrics : []
  const names = metrics.flatMap((one) =>
    isJsonObject(one) && typeof one.name === 'string' ? [one.name] : [],
  )
  const named = `derivedMetrics (${names.slice(0, MAX_NAMED).join(', ')})`
  return Object.keys(config)
    .filter((key) => !READ.has(key))
    .map((key) => (key === 'derivedMetrics' && names.length > 0 ? named : key))
}

/** The texts of all prompts; those that cannot be read are left out for all tests. */
function promptsOf(
  config: PromptfooConfig,
  files: FilesBeside,
  notRun: NotRun[],
): { label: string; text: string }[] {
  const leftOut: LeftOut[] = []
  const found: { label: string; text: string }[] = []
  for (const entry of promptEntries(config.prompts, leftOut)) {
    const texts = promptTexts(entry, files.text)
    if (typeof texts === 'string') {
      notRun.push({ test: 'all', prompt: entry.source, reason: texts })
      continue
    }
    for (const [at, text] of texts.entries()) {
      const number = texts.length > 1 ? ` ${at + 1}` : ''
      const isFile = entry.name !== null
      const own = entry.label ?? entry.name ?? text.trim().split('\n', 1)[0] ?? ''
      found.push({ label: `${own.slice(0, 60)}${number}`, text: isFile ? text.trim() : text })
    }
  }
  for (const { what, reason } of leftOut) notRun.push({ test: 'all', prompt: what, reason })
  for (const { label } of found.slice(MAX_PROMPTS)) {
    notRun.push({ test: 'all', prompt: label, reason: `more than ${MAX_PROMPTS} prompts` })
  }
  return found.slice(0, MAX_PROMPTS)
}

type Prepared = { test: ExpandedTest } & (
  | { variables: JsonObject; assertions: NonNullable<DatasetItem['assertions']> }
  | { why: string }
)

/** What does not depend on the prompt. */
function prepare(test: ExpandedTest, config: PromptfooConfig, files: FilesBeside, counts: Counts): Prepared {
  const rendered = renderVariables(test.variables)
  if ('why' in rendered) return { test, why: rendered.why }
  const { variables } = rendered
  const around = {
    variables,
    templates: config.assertionTemplates ?? {},
    files,
    grader: graderOf(test.grader ?? undefined),
  }
  const checks = test.assertions.map((one) => mapAssertion(one, around, (counted) => counts.add(counted)))
  return {
    test,
    variables,
    assertions: { checks, ...(test.threshold !== null && { threshold: test.threshold }) },
  }
}

/** One item, or none and its reason in `leftOut`. */
function itemOf(
  prepared: Prepared,
  { label, prompt }: { label: string; prompt: string },
  leftOut: NotRun[],
): DatasetItem[] {
  const { id, description, variables, metadata, prefix, suffix } = prepared.test
  const leave = (reason: string) => {
    leftOut.push({ test: id, prompt: label, reason })
    return []
  }
  if ('why' in prepared) return leave(prepared.why)
  const rendered = renderMessages(`${prefix}${prompt}${suffix}`, prepared.variables)
  if ('why' in rendered) return leave(rendered.why)
  const { assertions } = prepared
  const contexts = contextsOf(prepared)
  const about = metadataOf({ description, vars: variables }, metadata)
  const checked = checkItem({ id, messages: rendered.messages, assertions, ...contexts, ...about }, id)
  return 'problems' in checked ? leave(checked.problems.join(' ')) : [checked.item]
}

/** The variable that promptfoo's judges of context read; only where one is to be asked. */
function contextsOf({
  variables,
  assertions,
}: Extract<Prepared, { assertions: unknown }>): Pick<DatasetItem, 'contexts'> {
  const { context } = variables
  const texts = (Array.isArray(context) ? context : [context]).filter((one) => typeof one === 'string')
  const isAsked = reportedAssertions(assertions).some(({ type }) => type.includes('context-'))
  return isAsked && texts.length > 0 ? { contexts: texts } : {}
}

/** How many assertions of each type are evaluated, and which are not. */
class Counts {
  readonly #lines = new Map<string, Counted & { count: number }>()

  add(one: Counted): void {
    const key = JSON.stringify([one.type, one.status, one.remark])
    const line = this.#lines.get(key)
    if (line === undefined) this.#lines.set(key, { ...one, count: 1 })
    else line.count += 1
  }

  lines(): (Counted & { count: number })[] {
    const order = ['evaluated', 'differs', 'not_evaluated']
    return [...this.#lines.values()].sort(
      (a, b) => order.indexOf(a.status) - order.indexOf(b.status) || (a.type < b.type ? -1 : 1),
    )
  }
}
