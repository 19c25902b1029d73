import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countBetween, median, newHistogram, percentile, record } from '../../../bench/histogram.ts'

const latencies = fc.array(fc.double({ min: 1, max: 60_000_000, noNaN: true }), {
  minLength: 1,
  maxLength: 300,
})

test('a percentile is within 1 % (or 1 µs) of the exact one', () => {
  fc.assert(
    fc.property(latencies, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
      const histogram = newHistogram()
      for (const value of values) record(histogram, value)
      const sorted = values.toSorted((left, right) => left - right)
      const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0

      const found = percentile(histogram, share)

      expect(Math.abs(found - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.01))
    }),
  )
})

test('samples between two values are counted, and an empty histogram has no percentile', () => {
  const histogram = newHistogram()

  for (const value of [1_000, 40_000, 41_000, 90_000]) record(histogram, value)

  expect(countBetween(histogram, 35_000, 50_000)).toBe(2)
  expect(percentile(newHistogram(), 0.5)).toBeNaN()
  expect(median([3, 1, 2])).toBe(2)
})
