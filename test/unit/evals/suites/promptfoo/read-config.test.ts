import { describe, expect, test } from 'vitest'
import { readAssertion } from '../../../../../src/evals/suites/promptfoo/csv-tests.ts'
import {
  isPromptfooConfig,
  type PromptfooSuite,
  readPromptfoo,
} from '../../../../../src/evals/suites/promptfoo/read-config.ts'
import { parseYaml } from '../../../../../src/lib/yaml.ts'

function read(text: string, files: Record<string, string> = {}) {
  const readBeside = (path: string) =>
    files[path] === undefined ? { why: 'cannot be read (ENOENT).' } : { text: files[path] }
  return readPromptfoo(text, { name: 'Opening Hours', readBeside })
}
function suiteOf(text: string, files: Record<string, string> = {}): PromptfooSuite {
  const suite = read(text, files)
  if ('problems' in suite) throw new Error(suite.problems.join('\n'))
  return suite
}
const itemsOf = (text: string, files: Record<string, string> = {}) =>
  suiteOf(text, files).prompts[0]?.items ?? []
const asked = (text: string, files: Record<string, string> = {}) =>
  itemsOf(text, files).map(({ messages }) => messages?.at(-1)?.content)

describe('a config', () => {
  test('is told from a suite by what it holds', () => {
    const is = (text: string) => isPromptfooConfig((parseYaml(text, 'x') as { value: unknown }).value)

    expect(is('prompts: [a]\ntests: []')).toBe(true)
    expect(is('prompts: [a]\ntargets: [echo]')).toBe(true)
    expect(is('dataset: d\nsubject: s\nscorers: [equals]')).toBe(false)
    expect(is('dataset: d\nprompts: [a]\ntests: []')).toBe(false)
    expect(is('[]')).toBe(false)
  })

  test('becomes items for each prompt, with the default test before each test', () => {
    const suite = suiteOf(`
prompts: ["Say {{word}}", { label: polite, raw: "Please say {{word}}" }]
providers: [openai:gpt-5-mini]
defaultTest:
  vars: { word: hello }
  threshold: 0.5
  metadata: { area: words }
  assert: [{ type: contains, value: "{{word}}" }]
tests:
  - {}
  - description: bye
    vars: { word: bye }
    assert: [{ type: word-count, value: 1 }]
    threshold: 1
evaluateOptions: { repeat: 3, maxConcurrency: 100, timeoutMs: 1500 }
outputPath: out.json
derivedMetrics: [{ name: f1, value: 2 * p }]
`)

    expect(suite).toMatchObject({ name: 'opening-hours', repeats: 3, concurrency: 64, timeoutMs: 1500 })
    expect(suite.prompts.map(({ label, name }) => [label, name])).toEqual([
      ['Say {{word}}', 'opening-hours-p1'],
      ['polite', 'opening-hours-p2'],
    ])
    expect(suite.prompts[1]?.items).toEqual([
      {
        id: 't1',
        messages: [{ role: 'user', content: 'Please say hello' }],
        assertions: { checks: [{ kind: 'contains', settings: { value: 'hello' } }], threshold: 0.5 },
        metadata: { vars: '{"word":"hello"}', area: 'words' },
      },
      {
        id: 't2',
        messages: [{ role: 'user', content: 'Please say bye' }],
        assertions: {
          checks: [
            { kind: 'contains', settings: { value: 'bye' } },
            { kind: 'word-count', settings: { exactly: 1 } },
          ],
          threshold: 1,
        },
        metadata: { description: 'bye', vars: '{"word":"bye"}', area: 'words' },
      },
    ])
    expect(suite.compatibility).toMatchObject({
      tests: 2,
      bare: 0,
      leftOut: [],
      ignored: ['outputPath', 'derivedMetrics (f1)'],
    })
  })

  test('makes one test of each way to take one value of every list, unless it says not to', () => {
    const text = 'prompts: ["{{a}}-{{b}}"]\ntests: [{ vars: { a: ["1", "2"], b: [x, y] } }]'

    expect(asked(text)).toEqual(['1-x', '1-y', '2-x', '2-y'])
    expect(itemsOf(text).map(({ id }) => id)).toEqual(['t1-1', 't1-2', 't1-3', 't1-4'])
    expect(asked('prompts: ["{{a | dump}}"]\ntests: [{ vars: { a: [1, 2] } }]')).toEqual(['[1,2]'])
    const whole = text.replace('{ vars', '{ options: { disableVarExpansion: true }, vars')
    expect(read(whole)).toMatchObject({
      problems: expect.arrayContaining([expect.stringContaining('a list')]),
    })
  })

  test('puts a prefix and a suffix around the prompt, and leaves default assertions out where it is asked to', () => {
    const options = '{ prefix: "Hi. ", suffix: " Bye.", disableDefaultAsserts: true }'
    const text = `prompts: [A]\ndefaultTest: { assert: [{ type: contains, value: x }] }\ntests: [{ options: ${options} }]`

    expect(asked(text)).toEqual(['Hi. A Bye.'])
    expect(itemsOf(text)[0]?.assertions).toEqual({ checks: [] })
    expect(suiteOf(text).compatibility.bare).toBe(1)
  })

  test('reads prompts, tests and variables from files beside it', () => {
    const files = {
      'p.txt': 'One {{q}}\n---\nTwo {{q}}\n',
      'cases.yaml': '- vars: { q: file://q.txt }\n',
      'rows.jsonl': '{"vars":{"q":"r"}}\n{"vars":{"q":"s"}}\n',
      'q.txt': 'long\n',
    }
    const suite = suiteOf('prompts: file://p.txt\ntests: [file://cases.yaml, rows.jsonl]', files)

    expect(suite.prompts.map(({ label }) => label)).toEqual(['p 1', 'p 2'])
    expect(suite.prompts[1]?.items.map(({ messages }) => messages?.[0]?.content)).toEqual([
      'Two long',
      'Two r',
      'Two s',
    ])
  })

  test('reads a file once, however many tests name it, and a JSON file of any number of members', () => {
    const paths: string[] = []
    const many = JSON.stringify(
      Array.from({ length: 3_000 }, (_, at) => ({ vars: { q: `q${at}`, s: 'file://s.txt' } })),
    )
    const readBeside = (path: string) => {
      paths.push(path)
      return { text: path === 'many.json' ? many : 'short' }
    }
    const suite = readPromptfoo('prompts: ["{{q}} {{s}}"]\ntests: file://many.json', {
      name: 'n',
      readBeside,
    })

    expect(suite).toMatchObject({ compatibility: { tests: 3_000 } })
    expect(paths).toEqual(['many.json', 's.txt'])
  })

  test('makes of a scenario each set with each test, over the default test', () => {
    const files = { 'cases.yaml': '- vars: { q: a }\n- { vars: { q: b }, threshold: 1 }' }
    const items = itemsOf(
      `
prompts: ["{{greet}} {{q}} in {{lang}}"]
defaultTest: { vars: { greet: Say }, threshold: 0.5, assert: [{ type: is-json }] }
tests: [{ vars: { q: first, lang: Latin } }]
scenarios:
  - config:
      - { vars: { lang: German }, metadata: { set: one }, assert: [{ type: contains, value: "{{lang}}" }] }
      - vars: { lang: French }
    tests: file://cases.yaml
  - config: [{ vars: { q: c, lang: [Dutch, Danish] } }]
`,
      files,
    )

    expect(items.map(({ id, messages }) => [id, messages?.[0]?.content])).toEqual([
      ['t1', 'Say first in Latin'],
      ['s1.1.1', 'Say a in German'],
      ['s1.1.2', 'Say b in German'],
      ['s1.2.1', 'Say a in French'],
      ['s1.2.2', 'Say b in French'],
      ['s2.1.1-1', 'Say c in Dutch'],
      ['s2.1.1-2', 'Say c in Danish'],
    ])
    expect(items[2]).toMatchObject({
      assertions: {
        threshold: 1,
        checks: [{ kind: 'is-json' }, { kind: 'contains', settings: { value: 'German' } }],
      },
      metadata: { set: 'one' },
    })
  })

  test('reads a table with its magic columns', () => {
    const table = [
      'q,__expected1,__expected2,__description,__threshold,__metric,__metadata:team,__config:__expected2:threshold',
      'a,"contains-any:x, y",levenshtein(3):abc,first,0.5,m,blue,',
      'b,plain answer,rouge-n:abc,,,,,0.4',
    ].join('\n')
    const items = itemsOf('prompts: ["{{q}}"]\ntests: tests.csv', { 'tests.csv': table })

    expect(items[0]).toMatchObject({
      assertions: {
        checks: [
          { kind: 'contains-any', settings: { value: ['x', 'y'] }, metric: 'm' },
          { kind: 'levenshtein', settings: { max_distance: 3 } },
        ],
        threshold: 0.5,
      },
      metadata: { description: 'first', team: 'blue' },
    })
    expect(items[1]?.assertions).toEqual({
      checks: [
        { kind: 'equals', settings: { value: 'plain answer' } },
        { kind: 'rouge-n', settings: { value: 'abc', threshold: 0.4 } },
      ],
    })
  })

  test.each([
    ['fn: output.length > 3', { type: 'javascript', value: 'output.length > 3' }],
    ['grade: is kind', { type: 'llm-rubric', value: ' is kind' }],
    ['is-json', { type: 'is-json' }],
    ['similar(0.9):hi', { type: 'similar', value: 'hi', threshold: 0.9 }],
    ['not-contains:x:y', { type: 'not-contains', value: 'x:y' }],
    ['note: closed', { type: 'equals', value: 'note: closed' }],
    ['https://a.b', { type: 'equals', value: 'https://a.b' }],
  ])('the cell %j asserts %j', (cell, wanted) => {
    expect(readAssertion(cell)).toEqual(wanted)
  })
})

