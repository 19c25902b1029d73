import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { comparePaired, intervalOfMean } from '../../../../src/retrieval/quality/intervals.ts'

const settings = (seed = 1) => ({ random: seededRandom(seed) })
/** Like a reciprocal rank: many 1, some fractions, some 0. */
const rankLike = (random: () => number) => {
  const value = random()
  return value < 0.5 ? 1 : value < 0.8 ? 1 / (2 + Math.floor(random() * 4)) : 0
}
const RANK_LIKE_MEAN = 0.5 + (0.3 * (1 / 2 + 1 / 3 + 1 / 4 + 1 / 5)) / 4
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
    expect(comparePaired([], [], settings())).toBeNull()
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
      const values = many(queries, () => rankLike(random))
      const interval = intervalOfMean(values, { random, resamples: 400 })
      return interval !== null && interval.low <= RANK_LIKE_MEAN && RANK_LIKE_MEAN <= interval.high
    })

    const share = covered.filter(Boolean).length / covered.length

    expect(share).toBeGreaterThanOrEqual(atLeast)
    expect(share).toBeLessThanOrEqual(atMost)
  })
})

describe('a paired comparison', () => {
  test('sees a small steady gain that two separate intervals would hide', () => {
    const random = seededRandom(2)
    const baseline = many(100, () => rankLike(random) * 0.9)
    const better = baseline.map((value) => value + 0.01 + 0.02 * random())

    const difference = comparePaired(baseline, better, settings())
    const [low, high] = [intervalOfMean(baseline, settings()), intervalOfMean(better, settings())]

    expect(difference?.low).toBeGreaterThan(0)
    expect(difference?.p).toBeLessThan(0.001)
    expect(low?.high).toBeGreaterThan(high?.low ?? 1)
  })

  test('tries every combination of signs where there are few', () => {
    // The mean of 1, 2, 3 all positive is reached by 2 of 8 combinations: all as they are, and all turned.
    const difference = comparePaired([0, 0, 0, 5], [1, 2, 3, 5], settings())

    expect(difference).toMatchObject({ mean: 1.5, p: 0.25, count: 4 })
  })

  test('does not call equal sums different for their last bit', () => {
    // 0.1 + 0.2 is not 0.3 in binary; turned, it must still be as far from 0.
    const difference = comparePaired([0, 0, 0], [0.1, 0.2, -0.3], settings())

    expect(difference?.p).toBe(1)
  })

  test('of a run with itself has p 1 and no width', () => {
    const run = many(30, (at) => at / 30)

    expect(comparePaired(run, run, settings())).toMatchObject({ mean: 0, low: 0, high: 0, p: 1 })
  })

  test('turns its sign and keeps its p when the runs change places', () => {
    const random = seededRandom(4)
    const one = many(12, () => random())
    const two = many(12, () => random())

    const there = comparePaired(one, two, settings())
    const back = comparePaired(two, one, settings())

    expect(back?.mean).toBeCloseTo(-(there?.mean ?? 0), 12)
    expect(back?.p).toBe(there?.p)
  })

  test('gives a p below 0.05 in about one of twenty comparisons of equal runs', () => {
    const random = seededRandom(11)
    const ps = many(1000, () => {
      const one = many(40, () => rankLike(random))
      const two = many(40, () => rankLike(random))
      return comparePaired(one, two, { random, resamples: 300 })?.p ?? 1
    })

    const share = ps.filter((p) => p < 0.05).length / ps.length

    expect(share).toBeGreaterThanOrEqual(0.03)
    expect(share).toBeLessThanOrEqual(0.07)
  })

  test('turns the queries of a group together', () => {
    const groups = ['a', 'a', 'a', 'b', 'b', 'b']

    const alone = comparePaired([0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], settings())
    const grouped = comparePaired([0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], { ...settings(), groups })

    expect(alone?.p).toBe(2 / 64)
    expect(grouped?.p).toBe(2 / 4)
  })

  test('refuses runs of different lengths', () => {
    expect(() => comparePaired([1], [1, 2], settings())).toThrow(/no pairs/)
  })
})
