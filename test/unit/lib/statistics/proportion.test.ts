import { describe, expect, test } from 'vitest'
import { binomialCdf } from '../../../../src/lib/statistics/distributions.ts'
import { exactInterval, wilsonInterval } from '../../../../src/lib/statistics/proportion.ts'

// Newcombe 1998, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, table I: methods 3 and 5.
test.each([
  [81, 263, [0.2553, 0.3662], [0.2527, 0.3676]],
  [15, 148, [0.0624, 0.1605], [0.0578, 0.1617]],
  [0, 20, [0, 0.1611], [0, 0.1684]],
  [1, 29, [0.0061, 0.1718], [0.0009, 0.1776]],
] as const)('%d of %d have the intervals of the textbook', (successes, trials, wilson, exact) => {
  const [score, clopperPearson] = [wilsonInterval, exactInterval].map((of) => of(successes, trials, 0.95))

  expect(score?.low).toBeCloseTo(wilson[0], 4)
  expect(score?.high).toBeCloseTo(wilson[1], 4)
  expect(clopperPearson?.low).toBeCloseTo(exact[0], 4)
  expect(clopperPearson?.high).toBeCloseTo(exact[1], 4)
})

test('failures mirror successes, ends included', () => {
  for (const of of [wilsonInterval, exactInterval]) {
    const [seen, mirrored] = [of(20, 20, 0.9), of(0, 20, 0.9)]

    expect(seen.high).toBe(1)
    expect(mirrored.low).toBe(0)
    expect(seen.low).toBeCloseTo(1 - mirrored.high, 12)
  }
})

test('counts that cannot be are refused', () => {
  expect(() => wilsonInterval(3, 2, 0.95)).toThrow(/successes is 3/)
  expect(() => wilsonInterval(0, 0, 0.95)).toThrow(/trials is 0/)
  expect(() => exactInterval(1, Number.NaN, 0.95)).toThrow(/trials is NaN/)
  expect(() => exactInterval(1, 2, 1)).toThrow(/confidence is 1/)
})

/** How often the interval holds each rate 0.02, 0.04, … 0.98: a sum over outcomes, no simulation. */
function coverages(of: typeof wilsonInterval, trials: number): number[] {
  const ends = Array.from({ length: trials + 1 }, (_, successes) => of(successes, trials, 0.95))
  return Array.from({ length: 49 }, (_, at) => {
    const rate = (at + 1) / 50
    return ends.reduce((sum, { low, high }, successes) => {
      const chance = binomialCdf(successes, trials, rate) - binomialCdf(successes - 1, trials, rate)
      return low <= rate && rate <= high ? sum + chance : sum
    }, 0)
  })
}

const meanOfAll = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe.each([10, 20, 50, 100, 300])('of %d items', (trials) => {
  test("Wilson's interval covers 95 ± 1 % on average over rates, and 83 % at the very least", () => {
    const covered = coverages(wilsonInterval, trials)

    expect(Math.abs(meanOfAll(covered) - 0.95)).toBeLessThan(0.01)
    expect(Math.min(...covered)).toBeGreaterThan(0.83)
  })

  test('the exact interval never covers less than 95 %', () => {
    expect(Math.min(...coverages(exactInterval, trials))).toBeGreaterThanOrEqual(0.95)
  })
})
