import { expect, test } from 'vitest'
import { readSuiteFile } from '../../../../src/evals/suites/suite.ts'

const WHOLE = `
description: The answer is right.
dataset: support-questions@7
subject: support-answer@staging
split: test
repeats: 3
scorers:
  - equals
  - { name: cites, kind: not-contains, value: "[9]", at_least: 0.9, not_worse_by: 0.02 }
budget_usd: 2.50
concurrency: 8
timeout: 30s
coverage: 0.9
alpha: 0.1
seed: 7
`

test('a file becomes a suite, with what is not said as everybody would have it', () => {
  expect(readSuiteFile('support-answer', WHOLE)).toEqual({
    name: 'support-answer',
    description: 'The answer is right.',
    dataset: { name: 'support-questions', version: 7 },
    split: 'test',
    subject: 'support-answer@staging',
    repeats: 3,
    scorers: [
      {
        name: 'equals',
        kind: 'equals',
        settings: {},
        gates: { atLeast: null, atMost: null, notWorseBy: null, observedAtLeast: null },
      },
      {
        name: 'cites',
        kind: 'not-contains',
        settings: { value: '[9]' },
        gates: { atLeast: 0.9, atMost: null, notWorseBy: 0.02, observedAtLeast: null },
      },
    ],
    budget: 2_500_000n,
    concurrency: 8,
    timeoutMs: 30_000,
    coverage: 0.9,
    alpha: 0.1,
    parameters: {},
    seed: 7,
    batch: false,
    cache: null,
  })
  expect(readSuiteFile('small', 'dataset: d\nsubject: local/reader\nscorers: [equals]\n')).toMatchObject({
    dataset: { name: 'd', version: null },
    repeats: 1,
    budget: null,
    concurrency: 4,
    timeoutMs: 120_000,
    coverage: 0.98,
    alpha: 0.05,
    seed: null,
  })
})

test.each([
  ['true', { maxAgeMs: 7 * 86_400_000 }],
  ['{ max_age: 12h }', { maxAgeMs: 12 * 3_600_000 }],
  ['{ max_age: 90d }', { maxAgeMs: 90 * 86_400_000 }],
  ['false', null],
])('a suite that says cache: %s takes over what is that old', (said, cache) => {
  const yaml = `dataset: d\nsubject: up/m\nscorers: [equals]\ncache: ${said}\n`

  expect(readSuiteFile('small', yaml)).toMatchObject({ cache })
})

test.each([
  ['{ max_age: 91d }', 'up/m', /cache/],
  ['{ max_age: soon }', 'up/m', /cache/],
  ['{ age: 1d }', 'up/m', /cache/],
  ['7d', 'up/m', /cache/],
  ['true', 'recorded', /cache: recorded outputs are asked of nobody/],
])('a suite that says cache: %s of %s is refused', (said, subject, mistake) => {
  const yaml = `dataset: d\nsubject: ${subject}\nscorers: [equals]\ncache: ${said}\n`

  const read = readSuiteFile('small', yaml)

  expect('problems' in read ? read.problems.join(' ') : '').toMatch(mistake)
})

test('a suite may ask in batches, unless it asks nobody', () => {
  const yaml = (subject: string) => `dataset: d\nsubject: ${subject}\nscorers: [equals]\nbatch: true\n`

  expect(readSuiteFile('small', yaml('up/m'))).toMatchObject({ batch: true })
  expect(readSuiteFile('small', yaml('recorded'))).toEqual({
    problems: ['evals/small.yaml: batch: recorded outputs are asked of nobody. Leave it out.'],
  })
})

test.each([
  ['nothing', '', /dataset: nothing where .*expected/],
  [
    'no scorers',
    WHOLE.replace(/scorers:[\s\S]*?budget/, 'scorers: []\nbudget'),
    /scorers: a list of 0 where at least 1/,
  ],
  ['an unknown key', `${WHOLE}bugdet_usd: 3\n`, /unknown key "bugdet_usd". Did you mean "budget_usd"\?/],
  [
    'a budget that is none',
    WHOLE.replace('2.50', '"ten"'),
    /budget_usd: text "ten" where an amount such as 2.50/,
  ],
  ['a margin of nothing', WHOLE.replace('0.02', '0'), /not_worse_by: number 0 where more than 0/],
  ['no repeats', WHOLE.replace('repeats: 3', 'repeats: 0'), /repeats: number 0 where at least 1/],
  ['NaN', WHOLE.replace('coverage: 0.9', 'coverage: .nan'), /coverage: /],
  ['a name twice', WHOLE.replace('name: cites, ', 'name: equals, '), /scorers.1: "equals" stands twice/],
  [
    'repeats of what is recorded',
    WHOLE.replace('support-answer@staging', 'recorded'),
    /repeats: recorded outputs are there once/,
  ],
  [
    'a scorer without a kind',
    WHOLE.replace('- equals', '- { at_least: 1 }'),
    /scorers.0: an object where an object with a kind/,
  ],
  ['a wrong timeout', WHOLE.replace('30s', 'soon'), /timeout: text "soon" where a duration such as 60s/],
  ['broken YAML', `${WHOLE}: [`, /not valid YAML/],
])('%s is told with its place and what to write', (_what, text, message) => {
  const read = readSuiteFile('suite', text)

  expect('problems' in read ? read.problems.join('\n') : read).toMatch(message)
})

test('a name that is none, and a file that is a dataset, are refused', () => {
  expect(readSuiteFile('No Name', WHOLE)).toEqual({ problems: [expect.stringMatching(/lower-case letters/)] })
  expect(readSuiteFile('suite', `# ${'x'.repeat(300_000)}`)).toEqual({
    problems: [expect.stringMatching(/Items belong into a dataset/)],
  })
})
