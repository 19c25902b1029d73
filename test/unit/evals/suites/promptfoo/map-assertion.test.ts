import { describe, expect, test } from 'vitest'
import { filesBeside } from '../../../../../src/evals/suites/promptfoo/files-beside.ts'
import { type Counted, mapAssertion } from '../../../../../src/evals/suites/promptfoo/map-assertion.ts'
import type { PromptfooAssertion } from '../../../../../src/evals/suites/promptfoo/shape.ts'
import type { JsonObject } from '../../../../../src/lib/json.ts'

const FILES: Record<string, string> = {
  'answer.txt': ' nine \n',
  'schema.json': '{"type":"object"}',
  'list.yaml': '[a, b]',
  'check.js': 'module.exports.short = (output) => output.length < 9',
  'check.mjs': 'export default () => true',
  'imports.mjs': "import { a } from './a.js'\nexport default a",
}
const templates = { short: { type: 'word-count', value: { max: 20 } } }

function map(given: PromptfooAssertion, variables: JsonObject = {}, grader: string | null = null) {
  const counted: Counted[] = []
  const readBeside = (path: string) =>
    FILES[path] === undefined ? { why: 'cannot be read (ENOENT).' } : { text: FILES[path] }
  const assertion = mapAssertion(
    given,
    { variables, templates, files: filesBeside(readBeside), grader },
    (one) => counted.push(one),
  )
  return { assertion, counted }
}

test.each<[PromptfooAssertion, JsonObject]>([
  [
    { type: 'equals', value: 'a' },
    { kind: 'equals', settings: { value: 'a' } },
  ],
  [
    { type: 'equals', value: 5 },
    { kind: 'equals', settings: { value: '5' } },
  ],
  [
    { type: 'equals', value: ['a', 'b'] },
    { kind: 'json-match', settings: { value: ['a', 'b'], several: false } },
  ],
  [
    { type: 'not-equals', value: { a: 1 } },
    { kind: 'json-match', settings: { value: { a: 1 }, several: false }, not: true },
  ],
  [
    { type: 'contains', value: 7 },
    { kind: 'contains', settings: { value: '7' } },
  ],
  [
    { type: 'not-icontains', value: 'x' },
    { kind: 'icontains', settings: { value: 'x' }, not: true },
  ],
  [
    { type: 'contains-any', value: 'a, b' },
    { kind: 'contains-any', settings: { value: ['a', 'b'] } },
  ],
  [
    { type: 'icontains-all', value: ['a', 1] },
    { kind: 'icontains-all', settings: { value: ['a', '1'] } },
  ],
  [
    { type: 'starts-with', value: 'Yes' },
    { kind: 'starts-with', settings: { value: 'Yes' } },
  ],
  [
    { type: 'regex', value: '\\d+' },
    { kind: 'regex', settings: { pattern: '\\d+' } },
  ],
  [{ type: 'is-json' }, { kind: 'is-json', settings: {} }],
  [
    { type: 'is-json', value: 'type: object' },
    { kind: 'is-json', settings: { schema: { type: 'object' } } },
  ],
  [
    { type: 'contains-json', value: { type: 'object' } },
    { kind: 'contains-json', settings: { schema: { type: 'object' } } },
  ],
  [{ type: 'not-is-refusal' }, { kind: 'refusal', settings: {}, not: true }],
  [
    { type: 'word-count', value: '12' },
    { kind: 'word-count', settings: { exactly: 12 } },
  ],
  [
    { type: 'word-count', value: { min: 1, max: 3 } },
    { kind: 'word-count', settings: { min: 1, max: 3 } },
  ],
  [
    { type: 'finish-reason', value: 'STOP' },
    { kind: 'finish-reason', settings: { value: 'stop' } },
  ],
  [
    { type: 'latency', threshold: 800 },
    { kind: 'latency', settings: { max_ms: 800 } },
  ],
  [
    { type: 'cost', threshold: 0.002 },
    { kind: 'cost', settings: { max_usd: '0.002' } },
  ],
  [
    { type: 'levenshtein', value: 'a' },
    { kind: 'levenshtein', settings: { value: 'a', max_distance: 5 }, by_pass: true },
  ],
  [
    { type: 'rouge-n', value: 'a b' },
    { kind: 'rouge-n', settings: { value: 'a b', threshold: 0.75 } },
  ],
  [
    { type: 'not-rouge-n', value: 'a', threshold: 0.2 },
    { kind: 'rouge-n', settings: { value: 'a', threshold: 0.2 }, not: true },
  ],
  [
    { type: 'bleu', value: ['a'] },
    { kind: 'bleu', settings: { value: ['a'], threshold: 0.5, lowercase: true } },
  ],
  [
    { type: 'javascript', value: 'output === "{{word}}"', threshold: 0.5, config: { most: 3 } },
    {
      kind: 'javascript',
      settings: { code: 'output === ""', vars: {}, threshold: 0.5, config: { most: 3 } },
    },
  ],
  [
    { type: 'not-javascript', value: 'file://check.js:short' },
    {
      kind: 'javascript',
      settings: { code: FILES['check.js'] ?? '', form: 'commonjs', exported: 'short', vars: {} },
      not: true,
    },
  ],
  [
    { type: 'javascript', value: 'file://check.mjs' },
    { kind: 'javascript', settings: { code: FILES['check.mjs'] ?? '', form: 'module', vars: {} } },
  ],
  [
    { type: 'tool-call-f1', value: 'find, send' },
    { kind: 'tool-call-f1', settings: { value: ['find', 'send'], threshold: 1 } },
  ],
])('%j becomes %j', (given, wanted) => {
  const { assertion, counted } = map(given)

  expect(assertion).toEqual(wanted)
  expect(counted).toEqual([
    { type: given.type, status: expect.stringMatching(/^(evaluated|differs)$/), remark: counted[0]?.remark },
  ])
})

