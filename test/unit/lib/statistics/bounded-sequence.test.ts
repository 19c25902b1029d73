import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { beginBounded, boundedBounds, observe } from '../../../../src/lib/statistics/bounded-sequence.ts'

test('two values have the bounds of the formula, worked by hand', () => {
  const { low, high } = boundedBounds([0.9, 0.7].reduce(observe, beginBounded(0.05)))
  // Both weights are ½ at most: √(2 · ln 20 / (¼ · ln 2)) and √(2 · ln 20 / (0.145 · 2 · ln 3)) are far above it.
  // μ̂₀ = ½, μ̂₁ = (½ + 0.9)/2 = 0.7; so (x − μ̂)² are 0.16 and 0, and ψ(½) = ln 2 − ½.
  const reach = Math.log(20) + (Math.LN2 - 0.5) * 0.16

  expect(low).toBe(Math.max(0, 0.8 - reach))
  expect(high).toBe(1)
})

test('many values have the bounds of the formula, added up anew', () => {
  const random = seededRandom(3)
  const values = Array.from({ length: 400 }, () => 0.3 + 0.4 * random())
  const sums = { weights: 0, weighted: 0, penalty: 0 }
  values.forEach((value, at) => {
    const means = Array.from(
      { length: at + 1 },
      (_, size) => (0.5 + values.slice(0, size).reduce((sum, one) => sum + one, 0)) / (size + 1),
    )
    const squares = values.slice(0, at).reduce((sum, one, index) => sum + (one - means[index + 1]!) ** 2, 0)
    const variance = (0.25 + squares) / (at + 1)
    const weight = Math.min(0.5, Math.sqrt((2 * Math.log(40)) / (variance * (at + 1) * Math.log(at + 2))))
    sums.weights += weight
    sums.weighted += weight * value
    sums.penalty += (-Math.log(1 - weight) - weight) * (value - means[at]!) ** 2
  })
  const reach = (Math.log(40) + sums.penalty) / sums.weights

  const { low, high } = boundedBounds(values.reduce(observe, beginBounded(0.025)))

  expect(low).toBeCloseTo(sums.weighted / sums.weights - reach, 9)
  expect(high).toBeCloseTo(sums.weighted / sums.weights + reach, 9)
})

describe('looking after every one of 500 values, in 2,000 sequences', () => {
  const grades = (random: () => number) => [1, 1, 1, 1, 1, 1, 0.75, 0.75, 0.5, 0][Math.floor(10 * random())]!
  test.each([
    ['grades', 0.8, 40, grades],
    ['yes and no', 0.2, 40, (random: () => number) => (random() < 0.2 ? 1 : 0)],
    ['values that are nearly alike', 0.5, 0, (random: () => number) => 0.4 + 0.2 * random()],
  ])('each bound of %s ever fails with at most α', (_name, mean, least, draw) => {
    const random = seededRandom(11)
    const fails = { low: 0, high: 0 }
    for (let sequence = 0; sequence < 2_000; sequence += 1) {
      let state = beginBounded(0.1)
      const failed = { low: false, high: false }
      for (let at = 0; at < 500; at += 1) {
        state = observe(state, draw(random))
        const { low, high } = boundedBounds(state)
        if (low > mean) failed.low = true
        if (high < mean) failed.high = true
      }
      if (failed.low) fails.low += 1
      if (failed.high) fails.high += 1
    }

    expect(fails.low / 2_000).toBeLessThanOrEqual(0.1)
    expect(fails.high / 2_000).toBeLessThanOrEqual(0.1)
    expect(fails.low + fails.high).toBeGreaterThanOrEqual(least)
  })
})

test('the whole scale is all that is known of nothing, and values off it are refused', () => {
  expect(boundedBounds(beginBounded(0.05))).toEqual({ low: 0, high: 1 })
  expect(() => observe(beginBounded(0.05), 1.01)).toThrow(/value\[0\] is 1.01/)
  expect(() => observe(beginBounded(0.05), Number.NaN)).toThrow(/value\[0\] is NaN/)
  expect(() => beginBounded(1)).toThrow(/alpha is 1/)
})
