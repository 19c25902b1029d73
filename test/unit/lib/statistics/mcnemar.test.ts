import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mcnemarExactP, mcnemarMidP, tangoInterval } from '../../../../src/lib/statistics/mcnemar.ts'

test('airway hyper-responsiveness before and after a transplant comes out as in the textbook', () => {
  // 21 children, 1 better and 7 worse: Fagerland, Lydersen and Laake 2014, Statistics in Medicine 33, tables II, V and VI.
  const pairs = { won: 1, lost: 7 }

  const { low, high } = tangoInterval(pairs, 21, 0.95)

  expect(mcnemarExactP(pairs)).toBeCloseTo(0.0703, 4)
  expect(mcnemarMidP(pairs)).toBeCloseTo(0.0391, 4)
  expect(low).toBeCloseTo(-0.517, 3)
  expect(high).toBeCloseTo(-0.026, 3)
})

test('pairs that never differ leave z² / (n + z²) open on both sides', () => {
  const zSquared = 1.959963984540054 ** 2

  const { low, high } = tangoInterval({ won: 0, lost: 0 }, 50, 0.95)

  expect(high).toBeCloseTo(zSquared / (50 + zSquared), 10)
  expect(low).toBeCloseTo(-high, 10)
  expect(mcnemarExactP({ won: 0, lost: 0 })).toBe(1)
  expect(mcnemarMidP({ won: 0, lost: 0 })).toBe(1)
})

test('whatever the counts, the interval holds the estimate, stays on the scale and mirrors', () => {
  const counts = fc.record({ won: fc.nat(40), lost: fc.nat(40), same: fc.nat(40) })
  fc.assert(
    fc.property(counts, ({ won, lost, same }) => {
      const pairs = won + lost + same
      fc.pre(pairs > 0)
      const { low, high } = tangoInterval({ won, lost }, pairs, 0.95)
      const mirrored = tangoInterval({ won: lost, lost: won }, pairs, 0.95)
      expect(low).toBeGreaterThanOrEqual(-1)
      expect(high).toBeLessThanOrEqual(1)
      expect(low).toBeLessThanOrEqual((won - lost) / pairs)
      expect(high).toBeGreaterThanOrEqual((won - lost) / pairs)
      expect(mirrored.low).toBeCloseTo(-high, 9)
      expect(mcnemarMidP({ won, lost })).toBeLessThanOrEqual(mcnemarExactP({ won, lost }))
    }),
    { seed: 1, numRuns: 200 },
  )
})

test('counts that cannot be are refused', () => {
  expect(() => tangoInterval({ won: 2, lost: 2 }, 3, 0.95)).toThrow(/not among 3/)
  expect(() => tangoInterval({ won: Number.NaN, lost: 2 }, 3, 0.95)).toThrow(/NaN pairs won/)
  expect(() => mcnemarExactP({ won: 0.5, lost: 1 })).toThrow(/won is 0.5/)
})
