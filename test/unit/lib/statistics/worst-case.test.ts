import { expect, test } from 'vitest'
import { boundsOfMean, withUnknownAs } from '../../../../src/lib/statistics/worst-case.ts'

test('unknown scores widen the mean by their share', () => {
  const bounds = boundsOfMean([1, 0.5, null, null])

  expect(bounds).toEqual({ low: 0.375, high: 0.875, coverage: 0.5 })
})

test('unknown scores are 0 at worst and 1 at best', () => {
  expect(withUnknownAs(0, [1, null, 0.25])).toEqual([1, 0, 0.25])
  expect(withUnknownAs(1, [1, null, 0.25])).toEqual([1, 1, 0.25])
})

test('nothing has no mean, all unknown can be anything, and a score off the scale is refused', () => {
  expect(boundsOfMean([])).toBeNull()
  expect(boundsOfMean([null])).toEqual({ low: 0, high: 1, coverage: 0 })
  expect(() => boundsOfMean([2, null])).toThrow(/scores\[0\] is 2/)
})
