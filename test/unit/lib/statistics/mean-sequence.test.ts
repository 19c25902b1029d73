import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { MEAN_FROM, meanBounds, meanSequence } from '../../../../src/lib/statistics/mean-sequence.ts'
import { gauss } from '../../../support/coverage-cases.ts'
import { sparseLooks } from '../../../support/every-look.ts'

test('the margin is that of the paper, with ρ in units of the standard deviation', () => {
  const [n, variance, alpha, tunedFor] = [1_500, 9, 0.05, 1_000]
  const logarithm = -2 * Math.log(alpha)
  const rhoSquared = (logarithm + Math.log(logarithm) + 1) / tunedFor / variance
  const growth = n * variance * rhoSquared + 1
  const margin = Math.sqrt((growth / (n * n * rhoSquared)) * Math.log(growth / alpha ** 2))

  const ends = meanSequence({ n, mean: 20, variance }, alpha, tunedFor)

  expect(ends.high).toBeCloseTo(20 + margin, 10)
  expect(ends.low).toBeCloseTo(20 - margin, 10)
})

test('it is tightest, for its number of values, where it is tuned for', () => {
  const reachAt = (tunedFor: number) => meanSequence({ n: 2_000, mean: 0, variance: 1 }, 0.05, tunedFor).high

  expect(reachAt(2_000)).toBeLessThan(reachAt(1_000))
  expect(reachAt(2_000)).toBeLessThan(reachAt(4_000))
})

test('a bound of one side is tighter than an end of two, and knows no unit', () => {
  const moments = { n: 1_000, mean: 5, variance: 4 }
  const [one, two] = [meanBounds(moments, 0.05), meanSequence(moments, 0.05)]
  const scaled = meanBounds({ n: 1_000, mean: 5e6, variance: 4e12 }, 0.05)

  expect(one.high).toBeLessThan(two.high)
  expect(scaled.high / 1e6).toBeCloseTo(one.high, 9)
})

describe('looking from 200 values on up to 4,000, in 1,000 sequences', () => {
  test.each([
    ['normal values', 0, (random: () => number) => gauss(random)],
    ['costs that are log-normal', Math.exp(0.5), (random: () => number) => Math.exp(gauss(random))],
  ])('each bound of %s ever fails with at most α', (_name, mean, draw) => {
    const random = seededRandom(5)
    const looks = sparseLooks(MEAN_FROM.low, 4_000)
    const fails = { low: 0, high: 0 }
    for (let sequence = 0; sequence < 1_000; sequence += 1) {
      let [n, sum, squares] = [0, 0, 0]
      const failed = { low: false, high: false }
      for (const look of looks) {
        for (; n < look; n += 1) {
          const value = draw(random)
          sum += value
          squares += value * value
        }
        const { low, high } = meanBounds(
          { n, mean: sum / n, variance: (squares - (sum * sum) / n) / (n - 1) },
          0.1,
        )
        if (low > mean) failed.low = true
        if (high < mean) failed.high = true
      }
      if (failed.low) fails.low += 1
      if (failed.high) fails.high += 1
    }
    expect(fails.low).toBeLessThanOrEqual(100)
    expect(fails.high).toBeLessThanOrEqual(100)
    expect(fails.low + fails.high).toBeGreaterThan(10)
  })
})

test('there is no low bound before 200 values, no high one before 1,000, and none of moments that cannot be', () => {
  const at = (n: number) => meanBounds({ n, mean: 1, variance: 1 }, 0.05)

  expect(at(199)).toEqual({ low: -Infinity, high: Infinity })
  expect(at(200).low).toBeGreaterThan(0)
  expect(at(999).high).toBe(Infinity)
  expect(at(1_000).high).toBeLessThan(2)
  expect(() => meanBounds({ n: 200, mean: Number.NaN, variance: 1 }, 0.05)).toThrow(/moments\[0\] is NaN/)
  expect(() => meanSequence({ n: 200, mean: 1, variance: -1 }, 0.05)).toThrow(/variance is -1/)
  expect(() => meanBounds({ n: 200, mean: 1, variance: 1 }, 0.5)).toThrow(/2 · alpha is 1/)
})