describe('a grader', () => {
  const text = `
prompts: ["{{q}}"]
defaultTest: { options: { provider: openai:gpt-5-mini } }
tests:
  - vars: { q: a, context: one }
    assert: [{ type: llm-rubric, value: is kind }, { type: context-faithfulness, provider: { id: local/judge } }]
  - { vars: { q: b }, options: { rubricPrompt: own words }, assert: [{ type: llm-rubric, value: is kind }] }
`
  test('judges beside what models judge there, by the names they have here', () => {
    const [first, second] = itemsOf(text)
    const models = first?.assertions?.checks.map((one) => 'judge' in one && one.judge?.settings.model)

    expect(models).toEqual(['openai/gpt-5-mini', 'local/judge'])
    expect(first?.contexts).toEqual(['one'])
    expect(second?.assertions?.checks).not.toContainEqual(
      expect.objectContaining({ judge: expect.anything() }),
    )
    expect(suiteOf(text).prompts).toMatchObject([{ asksJudges: true }])
  })

  test('may be named from outside, and be missing', () => {
    const readBeside = () => ({ why: 'no file.' })
    const named = readPromptfoo(text, { name: 'n', readBeside, grader: 'anthropic/claude' })
    const none = itemsOf(text.replace(/defaultTest.*/, ''))

    expect(JSON.stringify(named)).toMatch(/rubric by anthropic\/claude/)
    expect(JSON.stringify(named)).not.toContain('gpt-5-mini')
    expect(none[0]?.assertions?.checks[0]).not.toHaveProperty('judge')
  })
})

