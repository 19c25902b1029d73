import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

describe('context-recall', () => {
  const contexts = ['Shoes may be returned within 30 days.', 'Refunds go to the card that paid.']

  test.each([
    ['a statement word for word', 'shoes may be returned', 1],
    ['one of two sentences', 'Refunds go to the card that paid. Boots are excluded.', 0.5],
    ['one of two texts', ['within 30 days', 'within 60 days'], 0.5],
    ['a word that is only part of one', 'shoe', 0],
  ])('%s', async (_what, expected, value) => {
    expect(await scoreOf('context-recall', {}, { expected, contexts })).toBe(value)
  })

  test('names what is missing', async () => {
    const outcome = await judgeSample('context-recall', {}, { expected: ['30 days', 'cash'], contexts })

    expect(outcome).toMatchObject({ value: 0.5, details: { missing: ['cash'] } })
  })

  test('takes a share of the words where asked to, in one passage', async () => {
    const expected = 'Boots may be returned within 30 days'

    expect(await scoreOf('context-recall', {}, { expected, contexts })).toBe(0)
    expect(await scoreOf('context-recall', { coverage: 0.8 }, { expected, contexts })).toBe(1)
    expect(await scoreOf('context-recall', { coverage: 0.9 }, { expected, contexts })).toBe(0)
  })

  test('finds text in a script without spaces', async () => {
    expect(
      await scoreOf('context-recall', {}, { expected: '三十天', contexts: ['三十天内可以退货。'] }),
    ).toBe(1)
  })

  test('tells a search that found nothing from no search', async () => {
    const retrieved = { found: [], relevant: ['a'] }

    expect(await scoreOf('context-recall', {}, { expected: 'x', retrieved })).toBe(0)
    expect(await scoreOf('context-recall', {}, { expected: 'x' })).toBe('abstained')
    expect(await scoreOf('context-recall', {}, { expected: '…', contexts })).toBe('abstained')
  })

  test('does not fall when a passage is added', async () => {
    const passages = fc.array(fc.constantFrom('a b', 'c', 'b c', 'd'), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(passages, passages, async (some, more) => {
        const expected = ['a b', 'c', 'd e']
        const before = await scoreOf('context-recall', {}, { expected, contexts: some })

        expect(
          await scoreOf('context-recall', {}, { expected, contexts: [...some, ...more] }),
        ).toBeGreaterThanOrEqual(before as number)
      }),
      { numRuns: 50, seed: 7 },
    )
  })
})

describe('context-precision', () => {
  // Average precision as Ragas defines it: precision@k over the ranks of the useful passages.
  test.each([
    [['yes', 'no', 'no'], 1],
    [['no', 'yes'], 1 / 2],
    [['yes', 'no', 'yes'], (1 + 2 / 3) / 2],
    [['no', 'no'], 0],
  ])('%j has %d', async (contexts, value) => {
    expect(await scoreOf('context-precision', {}, { expected: 'yes', contexts })).toBeCloseTo(value, 12)
  })
})
