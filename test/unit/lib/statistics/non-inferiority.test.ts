import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { compareWithMargin } from '../../../../src/lib/statistics/non-inferiority.ts'
import { powerOf } from '../../../../src/lib/statistics/power.ts'
import { AT_THE_MARGIN, rightsAndWrongs, verdicts } from '../../../support/gate-cases.ts'

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

// 2,000 comparisons each: a true 0.05 comes out between 0.037 and 0.063 in 99 of 100 such tests.
// The last, which takes longest, is left to `node bench/coverage.ts`.
test.each(AT_THE_MARGIN.slice(0, -1).map((of) => [of.name, of] as const))(
  'a candidate exactly at the margin passes at most one time in twenty: %s',
  (_name, of) => {
    const { pass, fail } = verdicts(of, seededRandom(7), 2000)

    expect(pass).toBeLessThanOrEqual(0.06)
    expect(fail).toBeLessThanOrEqual(0.06)
  },
)

test('the gate passes as often as its power says', () => {
  // Truly equal runs that differ in 12 of 100 items: variance 0.12, effect = margin.
  const plan = {
    spread: { between: 0.12, baseline: 0, other: 0 },
    repeats: { baseline: 1, other: 1 },
    sides: 1 as const,
  }
  const predicted = powerOf(plan, 300, 0.05)

  const { pass } = verdicts(rightsAndWrongs(300, 0.06, 0.06, 0.05), seededRandom(3), 2000)

  expect(predicted).toBeCloseTo(0.804, 3)
  expect(Math.abs(pass - predicted)).toBeLessThan(0.03)
})
