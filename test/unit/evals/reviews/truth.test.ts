import { describe, expect, test } from 'vitest'
import { drawUnits } from '../../../../src/evals/reviews/create-queue.ts'
import { judgedValue, ratingValue, saidOf, scaleOf } from '../../../../src/evals/reviews/scale.ts'
import { stateOf } from '../../../../src/evals/reviews/truth.ts'

const ratings = (...values: number[]) =>
  values.map((value, at) => ({ place: at + 1, person: `p${at}`, value }))
const adjudicated = { place: 0, person: 'judge', value: 0 }

describe('what is true of a task', () => {
  test.each([
    ['too few have rated', ratings(1, 1), { state: 'open' }],
    ['all say the same', ratings(1, 1, 1), { state: 'settled', truth: 1, by: 'reviewers' }],
    ['one disagrees', ratings(1, 1, 0), { state: 'disputed' }],
    [
      'somebody else settled it',
      [...ratings(1, 1, 0), adjudicated],
      { state: 'settled', truth: 0, by: 'adjudicator' },
    ],
    [
      'reviewers came to agree after it was settled',
      [...ratings(1, 1, 1), adjudicated],
      { state: 'settled', truth: 0, by: 'adjudicator' },
    ],
  ])('is told by unanimity: %s', (_what, given, state) => {
    expect(stateOf(given, { reviewers: 3, decide: 'unanimous' })).toEqual(state)
  })

  test.each([
    ['more than half', ratings(0.25, 0.25, 0.5), { state: 'settled', truth: 0.25, by: 'reviewers' }],
    ['half', ratings(1, 1, 0, 0), { state: 'disputed' }],
    ['the most, but not half', ratings(0, 0, 0.5, 1), { state: 'disputed' }],
  ])('is told by majority where the queue takes it: %s', (_what, given, state) => {
    expect(stateOf(given, { reviewers: given.length, decide: 'majority' })).toEqual(state)
  })
})

describe('a scale', () => {
  const judge = { name: 'x', kind: 'closed-qa', values: 'binary', settings: {}, judge: true } as const

  test.each([
    ['closed-qa', judge, { kind: 'yes-no', rate: true }],
    ['a rubric', { ...judge, kind: 'rubric', values: 'share' }, { kind: 'yes-no', rate: true }],
    [
      'a rubric with grades',
      { ...judge, kind: 'rubric', values: 'share', settings: { scale: '1-5' } },
      { kind: 'grades', levels: 5 },
    ],
    [
      'a share with a threshold',
      { ...judge, kind: 'faithfulness', values: 'share', settings: { threshold: 0.8 } },
      { kind: 'yes-no', rate: false },
    ],
  ] as const)('of %s', (_what, scorer, scale) => {
    expect(scaleOf(scorer)).toEqual(scale)
  })

  test.each([
    ['what is no judge', { name: 'x', kind: 'equals', values: 'binary', settings: {} }, /judges by rules/],
    ['a comparison of two', { ...judge, kind: 'pairwise', values: 'share' }, /compares two answers/],
    ['a share of nothing', { ...judge, kind: 'faithfulness', values: 'share' }, /Give it a threshold/],
  ] as const)('there is none for %s', (_what, scorer, message) => {
    expect(() => scaleOf(scorer)).toThrow(message)
  })

  test('turns words into values and back', () => {
    const grades = { kind: 'grades', levels: 5 } as const

    expect([1, 2, 3, 4, 5].map((grade) => ratingValue(grades, grade))).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect([0, 0.25, 0.5, 0.75, 1].map((value) => saidOf(grades, value))).toEqual([1, 2, 3, 4, 5])
    expect(() => ratingValue(grades, 6)).toThrow(/from 1 to 5/)
    expect(() => ratingValue({ kind: 'yes-no', rate: true }, 4)).toThrow(/"yes" or "no"/)
    expect(judgedValue({ kind: 'yes-no', rate: false }, { value: 0.7, passed: false })).toBe(0)
    expect(judgedValue({ kind: 'yes-no', rate: false }, { value: 0.7, passed: null })).toBeNull()
  })
})

test('each unit is drawn about as often as every other, and none twice', () => {
  const units = Array.from({ length: 10 }, (_, at) => at)
  const counts = new Map(units.map((unit) => [unit, 0]))

  for (let seed = 0; seed < 4_000; seed += 1) {
    const drawn = drawUnits(units, 3, seed)
    expect(new Set(drawn).size).toBe(3)
    for (const unit of drawn) counts.set(unit, (counts.get(unit) ?? 0) + 1)
  }

  // 1,200 each; the standard deviation is 29.
  for (const count of counts.values()) expect(Math.abs(count - 1_200)).toBeLessThan(4 * 29)
})