describe('what is not run', () => {
  test.each([
    ['tests: [{ vars: { q: "{{z|upper}}" } }, {}]', /the variable q/],
    ['tests: [{ provider: openai:gpt-5 }, {}]', /"provider"/],
    ['tests: [{ providerOutput: x }, {}]', /"providerOutput"/],
    ['tests: [{ options: { transform: output.trim() } }, {}]', /"transform"/],
    ['tests: [{ vars: file://v.yaml }, {}]', /in files/],
    ['tests: [{ vars: { q: file://v.pdf } }, {}]', /another kind than text/],
    ['tests: [{ path: file://make.py:tests }, {}]', /a program makes/],
    ['tests: [huggingface://datasets/x, {}]', /elsewhere/],
    ['tests: [file://*.yaml, {}]', /a pattern/],
    ['tests: [file://t.xlsx, {}]', /\.xlsx/],
    ['tests: [{}]\nscenarios: [{ config: [], tests: [] }]', /makes none/],
    ['tests: [{}]\nscenarios: [{ config: [{}], repeat: 3 }]', /"repeat"/],
    ['tests: [{ threshold: 7 }, {}]', /threshold/],
  ])('%j is left out with its reason, and the rest runs', (tests, why) => {
    const suite = suiteOf(`prompts: ["Ask {{q}}"]\n${tests}`)

    expect(suite.prompts[0]?.items).toHaveLength(1)
    expect(suite.compatibility.leftOut).toEqual([
      expect.objectContaining({ reason: expect.stringMatching(why) }),
    ])
  })

  test('may be one prompt of several', () => {
    const suite = suiteOf('prompts: ["{% if a %}", "b", file://make.py]\ntests: [{}]')

    expect(suite.prompts.map(({ name }) => name)).toEqual(['opening-hours-p2'])
    expect(suite.compatibility.leftOut.map(({ test: id, prompt }) => [id, prompt])).toEqual([
      ['all', 'prompts.2 (make.py)'],
      ['t1', '{% if a %}'],
    ])
  })
})

