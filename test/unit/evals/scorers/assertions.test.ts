import { describe, expect, test } from 'vitest'
import type { Assertion, Assertions } from '../../../../src/evals/assertions.ts'
import { checkItem } from '../../../../src/evals/datasets/check-item.ts'
import type { Sample } from '../../../../src/evals/scorers/scorer.ts'
import { judgeSample } from '../../../support/judge-sample.ts'

type Single = Extract<Assertion, { all: unknown }>['all'][number]

const has = (value: string, more: Partial<Single> = {}): Single =>
  ({ kind: 'contains', settings: { value }, ...more }) as Single
const rubric = (more: Partial<Single> = {}): Single =>
  ({ type: 'llm-rubric', not_evaluated: 'A model judges it.', ...more }) as Single

const judge = (checks: Assertion[], threshold?: number, sample: Partial<Sample> = {}) => {
  const assertions: Assertions = { checks, ...(threshold !== undefined && { threshold }) }
  return judgeSample('assertions', {}, { output: 'shoes and socks', ...sample, assertions })
}

describe('a test', () => {
  test('passes when all of its assertions do, and says what failed', async () => {
    expect(await judge([has('shoes'), has('socks')])).toMatchObject({
      value: 1,
      passed: true,
      reason: 'Score 1, all have to pass.',
      details: { score: 1, metrics: {} },
    })
    expect(await judge([has('shoes'), has('hats')])).toMatchObject({
      value: 0,
      passed: false,
      reason: 'Score 0.5, all have to pass. Failed: contains: 0 of 1 expected texts are in the answer.',
      details: { score: 0.5 },
    })
  })

  test('with a threshold passes from that weighted score on, whatever single ones say', async () => {
    const checks = [has('shoes', { weight: 3 }), has('hats')]

    expect(await judge(checks, 0.75)).toMatchObject({ passed: true, details: { score: 0.75 } })
    expect(await judge(checks, 0.76)).toMatchObject({ passed: false })
    expect(await judge([has('hats')], 0)).toMatchObject({ passed: true })
  })

  test('does not fail by an assertion of weight 0, which still gives its metric', async () => {
    expect(
      await judge([has('hats', { weight: 0, metric: 'hats' }), has('shoes', { metric: 'feet' })]),
    ).toMatchObject({ passed: true, details: { score: 1, metrics: { hats: 0, feet: 1 } } })
    expect(await judge([rubric({ weight: 0 }), has('shoes')])).toMatchObject({
      outcome: 'scored',
      passed: true,
    })
  })

  test('that asserts nothing passes and says so, and an item without assertions is not judged', async () => {
    expect(await judge([])).toMatchObject({
      passed: true,
      reason: expect.stringContaining('asserts nothing'),
    })
    expect(await judgeSample('assertions', {}, { output: 'x' })).toMatchObject({ outcome: 'abstained' })
  })
})

describe('an assertion that is not evaluated', () => {
  test('keeps the test from passing, with its reason', async () => {
    expect(await judge([has('shoes'), rubric()])).toEqual({
      outcome: 'abstained',
      reason: 'Not evaluated: llm-rubric: A model judges it.',
    })
    expect(await judge([has('shoes'), rubric()], 0)).toMatchObject({ outcome: 'abstained' })
  })

  test('does not hide a failure that it could not undo', async () => {
    expect(await judge([has('hats'), rubric()])).toMatchObject({ outcome: 'scored', passed: false })
    expect(await judge([has('hats'), rubric()], 0.6)).toMatchObject({ outcome: 'scored', passed: false })
    expect(await judge([has('hats'), rubric()], 0.5)).toMatchObject({ outcome: 'abstained' })
  })

  test('is also one whose kind abstains or gives a number without a bar', async () => {
    expect(await judge([{ kind: 'latency' }], undefined, { latencyMs: 5 })).toMatchObject({
      outcome: 'abstained',
    })
    expect(await judge([{ kind: 'cost', settings: { max_usd: '0.1' } }])).toMatchObject({
      outcome: 'abstained',
    })
    expect(await judge([{ kind: 'gone' }])).toMatchObject({ outcome: 'abstained' })
  })
})

test('values of other kinds count as shares, or as passed and failed', async () => {
  const quick: Assertion = { kind: 'latency', settings: { max_ms: 100 } }
  const near: Assertion = { kind: 'levenshtein', settings: { value: 'shoes and sock', max_distance: 5 } }

  expect(await judge([quick], undefined, { latencyMs: 80 })).toMatchObject({
    passed: true,
    details: { score: 1 },
  })
  expect(await judge([{ ...quick, not: true }], undefined, { latencyMs: 80 })).toMatchObject({
    passed: false,
    details: { score: 0 },
  })
  expect(await judge([near])).toMatchObject({ passed: true, details: { score: expect.closeTo(14 / 15, 9) } })
  expect(await judge([{ ...near, by_pass: true }])).toMatchObject({ details: { score: 1 } })
  expect(
    await judge([{ kind: 'rouge-n', settings: { value: 'hats', threshold: 0.75 }, not: true }]),
  ).toMatchObject({
    passed: true,
    details: { score: 1 },
  })
})

describe('a group', () => {
  test('is one assertion with its own threshold and weight', async () => {
    const group: Assertion = { all: [has('shoes'), has('hats')], threshold: 0.5, weight: 2 }

    expect(await judge([group])).toMatchObject({ passed: true, details: { score: 0.5 } })
    expect(await judge([{ ...group, threshold: 0.6 }])).toMatchObject({ passed: false })
    expect(await judge([group, has('socks')], 0.6)).toMatchObject({ passed: true, details: { score: 2 / 3 } })
  })

  test('with a part that is not evaluated keeps the test from passing', async () => {
    expect(await judge([{ all: [has('shoes'), rubric()], threshold: 0.5 }])).toMatchObject({
      outcome: 'abstained',
    })
    expect(await judge([{ all: [has('hats'), rubric()] }])).toMatchObject({ passed: false })
  })
})

test.each([
  [{ kind: 'containz' }, /Did you mean "contains"/],
  [{ kind: 'regex', settings: { pattern: '(' } }, /pattern/],
  [{ kind: 'assertions' }, /no kind for an item/],
  [{ kind: 'rubric', settings: { model: 'local/reader', rubric: 'It is kind.' } }, /a model judges/],
])('an item with the assertion %j is refused', (check, why) => {
  const item = { id: 'a', input: 'x', assertions: { checks: [check] } }

  expect(checkItem(item, 'items.0')).toEqual({ problems: [expect.stringMatching(why)] })
})
