import { describe, expect, test } from 'vitest'
import {
  betaQuantile,
  binomialCdf,
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
} from '../../../../src/lib/statistics/distributions.ts'

describe('the distributions', () => {
  // NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7, and SciPy 1.17 for more digits.
  test.each([
    ['normal 0.975', normalQuantile(0.975), 1.959963984540054],
    ['normal 0.95', normalQuantile(0.95), 1.6448536269514722],
    ['normal below −1.96', normalCdf(-1.96), 0.024997895148220435],
    ['t 0.975, 1 degree', studentQuantile(0.975, 1), 12.706204736432095],
    ['t 0.975, 10 degrees', studentQuantile(0.975, 10), 2.2281388519649385],
    ['t 0.975, 29 degrees', studentQuantile(0.975, 29), 2.045229642132703],
    ['t 0.025, 120 degrees', studentQuantile(0.025, 120), -1.9799304050824413],
    ['t below 2.228139, 10 degrees', studentCdf(2.2281388519649385, 10), 0.975],
    ['beta (5, 8) 0.025', betaQuantile(0.025, 5, 8), 0.15165222980843013],
    ['beta (5, 8) 0.975', betaQuantile(0.975, 5, 8), 0.6511244935811844],
    ['beta (50,000, 50,001) 0.5', betaQuantile(0.5, 50_000, 50_001), 0.4999950000166667],
    ['binomial at most 3 of 12', binomialCdf(3, 12, 0.5), 299 / 4096],
    ['binomial at most −1', binomialCdf(-1, 12, 0.5), 0],
  ])('%s is as tables have it', (_name, value, expected) => {
    expect(value).toBeCloseTo(expected, 9)
  })

  test('refuse what lies outside their domain', () => {
    expect(() => normalQuantile(0)).toThrow(RangeError)
    expect(() => studentQuantile(1, 5)).toThrow(RangeError)
    expect(() => studentQuantile(0.9, 0)).toThrow(RangeError)
  })
})
