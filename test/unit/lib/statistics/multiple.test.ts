import fc from 'fast-check'
import { expect, test } from 'vitest'
import { benjaminiHochberg, holm } from '../../../../src/lib/statistics/multiple.ts'

test('p values are adjusted as statsmodels does, in the order given', () => {
  // statsmodels.stats.multitest.multipletests 0.15, "holm" and "fdr_bh".
  const ps = [0.01, 0.04, 0.03, 0.005, 0.5, 0.2]

  const close = (expected: number[]) => expected.map((value) => expect.closeTo(value, 12))
  expect(holm(ps)).toEqual(close([0.05, 0.12, 0.12, 0.03, 0.5, 0.4]))
  expect(benjaminiHochberg(ps)).toEqual(close([0.03, 0.06, 0.06, 0.03, 0.5, 0.24]))
})

test('adjusted values keep the order, never fall below the p itself, and Holm is the stricter', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (ps) => {
      const [strict, loose] = [holm(ps), benjaminiHochberg(ps)]
      ps.forEach((p, at) => {
        expect(loose[at]).toBeGreaterThanOrEqual(p - 1e-15)
        expect(strict[at]! + 1e-12).toBeGreaterThanOrEqual(loose[at]!)
        expect(strict[at]).toBeLessThanOrEqual(1)
        for (const [other, q] of ps.entries())
          if (q > p) expect(strict[other]).toBeGreaterThanOrEqual(strict[at]!)
      })
    }),
    { seed: 1, numRuns: 100 },
  )
})

test('nothing has nothing to adjust, and what is no p is refused', () => {
  expect(holm([])).toEqual([])
  expect(benjaminiHochberg([])).toEqual([])
  expect(() => holm([0.5, 1.5])).toThrow(/ps\[1\] is 1.5/)
})
