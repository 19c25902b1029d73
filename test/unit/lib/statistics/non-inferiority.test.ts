import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { compareWithMargin } from '../../../../src/lib/statistics/non-inferiority.ts'
import { powerOf } from '../../../../src/lib/statistics/power.ts'
import type { Random } from '../../../../src/lib/statistics/resample.ts'
import { gauss } from '../../../support/coverage-cases.ts'

const many = <Value>(count: number, make: (at: number) => Value) =>
  Array.from({ length: count }, (_, at) => make(at))
const settings = (margin: number) => ({ scale: 'binary' as const, margin, random: seededRandom(1) })
/** `won` items better, `lost` worse, of `items`. */
const runs = (items: number, won: number, lost: number) =>
  [
    many(items, (at) => (at < won ? 0 : 1)),
    many(items, (at) => (at < won ? 1 : at < won + lost ? 0 : 1)),
  ] as const

describe('a candidate', () => {
  test('passes when its lower bound is above the margin, though its estimate is below the baseline', () => {
    expect(compareWithMargin(...runs(400, 10, 12), settings(0.05))).toMatchObject({
      verdict: 'pass',
      itemsMore: null,
      difference: { estimate: -0.005 },
    })
  })

  test('fails when even its upper bound is below the margin', () => {
    expect(compareWithMargin(...runs(400, 10, 60), settings(0.05))).toMatchObject({ verdict: 'fail' })
  })

  test('is open between, with the items that would settle it', () => {
    const { verdict, difference, itemsMore } = compareWithMargin(...runs(100, 3, 4), settings(0.05))

    expect(verdict).toBe('inconclusive')
    expect(difference?.low).toBeLessThan(-0.05)
    // (1.645 + 0.842)² · 0.0699 / 0.04² less the 100 there are is 170; the interval of so few that differ is wider.
    expect(itemsMore).toBeGreaterThan(150)
    expect(itemsMore).toBeLessThan(300)
  })

  test('that lies on the margin itself is settled by no number of items', () => {
    expect(compareWithMargin(...runs(100, 0, 5), settings(0.05))).toMatchObject({
      verdict: 'inconclusive',
      itemsMore: null,
    })
  })

  test('without items is open, and never passes', () => {
    expect(compareWithMargin([], [], settings(0.05))).toEqual({
      verdict: 'inconclusive',
      difference: null,
      itemsMore: null,
    })
  })

  test('is not compared without a margin', () => {
    expect(() => compareWithMargin([1], [1], settings(0))).toThrow(/margin is 0/)
    expect(() => compareWithMargin([1], [1], { ...settings(0.1), alpha: 0.5 })).toThrow(/alpha is 1/)
  })
})

/** Shares of verdicts over made-up comparisons. */
function verdicts(
  replications: number,
  seed: number,
  once: (random: Random) => readonly [number[], number[]],
  margin: number,
) {
  const random = seededRandom(seed)
  const counts = { pass: 0, fail: 0, inconclusive: 0 }
  for (let replication = 0; replication < replications; replication += 1) {
    const [baseline, other] = once(random)
    counts[compareWithMargin(baseline, other, { scale: 'share', margin, random, resamples: 199 }).verdict] +=
      1
  }
  return { pass: counts.pass / replications, fail: counts.fail / replications }
}

/** Pairs of rights and wrongs: won with the chance `won`, lost with the chance `lost`. */
const rightsAndWrongs = (items: number, won: number, lost: number) => (random: Random) => {
  const differences = many(items, () => {
    const uniform = random()
    return uniform < won ? 1 : uniform < won + lost ? -1 : 0
  })
  return [differences.map((of) => (of > 0 ? 0 : 1)), differences.map((of) => (of < 0 ? 0 : 1))] as const
}
/** A score that the candidate loses now and then, mostly in large steps; mean loss 0.025. */
const rareLosses = (items: number) => (random: Random) => {
  const baseline = many(items, () => 1)
  return [baseline, baseline.map(() => (random() < 0.05 ? 1 - 0.5 * (0.5 + random()) : 1))] as const
}
const mildNoise = (items: number, shift: number) => (random: Random) => {
  const baseline = many(items, () => 0.5 + 0.1 * Math.max(-3, Math.min(3, gauss(random))))
  return [
    baseline,
    baseline.map((value) => value + shift + 0.04 * Math.max(-3, Math.min(3, gauss(random)))),
  ] as const
}

// 2,000 comparisons each: a true 0.05 comes out between 0.037 and 0.063 in 99 of 100 such tests.
describe('a candidate exactly at the margin', () => {
  test.each([
    ['rights and wrongs, 60 items', rightsAndWrongs(60, 0.05, 0.15), 0.1],
    ['rights and wrongs, 300 items', rightsAndWrongs(300, 0.06, 0.11), 0.05],
    ['scores, 40 items', mildNoise(40, -0.02), 0.02],
    ['rare large losses, 60 items', rareLosses(60), 0.025],
  ])('passes at most one time in twenty: %s', (_name, once, margin) => {
    const { pass, fail } = verdicts(2000, 7, once, margin)

    expect(pass).toBeLessThanOrEqual(0.06)
    expect(fail).toBeLessThanOrEqual(0.06)
  })
})

test('the gate passes as often as its power says', () => {
  // Truly equal runs that differ in 12 of 100 items: variance 0.12, effect = margin.
  const plan = {
    spread: { between: 0.12, baseline: 0, other: 0 },
    repeats: { baseline: 1, other: 1 },
    sides: 1 as const,
  }
  const predicted = powerOf(plan, 300, 0.05)

  const { pass } = verdicts(2000, 3, rightsAndWrongs(300, 0.06, 0.06), 0.05)

  expect(predicted).toBeCloseTo(0.804, 3)
  expect(Math.abs(pass - predicted)).toBeLessThan(0.03)
})
