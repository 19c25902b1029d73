import { describe, expect, test } from 'vitest'
import {
  quantileBounds,
  quantileRanks,
  sizeOf,
  type Tally,
  valueAtRank,
} from '../../../../src/lib/statistics/quantile-sequence.ts'
import { chanceOfEver } from '../../../support/every-look.ts'

const oneOfEach = (count: number): Tally =>
  Array.from({ length: count }, (_, at) => ({ value: at + 1, count: 1 }))

// Whether a bound fails depends only on how many values lie at or below the quantile: exact, for any distribution.
describe.each([0.5, 0.9, 0.95, 0.99])(
  'of the %d quantile, looking after every one of 600 values',
  (share) => {
    test.each([
      ['low', (atMost: number, total: number) => quantileRanks(total, share, 0.05).low > atMost],
      ['high', (below: number, total: number) => quantileRanks(total, share, 0.05).high <= below],
    ] as const)('the %s bound ever fails with at most α, and not with nearly none', (_side, isOut) => {
      const chance = chanceOfEver(share, 600, isOut)

      expect(chance).toBeLessThanOrEqual(0.05)
      expect(chance).toBeGreaterThan(0.005)
    })
  },
)

describe('the bounds of a quantile', () => {
  test('are values that were seen, around the quantile, and close in', () => {
    const widths = [200, 2_000, 20_000].map((total) => {
      const { low, high } = quantileBounds(oneOfEach(total), 0.95, 0.025)

      expect(low).toBeLessThan(0.95 * total)
      expect(high).toBeGreaterThan(0.95 * total)
      return (high - low) / total
    })

    expect(widths[1]).toBeLessThan(widths[0]!)
    expect(widths[2]).toBeLessThan(widths[1]! / 2)
  })

  test('are infinite while so few values say nothing of that side', () => {
    expect(quantileBounds([], 0.95, 0.05)).toEqual({ low: -Infinity, high: Infinity })
    expect(quantileBounds(oneOfEach(20), 0.95, 0.05).high).toBe(Infinity)
    expect(quantileBounds(oneOfEach(20), 0.95, 0.05).low).toBeGreaterThan(0)
  })

  test('of rounded values are the rounded bounds', () => {
    const rounded: Tally = Array.from({ length: 100 }, (_, at) => ({ value: 10 * (at + 1), count: 10 }))
    const [fine, coarse] = [quantileBounds(oneOfEach(1000), 0.9, 0.05), quantileBounds(rounded, 0.9, 0.05)]

    expect(coarse).toEqual({ low: 10 * Math.ceil(fine.low / 10), high: 10 * Math.ceil(fine.high / 10) })
  })

  test('of a tally that is none are refused', () => {
    expect(() => quantileBounds([{ value: Number.NaN, count: 1 }], 0.5, 0.05)).toThrow(/values\[0\] is NaN/)
    expect(() => quantileBounds([{ value: 1, count: 0 }], 0.5, 0.05)).toThrow(/counts\[0\] is 0/)
    expect(() =>
      quantileBounds(
        [
          { value: 2, count: 1 },
          { value: 1, count: 1 },
        ],
        0.5,
        0.05,
      ),
    ).toThrow(/values\[1\] is 1, which is no number above 2/)
    expect(() => quantileBounds(oneOfEach(20_001), 0.5, 0.05)).toThrow(/round them/)
    expect(() => quantileRanks(10, 1, 0.05)).toThrow(/share is 1/)
  })
})

test('ranks are counted over the tally', () => {
  const tally = [
    { value: 5, count: 2 },
    { value: 9, count: 3 },
  ]

  expect([1, 2, 3, 5, 6].map((rank) => valueAtRank(tally, rank))).toEqual([5, 5, 9, 9, undefined])
  expect(sizeOf(tally)).toBe(5)
})
