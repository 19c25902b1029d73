/** An assertion of promptfoo becomes one of an item: judged by a kind of ours, or not evaluated for a reason. Pure. */

import { RequestError } from '../../../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import type { Assertion } from '../../assertions.ts'
import { prepareScorer } from '../../scorers/registry.ts'
import { readCode } from './code.ts'
import type { FilesBeside } from './files-beside.ts'
import { graderOf, judgeOf } from './judges.ts'
import { DIFFERENCES, MAPPINGS, type Mapped } from './mappings.ts'
import { render } from './render.ts'
import type { PromptfooAssertion } from './shape.ts'
import { whyNotEvaluated } from './unevaluated.ts'

type Single = Extract<Assertion, { all: unknown }>['all'][number]
export type Surroundings = {
  variables: JsonObject
  templates: Readonly<Record<string, PromptfooAssertion>>
  files: FilesBeside
  /** The model that the test names as its grader, as it is called here. */
  grader: string | null
}
/** One line of the compatibility report. */
export type Counted = {
  type: string
  status: 'evaluated' | 'differs' | 'not_evaluated'
  remark: string | null
}

const MAX_WHY_CHARS = 500
/** Members that say how an assertion counts, or that only judging models read. */
const KNOWN = new Set(
  '$ref type value threshold weight metric provider rubricPrompt contextTransform config description'.split(
    ' ',
  ),
)

/** What makes another question of a judge's. */
const REPLACES = new Set(['rubricPrompt', 'contextTransform'])

/** `count` is told of every assertion, those of a set too. */
export function mapAssertion(
  given: PromptfooAssertion,
  around: Surroundings,
  count: (one: Counted) => void,
): Assertion {
  const assertion = resolve(given, around.templates)
  if (assertion.type !== 'assert-set') return mapOne(assertion, around, count)
  const all = (assertion.assert ?? []).map((one) => mapOne(resolve(one, around.templates), around, count))
  if (all.length === 0) return unjudged(assertion, around, 'it holds no assertions', count)
  const { threshold } = assertion
  return { all, ...(typeof threshold === 'number' && { threshold }), ...weighed(assertion, around) }
}

/** `#/assertionTemplates/short` stands for the template, of which single members may be replaced. */
function resolve(given: PromptfooAssertion, templates: Surroundings['templates']): PromptfooAssertion {
  const { $ref, ...own } = given
  if ($ref === undefined) return given
  const name = $ref.replace(/^#\/assertionTemplates\//, '')
  const template = Object.hasOwn(templates, name) ? templates[name] : undefined
  return template === undefined ? { ...own, type: `$ref ${$ref}`.slice(0, 60) } : { ...template, ...own }
}

function mapOne(assertion: PromptfooAssertion, around: Surroundings, count: (one: Counted) => void): Single {
  const { type = '', threshold = null } = assertion
  const isOpposite = type.startsWith('not-')
  const base = isOpposite ? type.slice('not-'.length) : type
  const mapping = Object.hasOwn(MAPPINGS, base) ? MAPPINGS[base] : undefined
  if (mapping === undefined) return reported(assertion, around, { base, isOpposite }, count)
  const strange = Object.keys(assertion).find((name) => !KNOWN.has(name))
  if (strange !== undefined) {
    return unjudged(assertion, around, `it has ${JSON.stringify(strange)}, which is not applied here`, count)
  }
  const read = base === 'javascript' ? readCode : readValue
  const value = read(assertion.value, around)
  if ('why' in value) return unjudged(assertion, around, value.why, count)
  const { variables } = around
  const mapped = mapping({ value: value.value, threshold, variables, config: assertion.config })
  const why = 'why' in mapped ? mapped.why : whyNotPrepared(mapped)
  if ('why' in mapped || why !== null) return unjudged(assertion, around, why ?? '', count)
  const remark = DIFFERENCES[base] ?? null
  count({ type, status: remark === null ? 'evaluated' : 'differs', remark })
  return { ...mapped, ...(isOpposite && { not: true }), ...weighed(assertion, around) }
}

/** Not evaluated, and judged by the grader beside, where it has one and the question is promptfoo's own. */
function reported(
  assertion: PromptfooAssertion,
  around: Surroundings,
  { base, isOpposite }: { base: string; isOpposite: boolean },
  count: (one: Counted) => void,
): Single {
  const why = whyNotEvaluated(base)
  const { provider, threshold = null } = assertion
  const model = provider === undefined ? around.grader : graderOf(provider)
  const isOwnQuestion = Object.keys(assertion).every((name) => KNOWN.has(name) && !REPLACES.has(name))
  const value = model === null || !isOwnQuestion ? null : readValue(assertion.value, around)
  if (model === null || value === null || 'why' in value) return unjudged(assertion, around, why, count)
  const judge = judgeOf(base, { value: value.value, threshold, model })
  if (judge === null || whyNotPrepared(judge) !== null) return unjudged(assertion, around, why, count)
  const remark = `reported as ${judge.kind} by ${model}; which decides nothing before it is calibrated against people`
  return {
    ...unjudged(assertion, around, remark, count),
    judge: { ...judge, ...(isOpposite && { not: true }) },
  }
}

/** A setting that our kind does not take: a pattern with lookaround, a schema with a keyword that is not read. */
function whyNotPrepared({ kind, settings }: Exclude<Mapped, { why: string }>): string | null {
  try {
    prepareScorer({ kind, settings })
    return null
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    return error.message
  }
}

function unjudged(
  assertion: PromptfooAssertion,
  around: Surroundings,
  why: string,
  count: (one: Counted) => void,
): Extract<Single, { not_evaluated: string }> {
  const type = assertion.type ?? ''
  const reason = why.slice(0, MAX_WHY_CHARS)
  count({ type, status: 'not_evaluated', remark: reason })
  return { type, not_evaluated: reason, ...weighed(assertion, around) }
}

function weighed({ weight, metric }: PromptfooAssertion, { variables }: Surroundings) {
  const made = typeof metric === 'string' && metric !== '' ? render(metric, variables) : null
  const name = made === null ? '' : 'text' in made ? made.text : (metric ?? '')
  return {
    ...(typeof weight === 'number' && { weight }),
    ...(name !== '' && { metric: name.slice(0, 100) }),
  }
}

/** Texts are filled, in a list too; objects stand as they are. */
function readValue(
  value: JsonValue | undefined,
  around: Surroundings,
): { value: JsonValue | undefined } | { why: string } {
  if (typeof value === 'string') return textValue(value, around)
  if (!Array.isArray(value)) return { value }
  const list: JsonValue[] = []
  for (const one of value) {
    const made = typeof one === 'string' ? textValue(one, around) : { value: one }
    if ('why' in made) return made
    list.push(made.value)
  }
  return { value: list }
}

function textValue(text: string, { variables, files }: Surroundings): { value: JsonValue } | { why: string } {
  if (!text.startsWith('file://')) {
    const made = render(text, variables)
    return 'why' in made ? made : { value: made.text }
  }
  const path = text.slice('file://'.length)
  const [, ending = ''] = /\.(\w+)$/.exec(path) ?? []
  if (!['txt', 'json', 'yaml', 'yml'].includes(ending)) return { why: `its value is made by ${path}` }
  if (ending === 'txt') {
    const read = files.text(path)
    return 'why' in read ? { why: `${path}: ${read.why}` } : { value: read.text.trim() }
  }
  const read = files.value(path)
  if ('why' in read) return read
  const { value } = read
  return isJsonObject(value) || Array.isArray(value) ? { value } : { value: String(value) }
}
