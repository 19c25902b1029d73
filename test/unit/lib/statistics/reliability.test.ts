import { expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { passAtK, passHatK } from '../../../../src/lib/statistics/reliability.ts'

test('two of five succeed: chances of two drawn', () => {
  // C(3,2) / C(5,2) both fail; C(2,2) / C(5,2) both succeed.
  expect(passAtK(2, 5, 2)).toBeCloseTo(1 - 3 / 10, 12)
  expect(passHatK(2, 5, 2)).toBeCloseTo(1 / 10, 12)
})

test('binomials that overflow do not', () => {
  expect(passAtK(1, 5000, 1000)).toBeCloseTo(0.2, 10)
  expect(passHatK(4999, 5000, 1000)).toBeCloseTo(0.8, 10)
})

test('the ends are 0 and 1', () => {
  expect(passAtK(0, 5, 3)).toBe(0)
  expect(passAtK(3, 5, 3)).toBe(1)
  expect(passHatK(2, 5, 3)).toBe(0)
  expect(passHatK(5, 5, 5)).toBe(1)
})

test('neither leans, while rates to the power of k do', () => {
  const random = seededRandom(1)
  const [attempts, k, chance, items] = [6, 3, 0.7, 20_000]
  let [any, all, plugIn] = [0, 0, 0]
  for (let item = 0; item < items; item += 1) {
    let successes = 0
    for (let attempt = 0; attempt < attempts; attempt += 1) if (random() < chance) successes += 1
    any += passAtK(successes, attempts, k) / items
    all += passHatK(successes, attempts, k) / items
    plugIn += (successes / attempts) ** k / items
  }

  expect(any).toBeCloseTo(1 - 0.3 ** 3, 2)
  expect(all).toBeCloseTo(0.7 ** 3, 2)
  expect(plugIn - 0.7 ** 3).toBeGreaterThan(0.05)
})

test('more successes than attempts, or more draws, are refused', () => {
  expect(() => passAtK(6, 5, 1)).toThrow(RangeError)
  expect(() => passHatK(6, 5, 1)).toThrow(/successes is 6/)
  expect(() => passHatK(1, 5, 6)).toThrow(/k is 6/)
})
