import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { meanOf, studentP } from '../../../../src/lib/statistics/mean.ts'
import {
  itemsNeeded,
  minimumDetectableEffect,
  type Plan,
  powerOf,
  spreadOfPilot,
} from '../../../../src/lib/statistics/power.ts'
import { gauss } from '../../../support/coverage-cases.ts'

const many = <Value>(count: number, make: (at: number) => Value) =>
  Array.from({ length: count }, (_, at) => make(at))
const plan = (between: number, repeats = 1, within = 0): Plan => ({
  spread: { between, baseline: within, other: within },
  repeats: { baseline: repeats, other: repeats },
  sides: 2,
})

describe('a plan', () => {
  test('needs the items of equation 9', () => {
    // (1.95996 + 0.84162)² · (1/9) / 0.03² = 968.99.
    expect(itemsNeeded(plan(1 / 9), 0.03)).toBe(969)
    // Two thirds of 1/6 + 1/6 away with three repeats: 1/9 + 2/18 = 2/9.
    expect(itemsNeeded(plan(1 / 9, 3, 1 / 6), 0.03)).toBe(1938)
  })

  test('detects what it needs the items for, with the power asked for', () => {
    const items = itemsNeeded(plan(0.2), 0.05, 0.9)

    expect(minimumDetectableEffect(plan(0.2), items, 0.9)).toBeCloseTo(0.05, 3)
    expect(powerOf(plan(0.2), items, 0.05)).toBeCloseTo(0.9, 3)
  })

  test('needs fewer items on one side, and more where they are alike', () => {
    const twoSided = itemsNeeded(plan(0.2), 0.05)

    expect(itemsNeeded({ ...plan(0.2), sides: 1 }, 0.05)).toBeLessThan(twoSided)
    expect(itemsNeeded({ ...plan(0.2), designEffect: 2 }, 0.05)).toBeCloseTo(2 * twoSided, -1)
  })

  test('of nothing that varies detects everything', () => {
    expect(powerOf(plan(0), 10, 0.01)).toBe(1)
    expect(minimumDetectableEffect(plan(0), 10)).toBe(0)
  })

  test('that makes no sense is refused', () => {
    expect(() => itemsNeeded(plan(0.1), 0)).toThrow(/effect is 0/)
    expect(() => itemsNeeded(plan(0.1, 0), 0.1)).toThrow(/repeats.baseline is 0/)
    expect(() => itemsNeeded(plan(Number.NaN), 0.1)).toThrow(/spread adds up to NaN/)
    expect(() => minimumDetectableEffect(plan(0.1), 10.5)).toThrow(/items is 10.5/)
    expect(() => powerOf({ ...plan(0.1), alpha: 1 }, 10, 0.1)).toThrow(/alpha is 1/)
  })
})

test('the t test finds a difference as often as the plan says', () => {
  const random = seededRandom(2)
  const [items, effect, replications] = [120, 0.05, 2000]
  const found = many(replications, () => {
    const differences = many(items, () => effect + 0.2 * gauss(random))
    return studentP(meanOf(differences)!) < 0.05
  }).filter(Boolean).length

  const predicted = powerOf(plan(0.04), items, effect)

  expect(predicted).toBeCloseTo(0.782, 3)
  expect(Math.abs(found / replications - predicted)).toBeLessThan(0.03)
})

describe('a pilot', () => {
  test('tells how items differ from how repeats do', () => {
    const random = seededRandom(6)
    const items = many(4000, () => 0.3 * gauss(random))
    const baseline = items.map(() => many(2, () => 0.2 * gauss(random)))
    const other = items.map((shift) => many(4, () => shift + 0.1 * gauss(random)))

    const spread = spreadOfPilot(baseline, other)!

    expect(spread.between).toBeCloseTo(0.09, 2)
    expect(spread.baseline).toBeCloseTo(0.04, 2)
    expect(spread.other).toBeCloseTo(0.01, 2)
  })

  test('without repeats shows the sum of both, which is what a plan without repeats needs', () => {
    const spread = spreadOfPilot([[0], [1], [1]], [[1], [1], [0]])

    expect(spread).toEqual({ between: expect.closeTo(1, 12), baseline: 0, other: 0 })
  })

  test('whose repeats explain everything leaves nothing between items', () => {
    expect(
      spreadOfPilot(
        [
          [0, 1],
          [1, 0],
        ],
        [
          [0, 1],
          [0, 1],
        ],
      )?.between,
    ).toBe(0)
  })

  test('of one item says nothing, and needs both runs', () => {
    expect(spreadOfPilot([[1]], [[0]])).toBeNull()
    expect(() => spreadOfPilot([[1]], [])).toThrow(/no pairs/)
  })
})
