import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { intervalOfMean } from '../../../../src/lib/statistics/bootstrap.ts'
import { comparePaired } from '../../../../src/lib/statistics/sign-flip.ts'
import { rankLike } from '../../../support/coverage-cases.ts'

const settings = (seed = 1) => ({ random: seededRandom(seed) })
const many = <Value>(count: number, make: (at: number) => Value) =>
  Array.from({ length: count }, (_, at) => make(at))

describe('a paired comparison', () => {
  test('sees a small steady gain that two separate intervals would hide', () => {
    const random = seededRandom(2)
    const baseline = many(100, () => rankLike(random()) * 0.9)
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
      const one = many(40, () => rankLike(random()))
      const two = many(40, () => rankLike(random()))
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

  test('of nothing is unknown', () => {
    expect(comparePaired([], [], settings())).toBeNull()
  })

  test('refuses runs of different lengths', () => {
    expect(() => comparePaired([1], [1, 2], settings())).toThrow(/no pairs/)
  })
})
