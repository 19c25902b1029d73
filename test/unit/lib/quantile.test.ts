import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quantile } from '../../../src/lib/quantile.ts'

test.each<[number[], number, number]>([
  [[3], 0.95, 3],
  [[4, 1, 3, 2], 0.5, 2.5],
  [[1, 2, 3], 0.5, 2],
  [[0, 10], 0.95, 9.5],
  [[1, 2, 3, 4, 5], 0, 1],
  [[1, 2, 3, 4, 5], 1, 5],
])('of %j at %f is %f, as R, NumPy and spreadsheets say', (values, share, expected) => {
  expect(quantile(values, share)).toBeCloseTo(expected, 12)
})

test('of nothing is unknown, not 0', () => {
  expect(quantile([], 0.5)).toBeNull()
})

test('lies between the smallest and the largest, grows with its share, and does not depend on the order', () => {
  const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 })
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(values, share, share, (sample, one, two) => {
      const low = quantile(sample, Math.min(one, two))!
      const high = quantile(sample, Math.max(one, two))!

      expect(low).toBeGreaterThanOrEqual(Math.min(...sample) - 1e-6)
      expect(high).toBeLessThanOrEqual(Math.max(...sample) + 1e-6)
      expect(high).toBeGreaterThanOrEqual(low - 1e-6)
      expect(quantile(sample.toReversed(), one)).toBe(quantile(sample, one))
    }),
  )
})
