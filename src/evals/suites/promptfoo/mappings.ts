/** Which of our kinds judges as a type of promptfoo does, with that type's own defaults. One line for each type; what is missing is not evaluated. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../../lib/json.ts'
import { parseYaml } from '../../../lib/yaml.ts'

/** `value` with its variables filled in and its file read. */
type Given = {
  value: JsonValue | undefined
  threshold: number | null
  variables: JsonObject
  config: JsonValue | undefined
}
export type Mapped = { kind: string; settings: JsonObject; by_pass?: true } | { why: string }
type Mapping = (given: Given) => Mapped

const NO_VALUE = { why: 'it has no value' }
/** What promptfoo passes from, or up to, where the assertion does not say. */
const DEFAULTS = { edits: 5, 'rouge-n': 0.75, bleu: 0.5, 'tool-call-f1': 1 }

export const MAPPINGS: Readonly<Record<string, Mapping>> = {
  equals: ({ value }) => {
    if (value === undefined || value === null) return NO_VALUE
    // A list is JSON there, and several right answers in our `equals`.
    if (typeof value === 'object') return { kind: 'json-match', settings: { value, several: false } }
    return { kind: 'equals', settings: { value: String(value) } }
  },
  contains: oneText('contains', 'value'),
  icontains: oneText('icontains', 'value'),
  'contains-any': texts('contains-any'),
  'contains-all': texts('contains-all'),
  'icontains-any': texts('icontains-any'),
  'icontains-all': texts('icontains-all'),
  'starts-with': oneText('starts-with', 'value'),
  regex: oneText('regex', 'pattern'),
  'is-json': schema('is-json'),
  'contains-json': schema('contains-json'),
  'is-refusal': () => ({ kind: 'refusal', settings: {} }),
  'word-count': ({ value }) => {
    if (isJsonObject(value)) return { kind: 'word-count', settings: value }
    return countOf(value, (exactly) => ({ kind: 'word-count', settings: { exactly } }))
  },
  'finish-reason': ({ value }) =>
    typeof value === 'string'
      ? { kind: 'finish-reason', settings: { value: value.toLowerCase() } }
      : NO_VALUE,
  latency: ({ threshold }) =>
    threshold === null ? noThreshold() : { kind: 'latency', settings: { max_ms: threshold } },
  cost: ({ threshold }) =>
    threshold === null ? noThreshold() : { kind: 'cost', settings: { max_usd: String(threshold) } },
  levenshtein: ({ value, threshold }) => {
    if (typeof value !== 'string') return NO_VALUE
    // 0 is not said there: it falls back to the default.
    const most = Math.floor(threshold || DEFAULTS.edits)
    return { kind: 'levenshtein', settings: { value, max_distance: most }, by_pass: true }
  },
  'rouge-n': ({ value, threshold }) =>
    typeof value === 'string'
      ? { kind: 'rouge-n', settings: { value, threshold: threshold ?? DEFAULTS['rouge-n'] } }
      : NO_VALUE,
  bleu: ({ value, threshold }) => {
    if (typeof value !== 'string' && !Array.isArray(value)) return NO_VALUE
    return { kind: 'bleu', settings: { value, threshold: threshold ?? DEFAULTS.bleu, lowercase: true } }
  },
  // Its value is the code, as settings.
  javascript: ({ value, threshold, variables, config }) => ({
    kind: 'javascript',
    settings: {
      ...(isJsonObject(value) && value),
      vars: variables,
      ...(threshold !== null && { threshold }),
      ...(config !== undefined && { config }),
    },
  }),
  'tool-call-f1': ({ value, threshold }) => {
    const names = listOf(value)
    if ('why' in names) return names
    return {
      kind: 'tool-call-f1',
      settings: { value: names.list, threshold: threshold ?? DEFAULTS['tool-call-f1'] },
    }
  },
}

/** Types that are judged by a rule of ours which can differ from promptfoo's. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  regex: 'run by RE2: no lookaround or backreferences, and \\s, \\d, \\w and \\b know ASCII alone',
  'is-refusal': 'told by Aval’s own phrases; an empty answer is not evaluated',
  'is-json': 'the schema by the keywords that prompts may use',
  'contains-json': 'the schema by the keywords that prompts may use',
  'finish-reason': 'a reason that is not known is not evaluated',
  'rouge-n': 'ROUGE-1 as F1 over the tokens of rouge-score',
  bleu: 'BLEU with the tokens of sacrebleu, exponential smoothing and the paper’s penalty for brevity',
  cost: 'by Aval’s price list',
  javascript: 'run alone: no modules, network or timers; what throws is not evaluated, and has failed there',
  latency: 'measured at the gateway; a stored answer is not taken for a quick one',
  'tool-call-f1': 'reads the calls of the answer, not its text',
}

function noThreshold(): Mapped {
  return { why: 'it has no threshold: it records a figure and judges nothing' }
}

function oneText(kind: string, setting: string): Mapping {
  return ({ value }) =>
    (typeof value === 'string' && value !== '') || typeof value === 'number'
      ? { kind, settings: { [setting]: String(value) } }
      : NO_VALUE
}

function texts(kind: string): Mapping {
  return ({ value }) => {
    const read = listOf(value)
    return 'why' in read ? read : { kind, settings: { value: read.list } }
  }
}

/** A list, or texts with commas between. */
function listOf(value: JsonValue | undefined): { list: string[] } | { why: string } {
  if (typeof value === 'string' && value.includes('"')) {
    return { why: 'its value is a text with quotes and commas: write a list' }
  }
  const list = typeof value === 'string' ? value.split(',').map((one) => one.trim()) : value
  if (!Array.isArray(list) || list.length === 0) return NO_VALUE
  if (list.some((one) => typeof one === 'object')) return { why: 'its list holds more than texts' }
  return { list: list.map(String) }
}

function schema(kind: string): Mapping {
  return ({ value }) => {
    if (value === undefined || value === null || value === '') return { kind, settings: {} }
    if (typeof value !== 'string') return { kind, settings: { schema: value } }
    const read = parseYaml(value, 'its schema')
    if ('problems' in read) return { why: read.problems.join(' ') }
    return { kind, settings: { schema: read.value as JsonValue } }
  }
}

function countOf(value: JsonValue | undefined, then: (count: number) => Mapped): Mapped {
  const count = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof count === 'number' && Number.isFinite(count) ? then(count) : NO_VALUE
}
