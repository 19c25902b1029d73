import { describe, expect, test } from 'vitest'
import { averageRepeats, meanOf, studentInterval, studentP } from '../../../../src/lib/statistics/mean.ts'

describe('repeats', () => {
  test('of one item become one value', () => {
    expect(averageRepeats([[1, 0], [1], [0.25, 0.5, 0.75]])).toEqual([0.5, 1, 0.5])
  })

  test('are refused where there are none, or one is no number', () => {
    expect(() => averageRepeats([[1], []])).toThrow(/repeats\[1\] is empty/)
    expect(() => averageRepeats([[1], [0, Number.NaN]])).toThrow(/repeats\[1\]\[1\] is NaN/)
  })
})

describe('the mean', () => {
  // scipy.stats.sem, ttest_1samp and t.interval of SciPy 1.17.
  const values = [0.2, 0.1, -0.1, 0.3, 0.25, 0, 0.05]

  test('of items that stand alone has the textbook standard error, interval and p', () => {
    const mean = meanOf(values)

    expect(mean).toMatchObject({ items: 7, groups: 7 })
    expect(mean?.mean).toBeCloseTo(0.8 / 7, 12)
    expect(studentInterval(mean!, 0.95).low).toBeCloseTo(-0.01843927926319161, 9)
    expect(studentInterval(mean!, 0.95).high).toBeCloseTo(0.2470107078346202, 9)
    expect(studentP(mean!)).toBeCloseTo(0.07970636574393945, 9)
  })

  test('of items in groups has the clustered standard error of Miller, corrected for few groups', () => {
    // statsmodels 0.15: OLS on a constant, cov_type "cluster" with its correction, use_t.
    const groups = ['a', 'a', 'a', 'b', 'b', 'c', 'd', 'd', 'd', 'd']

    const mean = meanOf([1, 0.5, 0.25, 1, 0, 0.75, 0.5, 1, 1, 0.25], groups)

    expect(mean).toMatchObject({ mean: 0.625, items: 10, groups: 4 })
    expect(mean?.se).toBeCloseTo(0.04564354645876384, 9)
    expect(studentInterval(mean!, 0.95).low).toBeCloseTo(0.47974186, 8)
    expect(studentInterval(mean!, 0.95).high).toBeCloseTo(0.77025814, 8)
  })

  test('of one group says nothing about how sure it is', () => {
    const mean = meanOf([1, 0], ['a', 'a'])!

    expect(mean.se).toBe(Number.POSITIVE_INFINITY)
    expect(studentInterval(mean, 0.95)).toEqual({
      low: Number.NEGATIVE_INFINITY,
      high: Number.POSITIVE_INFINITY,
    })
    expect(studentP(mean)).toBe(1)
  })

  test('of equal values differs from 0 surely, or not at all', () => {
    expect(studentP(meanOf([0.5, 0.5])!)).toBe(0)
    expect(studentP(meanOf([0, 0])!)).toBe(1)
  })

  test('of nothing is unknown, and of no numbers is refused', () => {
    expect(meanOf([])).toBeNull()
    expect(() => meanOf([0, Number.POSITIVE_INFINITY])).toThrow(/values\[1\] is Infinity/)
    expect(() => meanOf([0, 1], ['a'])).toThrow(/1 groups for 2 values/)
  })
})
