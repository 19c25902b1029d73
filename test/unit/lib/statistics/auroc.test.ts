import fc from 'fast-check'
import { expect, test } from 'vitest'
import { auroc, balancedAccuracy, bestThreshold } from '../../../../src/lib/statistics/auroc.ts'

const SCORES = [0.1, 0.4, 0.35, 0.8, 0.35, 0.4]
const LABELS = [false, false, true, true, false, true]

test('ties count half, as in scikit-learn', () => {
  expect(auroc(SCORES, LABELS)).toBeCloseTo(0.7777777777777778, 12)
})

test('at a threshold both labels count the same', () => {
  // At 0.4: two of three true found, two of three false rejected.
  expect(balancedAccuracy(SCORES, LABELS, 0.4)).toBeCloseTo(2 / 3, 12)
})

test('the best threshold is the best of all there are, and the lowest of the best', () => {
  const items = fc.array(fc.record({ score: fc.integer({ min: 0, max: 8 }), label: fc.boolean() }), {
    minLength: 2,
    maxLength: 30,
  })
  fc.assert(
    fc.property(items, (all) => {
      const [scores, labels] = [all.map(({ score }) => score), all.map(({ label }) => label)]
      const best = bestThreshold(scores, labels)
      const tried = [...new Set(scores)]
        .sort((a, b) => a - b)
        .map((threshold) => ({ threshold, balancedAccuracy: balancedAccuracy(scores, labels, threshold) }))
      if (best === null) {
        expect(tried[0]?.balancedAccuracy).toBeNull()
        return
      }
      const most = Math.max(...tried.map(({ balancedAccuracy: of }) => of ?? 0))
      expect(best.balancedAccuracy).toBeCloseTo(most, 12)
      const lowest = tried.find(({ balancedAccuracy: of }) => (of ?? 0) >= most - 1e-12)
      expect(best.threshold).toBe(lowest?.threshold)
    }),
    { seed: 1, numRuns: 200 },
  )
})

test('one label alone has no curve', () => {
  expect(auroc([1, 2], [true, true])).toBeNull()
  expect(balancedAccuracy([1, 2], [true, true], 1)).toBeNull()
  expect(bestThreshold([], [])).toBeNull()
  expect(() => auroc([Number.NaN, 1], [true, false])).toThrow(/scores\[0\] is NaN/)
})
