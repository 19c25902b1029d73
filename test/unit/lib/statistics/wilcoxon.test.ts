import { expect, test } from 'vitest'
import { wilcoxonPrattP } from '../../../../src/lib/statistics/wilcoxon.ts'

test('the heights of cross- and self-fertilised plants differ as SciPy says', () => {
  // Darwin's corn, the example of scipy.stats.wilcoxon: exact p 0.041259765625.
  const differences = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]

  expect(wilcoxonPrattP(differences)).toBeCloseTo(0.041259765625, 12)
})

test('zeros are ranked and then left out, ties counted exactly where there are few', () => {
  // All 2^9 signs of the Pratt ranks enumerated.
  expect(wilcoxonPrattP([0, 0, 1, 1, -1, 2, 2, 3, -2, 4, 0, 5])).toBeCloseTo(0.0859375, 12)
})

test('many differences with zeros and ties have the normal p of SciPy', () => {
  // scipy.stats.wilcoxon(d, zero_method="pratt", method="approx"), SciPy 1.17.
  const differences = Array.from({ length: 60 }, (_, at) => ((at * 7919) % 11) - 4)

  expect(wilcoxonPrattP(differences)).toBeCloseTo(0.011403954086474318, 9)
})

test('no difference is no evidence', () => {
  expect(wilcoxonPrattP([])).toBe(1)
  expect(wilcoxonPrattP([0, 0, 0])).toBe(1)
  expect(wilcoxonPrattP([1, -1])).toBe(1)
  expect(() => wilcoxonPrattP([1, Number.NaN])).toThrow(/differences\[1\] is NaN/)
})
