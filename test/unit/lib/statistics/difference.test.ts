import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { estimateDifference } from '../../../../src/lib/statistics/difference.ts'
import type { EstimateSettings } from '../../../../src/lib/statistics/estimate.ts'
import { mcnemarMidP, tangoInterval } from '../../../../src/lib/statistics/mcnemar.ts'

const settings = (more: Partial<EstimateSettings> = {}): EstimateSettings => ({
  scale: 'share',
  random: seededRandom(1),
  ...more,
})
const many = <Value>(count: number, make: (at: number) => Value) =>
  Array.from({ length: count }, (_, at) => make(at))

describe('the method', () => {
  // 50 items: 12 won, 2 lost.
  const baseline = many(50, (at) => (at < 12 ? 0 : 1))
  const other = many(50, (at) => (at === 20 || at === 30 ? 0 : 1))

  test("is Tango's and McNemar's for rights and wrongs", () => {
    const difference = estimateDifference(baseline, other, settings({ scale: 'binary' }))

    expect(difference).toMatchObject({
      estimate: 0.2,
      method: 'tango-mid-p@1',
      p: mcnemarMidP({ won: 12, lost: 2 }),
      ...tangoInterval({ won: 12, lost: 2 }, 50, 0.95),
    })
  })

  test('counts items of a group as fewer, and flips their signs together', () => {
    const groups = many(50, (at) => `group ${Math.floor(at / 5)}`)

    const difference = estimateDifference(baseline, other, settings({ scale: 'binary', groups }))!

    expect(difference).toMatchObject({ method: 'tango-effective-sign-flip@1', items: 50, groups: 10 })
    expect(difference.low).toBeLessThan(0)
    // Sums of groups that are not 0: 5, 5, 2, −1, −1. Of 2^5 signs ten are as far from 0 as 10.
    expect(difference.p).toBe(10 / 32)
  })

  test('is the wider of t and bootstrap for scores between', () => {
    const half = baseline.map((value) => value / 2)

    const difference = estimateDifference(half, other, settings())

    expect(difference).toMatchObject({ method: 'wider-t-sign-flip@1', items: 50 })
  })

  test('is t over groups where those are many', () => {
    const [low, high] = [many(1000, (at) => (at % 5) / 8), many(1000, (at) => (at % 3) / 4)]

    expect(estimateDifference(low, high, settings())?.method).toBe('clustered-t@1')
  })
})

test('runs that never differ are the same only as far as so many items can tell', () => {
  const run = many(40, (at) => (at % 4) / 4)
  const groups = many(40, (at) => `group ${at % 10}`)

  const [alone, grouped] = [undefined, groups].map((of) =>
    estimateDifference(run, run, settings({ groups: of })),
  )

  expect(alone).toMatchObject({ estimate: 0, p: 1, method: 'tango-mid-p@1' })
  expect(alone?.low).toBeCloseTo(-0.0876, 4)
  expect(grouped).toMatchObject({ estimate: 0, p: 1, method: 'all-alike-sign-flip@1' })
  expect(grouped?.low).toBeCloseTo(-(1 - 0.025 ** 0.1), 12)
})

test('what rounding leaves of equal values is no difference', () => {
  const difference = estimateDifference([0.3, 0.3, 0.5], [0.1 + 0.2, 0.1 + 0.2, 0.75], settings())

  expect(difference?.p).toBe(1)
})

test('the sign turns when the runs change places, the p does not', () => {
  const random = seededRandom(4)
  const [one, two] = [many(12, () => random()), many(12, () => random())]

  const [there, back] = [estimateDifference(one, two, settings())!, estimateDifference(two, one, settings())!]

  expect(back.estimate).toBeCloseTo(-there.estimate, 12)
  expect(back.p).toBe(there.p)
})

test('one group says nothing, nothing is unknown, and what has no pairs is refused', () => {
  expect(estimateDifference([0, 0.5], [1, 0.75], settings({ groups: ['a', 'a'] }))).toMatchObject({
    low: -1,
    high: 1,
    p: 1,
    method: 'one-group@1',
  })
  expect(estimateDifference([], [], settings())).toBeNull()
  expect(() => estimateDifference([1], [1, 0], settings())).toThrow(/no pairs/)
  expect(() => estimateDifference([1], [Number.NaN], settings())).toThrow(/other\[0\] is NaN/)
  expect(() => estimateDifference([2], [1], settings())).toThrow(/baseline\[0\] is 2/)
})
