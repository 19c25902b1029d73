import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { intervalOfMean } from '../../../../src/lib/statistics/bootstrap.ts'
import { RANK_LIKE_MEAN, rankLike } from '../../../support/coverage-cases.ts'

const settings = (seed = 1) => ({ random: seededRandom(seed) })
const many = <Value>(count: number, make: (at: number) => Value) =>
  Array.from({ length: count }, (_, at) => make(at))

describe('an interval', () => {
  test('is the same for the same seed', () => {
    const values = many(40, (at) => (at * 7919) % 13)

    expect(intervalOfMean(values, settings(5))).toEqual(intervalOfMean(values, settings(5)))
    expect(intervalOfMean(values, settings(5))).not.toEqual(intervalOfMean(values, settings(6)))
  })

  test('is as wide as 1.96 standard errors each way where the values are many and tame', () => {
    const random = seededRandom(3)
    const values = many(2000, () => random())
    const error = Math.sqrt(1 / 12 / 2000)

    const interval = intervalOfMean(values, { ...settings(), resamples: 4000 })

    expect(interval?.mean).toBeCloseTo(0.5, 1)
    expect((interval?.high ?? 0) - (interval?.low ?? 0)).toBeCloseTo(2 * 1.96 * error, 2)
  })

  test('of one value, or of equal ones, has no width', () => {
    expect(intervalOfMean([0.25], settings())).toEqual({
      mean: 0.25,
      low: 0.25,
      high: 0.25,
      count: 1,
      groups: 1,
    })
    expect(intervalOfMean([0.5, 0.5, 0.5], settings())).toMatchObject({ low: 0.5, high: 0.5 })
  })

  test('of nothing is unknown', () => {
    expect(intervalOfMean([], settings())).toBeNull()
  })

  test('refuses a value that is no number', () => {
    expect(() => intervalOfMean([1, Number.NaN], settings())).toThrow(/values\[1\] is NaN/)
  })

  test('is wider where the values of a group are alike than where each stands alone', () => {
    const random = seededRandom(8)
    const easy = many(60, () => random())
    const values = many(600, (at) => easy[at % 60] ?? 0)
    const groups = many(600, (at) => `document ${at % 60}`)
    const width = (interval: { low: number; high: number } | null) =>
      (interval?.high ?? 0) - (interval?.low ?? 0)

    const alone = intervalOfMean(values, { ...settings(), resamples: 2000 })
    const grouped = intervalOfMean(values, { ...settings(), groups, resamples: 2000 })

    expect(grouped).toMatchObject({ count: 600, groups: 60, mean: alone?.mean })
    expect(width(grouped)).toBeGreaterThan(2.5 * width(alone))
  })

  test('refuses groups that do not belong to the values', () => {
    expect(() => intervalOfMean([1, 2], { ...settings(), groups: ['a'] })).toThrow(/1 groups for 2 values/)
  })

  // 1,000 made-up studies each; the true rate lies within ±2 points of what is counted.
  test.each([
    [50, 0.925, 0.965],
    [225, 0.93, 0.97],
  ])('of %d queries covers the true mean as often as it says', (queries, atLeast, atMost) => {
    const random = seededRandom(queries)
    const covered = many(1000, () => {
      const values = many(queries, () => rankLike(random()))
      const interval = intervalOfMean(values, { random, resamples: 400 })
      return interval !== null && interval.low <= RANK_LIKE_MEAN && RANK_LIKE_MEAN <= interval.high
    })

    const share = covered.filter(Boolean).length / covered.length

    expect(share).toBeGreaterThanOrEqual(atLeast)
    expect(share).toBeLessThanOrEqual(atMost)
  })
})
