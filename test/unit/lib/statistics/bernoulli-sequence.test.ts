import { describe, expect, test } from 'vitest'
import { logEvidenceAbove, logEvidenceBelow } from '../../../../src/lib/statistics/bernoulli-evidence.ts'
import {
  bernoulliLowerBound,
  bernoulliSequence,
  bernoulliUpperBound,
} from '../../../../src/lib/statistics/bernoulli-sequence.ts'
import { exactInterval } from '../../../../src/lib/statistics/proportion.ts'
import { chanceOfEver } from '../../../support/every-look.ts'

describe('evidence', () => {
  test('of a uniform mixture without successes is the integral done by hand', () => {
    // ∫₀¹ (1 − pu)^f du / (1 − p)^f = (1 − (1 − p)^(f + 1)) / ((f + 1) · p · (1 − p)^f).
    const byHand = Math.log((1 - 0.9 ** 21) / (21 * 0.1 * 0.9 ** 20))

    expect(logEvidenceBelow({ successes: 0, failures: 20 }, 0.1, 1)).toBeCloseTo(byHand, 12)
  })

  test('is the average of likelihood ratios, whatever the sharpness', () => {
    const [successes, failures, rate, sharpness, steps] = [7, 93, 0.12, 20, 200_000]
    let sum = 0
    for (let at = 0; at < steps; at += 1) {
      const u = ((at + 0.5) / steps) ** (1 / sharpness)
      sum += u ** successes * ((1 - rate * u) / (1 - rate)) ** failures
    }

    expect(logEvidenceBelow({ successes, failures }, rate, sharpness)).toBeCloseTo(Math.log(sum / steps), 6)
    expect(logEvidenceAbove({ successes: failures, failures: successes }, 1 - rate, sharpness)).toBeCloseTo(
      Math.log(sum / steps),
      6,
    )
  })

  test('grows with the rate and falls with successes, so that what it rules out is one side', () => {
    for (const sharpness of [1, 20]) {
      const byRate = Array.from({ length: 99 }, (_, at) =>
        logEvidenceBelow({ successes: 30, failures: 170 }, (at + 1) / 100, sharpness),
      )
      const bySuccesses = Array.from({ length: 201 }, (_, successes) =>
        logEvidenceBelow({ successes, failures: 200 - successes }, 0.3, sharpness),
      )

      expect(byRate.every((value, at) => at === 0 || value >= byRate[at - 1]!)).toBe(true)
      expect(bySuccesses.every((value, at) => at === 0 || value <= bySuccesses[at - 1]!)).toBe(true)
    }
  })
})

// Chances over all paths of yes and no, added up exactly: no simulation.
describe.each([0.01, 0.05, 0.3, 0.5])('with a true rate of %d, looking after every one of 600', (rate) => {
  const [alpha, looks] = [0.05, 600]

  test.each([
    [
      'the upper bound',
      (s: number, n: number) => logEvidenceBelow({ successes: s, failures: n - s }, rate, 1),
    ],
    [
      'the lower bound',
      (s: number, n: number) => logEvidenceAbove({ successes: s, failures: n - s }, rate, 20),
    ],
  ])('%s ever fails with at most α, and not with nearly none', (_name, evidence) => {
    const chance = chanceOfEver(rate, looks, (s, n) => evidence(s, n) >= Math.log(1 / alpha))

    expect(chance).toBeLessThanOrEqual(alpha)
    expect(chance).toBeGreaterThan(alpha / 10)
  })
})

test.each([0.05, 0.3])(
  'both ends of the two-sided sequence ever fail with at most α at a rate of %d',
  (rate) => {
    const chance = chanceOfEver(rate, 200, (successes, trials) => {
      const { low, high } = bernoulliSequence(successes, trials, 0.1)
      return rate < low || rate > high
    })

    expect(chance).toBeLessThanOrEqual(0.1)
    expect(chance).toBeGreaterThan(0.02)
  },
)

describe('the bounds', () => {
  test('end where the evidence reaches 1/α', () => {
    const [low, high] = [bernoulliLowerBound(60, 1000, 0.01), bernoulliUpperBound(60, 1000, 0.01)]
    const counts = { successes: 60, failures: 940 }

    expect(logEvidenceAbove(counts, low, 20)).toBeCloseTo(Math.log(100), 4)
    expect(logEvidenceBelow(counts, high, 1)).toBeCloseTo(Math.log(100), 4)
  })

  test('are wider than one look needs, and at most twice as wide', () => {
    for (const trials of [100, 1000, 10_000]) {
      const once = exactInterval(trials / 20, trials, 0.95)
      const width =
        bernoulliUpperBound(trials / 20, trials, 0.025) - bernoulliLowerBound(trials / 20, trials, 0.025)

      expect(width).toBeGreaterThan(once.high - once.low)
      expect(width).toBeLessThan(2 * (once.high - once.low))
    }
  })

  test('are the ends of the scale where nothing is seen, and on the side of which nothing is', () => {
    expect(bernoulliSequence(0, 0, 0.05)).toEqual({ low: 0, high: 1 })
    expect([bernoulliLowerBound(0, 0, 0.05), bernoulliUpperBound(0, 0, 0.05)]).toEqual([0, 1])
    expect(bernoulliLowerBound(0, 50, 0.05)).toBe(0)
    expect(bernoulliUpperBound(50, 50, 0.05)).toBe(1)
    expect(bernoulliSequence(50, 50, 0.05).high).toBe(1)
  })

  test('stay finite and ordered over millions', () => {
    const trials = 10_000_000
    const [low, high] = [
      bernoulliLowerBound(50_000, trials, 0.001),
      bernoulliUpperBound(50_000, trials, 0.001),
    ]

    expect(low).toBeGreaterThan(0.0048)
    expect(high).toBeLessThan(0.0052)
    expect(low).toBeLessThan(high)
  })

  test('of counts that cannot be are refused', () => {
    expect(() => bernoulliUpperBound(3, 2, 0.05)).toThrow(/successes is 3/)
    expect(() => bernoulliLowerBound(1, Number.NaN, 0.05)).toThrow(/trials is NaN/)
    expect(() => bernoulliSequence(Number.NaN, 2, 0.05)).toThrow(/successes is NaN/)
    expect(() => bernoulliUpperBound(1, 2, 0)).toThrow(/alpha is 0/)
  })
})