test.each<[PromptfooAssertion, RegExp]>([
  [{ type: 'llm-rubric', value: 'is kind' }, /a model judges/],
  [{ type: 'not-llm-rubric', value: 'is rude' }, /a model judges/],
  [{ type: 'model-graded-closedqa', value: 'x' }, /a model judges/],
  [{ type: 'context-faithfulness', threshold: 0.8 }, /a model judges/],
  [{ type: 'javascript' }, /no code/],
  [{ type: 'javascript', value: 'require("fs").existsSync(output)' }, /other modules/],
  [{ type: 'javascript', value: '(await fetch(output)).ok' }, /the network/],
  [{ type: 'javascript', value: 'context.providerResponse.cached' }, /context/],
  [{ type: 'javascript', value: 'output === {{a|dump|upper}}' }, /a filter/],
  [{ type: 'javascript', value: 'file://imports.mjs' }, /other modules/],
  [{ type: 'javascript', value: 'file://gone.js' }, /ENOENT/],
  [{ type: 'javascript', value: 'file://check.ts' }, /only files of JavaScript/],
  [{ type: 'python', value: 'len(output)' }, /only JavaScript/],
  [{ type: 'similar:cosine', value: 'x' }, /embeddings/],
  [{ type: 'moderation' }, /another service/],
  [{ type: 'is-sql' }, /no scorer/],
  [{ type: 'gleu', value: 'x' }, /no scorer/],
  [{ type: 'perplexity' }, /log probabilities/],
  [{ type: 'is-valid-openai-tools-call' }, /provider’s config/],
  [{ type: 'trajectory:tool-used', value: 'x' }, /traces/],
  [{ type: 'select-best', value: 'x' }, /several providers/],
  [{ type: 'human' }, /people/],
  [{ type: 'containz', value: 'x' }, /not known/],
  [{ type: 'toString' }, /not known/],
  [{ type: 'contains' }, /no value/],
  [{ type: 'contains', value: '' }, /no value/],
  [{ type: 'contains-any', value: '"a, b", c' }, /write a list/],
  [{ type: 'latency' }, /no threshold/],
  [{ type: 'regex', value: '(?=x)' }, /pattern/],
  [{ type: 'is-json', value: { $dynamicRef: '#x' } }, /./],
  [{ type: 'contains', value: '{{a|upper}}' }, /a filter/],
  [{ type: 'contains', value: 'file://make.js' }, /made by make\.js/],
  [{ type: 'contains', value: 'file://gone.txt' }, /ENOENT/],
  [{ type: 'contains', value: 'x', transform: 'output.trim()' }, /"transform"/],
  [{ $ref: '#/assertionTemplates/gone' }, /not known/],
])('%j is not evaluated, and says why', (given, why) => {
  const { assertion, counted } = map(given)

  expect(assertion).toMatchObject({ type: expect.any(String), not_evaluated: expect.stringMatching(why) })
  expect(counted).toMatchObject([{ status: 'not_evaluated' }])
})

const MODEL = 'openai/gpt-4.1'