test.each([
  ['prompts: [a]', /no test can be run/],
  ['prompts: []\ntests: [{}]', /no test can be run/],
  ['prompts: 5\ntests: [{}]', /prompts: number 5/],
  ['prompts: [a]\ntests: [{ assert: [{ value: x }] }]', /tests\.0: assert\.0/],
  ['prompts: [a]\ntests: [{ assert: [{ type: contains, weight: -1 }] }]', /weight/],
  [
    'prompts: [a]\ntests: [{ assert: [{ type: assert-set, assert: [{ value: x }] }] }]',
    /tests\.0: assert\.0/,
  ],
  ['prompts: [a]\ntests: [5]', /tests\.0/],
  ['prompts: [a]\nscenarios: [5]', /scenarios\.0/],
  ['prompts: [a]\ndefaultTest: { vars: file://v.yaml }\ntests: [{ vars: { q: a } }]', /in files/],
  ['prompts: [a]\nscenarios: [{ config: [{ threshold: x }] }]', /scenarios\.0\.config\.0: threshold/],
  [
    `prompts: [a]\nscenarios: [{ config: [${'{},'.repeat(101)}], tests: [${'{},'.repeat(101)}] }]`,
    /scenarios\.0: more than 10000 tests/,
  ],
  ['prompts: [a]\ndefaultTest: file://gone.yaml\ntests: [{}]', /defaultTest: .*ENOENT/],
  [
    `prompts: [a]\ntests: [{ vars: { a: [${'x,'.repeat(101)}], b: [${'x,'.repeat(101)}] } }]`,
    /more than 10000/,
  ],
  ['{', /not valid YAML/],
])('%j is refused in a sentence', (text, why) => {
  expect(read(text)).toEqual({ problems: expect.arrayContaining([expect.stringMatching(why)]) })
})

describe('a provider', () => {
  const providersOf = (text: string) => suiteOf(`prompts: [a]\ntests: [{}]\n${text}`).providers

  test.each([
    ['openai:chat:gpt-5-mini', 'openai/gpt-5-mini'],
    ['openai:gpt-4.1', 'openai/gpt-4.1'],
    ['anthropic:messages:claude-sonnet-5', 'anthropic/claude-sonnet-5'],
    ['ollama:chat:llama3.2:3b', 'ollama/llama3.2:3b'],
    ['vertex:gemini-2.5-pro', 'gemini/gemini-2.5-pro'],
    ['local/reader', 'local/reader'],
    ['support-answer@r12', 'support-answer@r12'],
  ])('%s is asked as %s', (id, subject) => {
    expect(providersOf(`providers: ["${id}"]`)).toMatchObject([{ label: id, subject }])
  })

  test.each([
    'openai:embedding:text-embedding-3-large',
    'bam:chat:ibm/granite',
    'exec:python ask.py',
    'file://mine.js',
    'https://example.org/ask',
    '{{env.MODEL}}',
  ])('%s is not known, with the remedy', (id) => {
    expect(providersOf(`providers: ["${id}"]`)).toMatchObject([
      { subject: { why: expect.stringContaining('--subject') } },
    ])
  })

  test('takes its parameters along, and says what is not sent', () => {
    const text =
      'targets:\n  - { id: openai:gpt-5, label: five, config: { temperature: 0.2, apiKey: k, tools: [] } }\n  - anthropic:c: { config: { max_tokens: 9 } }'

    expect(providersOf(text)).toMatchObject([
      {
        label: 'five',
        subject: 'openai/gpt-5',
        parameters: { temperature: 0.2 },
        remarks: ['config.tools is not sent', 'config.apiKey is not sent'],
      },
      { label: 'anthropic:c', subject: 'anthropic/c', parameters: { max_tokens: 9 } },
    ])
    expect(providersOf('providers: [{ id: openai:gpt-5, transform: x }]')).toMatchObject([
      { subject: { why: expect.stringContaining('"transform"') } },
    ])
  })
})
