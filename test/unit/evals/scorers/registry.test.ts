import { describe, expect, test } from 'vitest'
import { RequestError } from '../../../../src/errors.ts'
import { prepareScorer, SCORER_KINDS, scorerKind } from '../../../../src/evals/scorers/registry.ts'
import { judgeSample } from '../../../support/judge-sample.ts'

describe('the kinds', () => {
  test('have names that are unique and none that reads as an opposite', () => {
    const names = SCORER_KINDS.map(({ kind }) => kind)

    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => name.startsWith('not-') || !/^[a-z0-9@-]+$/.test(name))).toEqual([])
  })

  test.each(SCORER_KINDS.map((kind) => [kind.kind, kind] as const))(
    '%s says what it measures, where that is from and what it is taken for',
    (_name, kind) => {
      for (const text of [kind.summary, kind.source, kind.traps]) expect(text).toMatch(/^\S[\s\S]{10,}\.$/)
      expect(kind.version).toBeGreaterThanOrEqual(1)
      expect(kind.traps.toLowerCase(), 'what an empty answer gets').toMatch(/empty|without a/)
    },
  )
})

describe('a name', () => {
  test.each([
    ['contians', 'contains'],
    ['Rouge_L', 'rouge-l'],
    ['not-contain-any', 'not-contains-any'],
    ['recall', 'recall@k'],
  ])('that nobody knows, %j, is refused with the nearest: %s', (name, nearest) => {
    expect(() => scorerKind(name)).toThrow(RequestError)
    expect(() => scorerKind(name)).toThrow(
      expect.objectContaining({
        code: 'invalid_value',
        param: 'kind',
        message: expect.stringContaining(`Did you mean "${nearest}"?`),
      }),
    )
  })

  test('that is like none is refused with all of them, and is itself cut short', () => {
    expect(() => scorerKind('x'.repeat(10_000))).toThrow(
      /^Unknown kind of scorer "x{60}"\. Known: equals, contains/,
    )
  })
})

describe('settings', () => {
  test.each([
    ['contains', { valeu: 'x' }, 'settings', 'unknown key "valeu". Did you mean "value"?'],
    ['rouge-n', { n: 0 }, 'settings.n', 'n: number 0 where at least 1 is expected.'],
    ['rouge-n', { threshold: 2 }, 'settings.threshold', 'threshold: number 2 where at most 1 is expected.'],
    ['regex', {}, 'settings.pattern', 'pattern: nothing where a text is expected.'],
    ['bleu', { smoothing: 'floor' }, 'settings.smoothing', 'text "floor" where one of "exp"'],
    ['contains', { value: '' }, 'settings.value', 'value: text "" where at least 1 characters is expected.'],
    ['contains', 'x', 'settings', 'text "x" where an object is expected.'],
  ])('of %s as %j are refused with path, value and remedy', (kind, settings, param, message) => {
    expect(() => prepareScorer({ kind, settings })).toThrow(
      expect.objectContaining({ name: 'RequestError', param, message: expect.stringContaining(message) }),
    )
  })

  test('may be left out', () => {
    expect(prepareScorer({ kind: 'equals' })).toMatchObject({
      kind: 'equals',
      version: 1,
      values: 'binary',
      better: 'higher',
    })
  })
})

describe('an opposite', () => {
  test('turns the value and the verdict round', async () => {
    expect(await judgeSample('not-contains', { value: 'a' }, { output: 'abc' })).toMatchObject({
      value: 0,
      passed: false,
    })
    expect(await judgeSample('not-contains', { value: 'x' }, { output: 'abc' })).toMatchObject({
      value: 1,
      passed: true,
    })
  })

  test('of a scorer that waits is turned round as well', async () => {
    expect(
      await judgeSample('not-language', { value: 'de' }, { output: 'This is an English sentence.' }),
    ).toMatchObject({ value: 1 })
  })

  test('of what abstains or is wrong stays so', async () => {
    expect(await judgeSample('not-contains', {}, {})).toMatchObject({ outcome: 'abstained' })
    expect(await judgeSample('not-number', {}, { expected: 'none' })).toMatchObject({ outcome: 'error' })
  })

  test('exists for every kind with a yes or no, under its own name, and for no other', () => {
    for (const { kind, values } of SCORER_KINDS) {
      if (values === 'binary') expect(scorerKind(`not-${kind}`).kind).toBe(`not-${kind}`)
      else expect(() => scorerKind(`not-${kind}`)).toThrow(/gives a number and not a yes or no/)
    }
    expect(() => scorerKind('not-not-contains')).toThrow(/Unknown kind/)
  })

  test('names the same mistakes in settings', () => {
    expect(() => prepareScorer({ kind: 'not-regex', settings: { pattern: '(' } })).toThrow(
      /not-regex|pattern/,
    )
  })
})

test('kinds that ask a model are marked as judges, and their opposites are too', () => {
  const judges = SCORER_KINDS.filter(({ judge }) => judge === true).map(({ kind }) => kind)

  expect(judges).toEqual([
    'rubric',
    'closed-qa',
    'factuality',
    'faithfulness',
    'answer-relevance',
    'context-relevance',
    'pairwise',
    'jury',
    'judged-assertions',
  ])
  const settings = { model: 'm', criterion: 'Polite.' }
  expect(prepareScorer({ kind: 'not-closed-qa', settings }).judge).toBe(true)
  expect(prepareScorer({ kind: 'equals' })).not.toHaveProperty('judge')
})