test.each<[PromptfooAssertion, JsonObject]>([
  [
    { type: 'llm-rubric', value: 'is {{how}}' },
    { kind: 'rubric', settings: { model: MODEL, rubric: 'is kind' } },
  ],
  [
    { type: 'llm-rubric', value: 'x', threshold: 0.6 },
    { kind: 'rubric', settings: { model: MODEL, rubric: 'x', scale: '1-5', threshold: 0.6 } },
  ],
  [
    { type: 'not-g-eval', value: ['a', 'b'] },
    { kind: 'rubric', settings: { model: MODEL, rubric: 'a\nb', scale: '1-5', threshold: 0.7 }, not: true },
  ],
  [
    { type: 'model-graded-closedqa', value: 'x', provider: 'anthropic:messages:claude-sonnet-5' },
    { kind: 'closed-qa', settings: { model: 'anthropic/claude-sonnet-5', criterion: 'x' } },
  ],
  [
    { type: 'factuality', value: 'x' },
    {
      kind: 'factuality',
      settings: {
        model: MODEL,
        value: 'x',
        subset: 1,
        superset: 1,
        agree: 1,
        disagree: 0,
        differ: 1,
        threshold: 1,
      },
    },
  ],
  [{ type: 'answer-relevance' }, { kind: 'answer-relevance', settings: { model: MODEL, threshold: 0 } }],
  [
    { type: 'context-faithfulness', threshold: 0.8 },
    { kind: 'faithfulness', settings: { model: MODEL, threshold: 0.8 } },
  ],
  [{ type: 'context-relevance' }, { kind: 'context-relevance', settings: { model: MODEL, threshold: 0 } }],
])('%j is not evaluated, and judged beside where a grader is named', (given, judge) => {
  const { assertion, counted } = map(given, { how: 'kind' }, MODEL)

  expect(assertion).toMatchObject({
    type: given.type,
    not_evaluated: expect.stringMatching(/decides nothing/),
    judge,
  })
  expect(counted).toMatchObject([{ status: 'not_evaluated', remark: expect.stringMatching(/^reported as/) }])
})

test.each<PromptfooAssertion>([
  { type: 'llm-rubric' },
  { type: 'llm-rubric', value: 'x', rubricPrompt: 'Other words: {{output}}' },
  { type: 'llm-rubric', value: 'x', threshold: 7 },
  { type: 'llm-rubric', value: 'x', provider: 'bam:chat:ibm/granite' },
  { type: 'context-faithfulness', contextTransform: 'output' },
  { type: 'context-recall', value: 'x' },
  { type: 'python', value: 'x' },
])('%j is not judged beside: another question, or nobody who can be asked', (given) => {
  const { assertion } = map(given, {}, MODEL)

  expect(assertion).toMatchObject({ type: given.type, not_evaluated: expect.any(String) })
  expect(assertion).not.toHaveProperty('judge')
})

describe('an assertion', () => {
  test('has its variables filled, in lists too, and keeps weight and metric', () => {
    const given = { type: 'contains-all', value: ['{{a}}', 'b'], weight: 2, metric: '{{a}} there' }

    expect(map(given, { a: 'x' }).assertion).toEqual({
      kind: 'contains-all',
      settings: { value: ['x', 'b'] },
      weight: 2,
      metric: 'x there',
    })
  })

  test('reads its value from a file beside the config', () => {
    expect(map({ type: 'equals', value: 'file://answer.txt' }).assertion).toMatchObject({
      settings: { value: 'nine' },
    })
    expect(map({ type: 'is-json', value: 'file://schema.json' }).assertion).toMatchObject({
      settings: { schema: { type: 'object' } },
    })
    expect(map({ type: 'contains-any', value: 'file://list.yaml' }).assertion).toMatchObject({
      settings: { value: ['a', 'b'] },
    })
  })

  test('may be a template, of which single members are replaced', () => {
    expect(map({ $ref: '#/assertionTemplates/short', weight: 3 }).assertion).toEqual({
      kind: 'word-count',
      settings: { max: 20 },
      weight: 3,
    })
  })

  test('may be a set with a threshold of its own', () => {
    const assert = [
      { type: 'contains', value: 'a' },
      { $ref: '#/assertionTemplates/short' },
      { type: 'human' },
    ]
    const { assertion, counted } = map({ type: 'assert-set', assert, threshold: 0.5, weight: 2 })

    expect(assertion).toMatchObject({
      all: [{ kind: 'contains' }, { kind: 'word-count' }, { type: 'human' }],
      threshold: 0.5,
      weight: 2,
    })
    expect(counted.map(({ type }) => type)).toEqual(['contains', 'word-count', 'human'])
    expect(map({ type: 'assert-set' }).assertion).toMatchObject({
      not_evaluated: expect.stringContaining('holds no'),
    })
  })
})
