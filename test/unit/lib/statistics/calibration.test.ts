import { expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { brierScore, expectedCalibrationError } from '../../../../src/lib/statistics/calibration.ts'

test('the Brier score is the mean square of what was missing', () => {
  expect(brierScore([1, 0, 0.5, 0.8], [true, false, true, false])).toBeCloseTo((0.25 + 0.64) / 4, 12)
})

test('two bins of two items each: gaps of their means', () => {
  // 0.1 and 0.3 with one true: |0.2 − 0.5|; 0.7 and 0.9 with both true: |0.8 − 1|.
  const error = expectedCalibrationError([0.9, 0.1, 0.7, 0.3], [true, false, true, true], 2)

  expect(error).toBeCloseTo((0.3 + 0.2) / 2, 12)
})

test('equal probabilities stay in one bin, whatever their order', () => {
  const probabilities = [0.5, 0.5, 0.5, 0.5]

  expect(expectedCalibrationError(probabilities, [true, true, false, false], 2)).toBe(0)
  expect(expectedCalibrationError(probabilities, [true, false, true, false], 4)).toBe(0)
})

test('a calibrated probability errs little, an overconfident one by what it is overconfident', () => {
  const random = seededRandom(3)
  const probabilities = Array.from({ length: 20_000 }, () => random())
  const outcomes = probabilities.map((probability) => random() < probability)
  const overconfident = probabilities.map((probability) => (probability < 0.5 ? 0 : 1))

  expect(expectedCalibrationError(probabilities, outcomes)).toBeLessThan(0.015)
  expect(expectedCalibrationError(overconfident, outcomes)).toBeCloseTo(0.25, 1)
})

test('more bins than items are no bins more', () => {
  expect(expectedCalibrationError([0.25, 0.75], [false, true], 10)).toBeCloseTo(0.25, 12)
})

test('nothing is unknown, and what is no probability is refused', () => {
  expect(brierScore([], [])).toBeNull()
  expect(expectedCalibrationError([], [])).toBeNull()
  expect(() => brierScore([1.5], [true])).toThrow(/probabilities\[0\] is 1.5/)
  expect(() => expectedCalibrationError([0.5], [])).toThrow(/no pairs/)
})
