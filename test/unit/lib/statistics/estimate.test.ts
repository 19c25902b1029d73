import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { type EstimateSettings, estimateMean } from '../../../../src/lib/statistics/estimate.ts'
import { wilsonInterval } from '../../../../src/lib/statistics/proportion.ts'

const settings = (more: Partial<EstimateSettings> = {}): EstimateSettings => ({
  scale: 'share',
  random: seededRandom(1),
  ...more,
})
const many = <Value>(count: number, make: (at: number) => Value) =>
  Array.from({ length: count }, (_, at) => make(at))
const pairsOf = (count: number) => many(count, (at) => `group ${Math.floor(at / 2)}`)

describe('the method', () => {
  test("is Wilson's where each item is right or wrong and stands alone", () => {
    const estimate = estimateMean([1, 1, 0, 1, 1], settings({ scale: 'binary' }))

    expect(estimate).toMatchObject({ estimate: 0.8, method: 'wilson@1', items: 5, groups: 5 })
    expect(estimate).toMatchObject(wilsonInterval(4, 5, 0.95))
  })

  test("is Wilson's over fewer items where some are alike", () => {
    const values = many(40, (at) => (at % 8 < 6 ? 1 : 0))
    const alone = estimateMean(values, settings({ scale: 'binary' }))!

    const grouped = estimateMean(values, settings({ scale: 'binary', groups: pairsOf(40) }))!

    expect(grouped).toMatchObject({ estimate: 0.75, method: 'wilson-effective@1', groups: 20 })
    expect(grouped.high - grouped.low).toBeGreaterThan(1.3 * (alone.high - alone.low))
  })

  test('does not change when rates come from repeats that all agree', () => {
    expect(estimateMean([1, 0, 1], settings())?.method).toBe('wilson@1')
    expect(estimateMean([1, 0.5, 1], settings({ scale: 'binary' }))?.method).toBe('bootstrap-t@1')
  })

  test('is the studentised bootstrap below a thousand groups, and t from there on', () => {
    const values = many(1000, (at) => (at % 7) / 6)

    expect(estimateMean(values.slice(1), settings({ resamples: 99 }))?.method).toBe('bootstrap-t@1')
    expect(estimateMean(values, settings())?.method).toBe('clustered-t@1')
    expect(estimateMean(values, settings({ groups: pairsOf(1000), resamples: 99 }))).toMatchObject({
      method: 'bootstrap-t@1',
      groups: 500,
    })
  })

  test('gives nearly the same ends on both sides of the border', () => {
    const random = seededRandom(5)
    const values = many(1000, () => random())

    const [bootstrap, student] = [
      estimateMean(values.slice(1), settings())!,
      estimateMean(values, settings())!,
    ]

    expect(bootstrap.low).toBeCloseTo(student.low, 2)
    expect(bootstrap.high).toBeCloseTo(student.high, 2)
  })
})

describe('an interval', () => {
  test('has a width also where every score was the same', () => {
    // 1 − 0.025^(1/20) of items might be otherwise, each at worst 0 or at best 1.
    const unseen = 1 - 0.025 ** (1 / 20)

    const halves = estimateMean(
      many(20, () => 0.5),
      settings(),
    )!

    expect(halves).toMatchObject({ estimate: 0.5, se: 0, method: 'all-alike@1' })
    expect(halves.low).toBeCloseTo(0.5 - unseen / 2, 12)
    expect(halves.high).toBeCloseTo(0.5 + unseen / 2, 12)
    expect(
      estimateMean(
        many(20, () => 1),
        settings(),
      )?.low,
    ).toBeCloseTo(0.839, 3)
    expect(
      estimateMean(
        many(20, () => 1),
        settings({ groups: pairsOf(20) }),
      ),
    ).toMatchObject({
      method: 'all-alike@1',
      low: 0.025 ** (1 / 10),
      high: 1,
    })
  })

  test('over one group is the whole scale', () => {
    expect(estimateMean([0.5], settings())).toMatchObject({ low: 0, high: 1, method: 'one-group@1' })
    expect(estimateMean([1, 0, 1], settings({ groups: ['a', 'a', 'a'] }))).toMatchObject({ low: 0, high: 1 })
    expect(estimateMean([120, 80], settings({ scale: 'unbounded', groups: ['a', 'a'] }))).toMatchObject({
      estimate: 100,
      low: Number.NEGATIVE_INFINITY,
      high: Number.POSITIVE_INFINITY,
      se: Number.POSITIVE_INFINITY,
    })
  })

  test('of milliseconds leaves 0…1, and has no width where all were the same', () => {
    expect(estimateMean([120, 80, 130], settings({ scale: 'unbounded' }))).toMatchObject({ estimate: 110 })
    expect(estimateMean([7, 7, 7], settings({ scale: 'unbounded' }))).toMatchObject({ low: 7, high: 7 })
  })

  test('holds the estimate and stays on the scale, whatever the scores', () => {
    const scores = fc.array(fc.constantFrom(0, 0.25, 0.5, 0.75, 1), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(scores, fc.boolean(), (values, isGrouped) => {
        const groups = isGrouped ? pairsOf(values.length) : undefined
        const { estimate, low, high } = estimateMean(values, settings({ groups, resamples: 199 }))!
        expect(low).toBeGreaterThanOrEqual(0)
        expect(high).toBeLessThanOrEqual(1)
        expect(low).toBeLessThanOrEqual(estimate + 1e-12)
        expect(high).toBeGreaterThanOrEqual(estimate - 1e-12)
      }),
      { seed: 1, numRuns: 150 },
    )
  })

  test('is the same for the same seed and narrower for less confidence', () => {
    const values = many(30, (at) => (at % 5) / 4)
    const [once, again] = [estimateMean(values, settings()), estimateMean(values, settings())]
    const less = estimateMean(values, settings({ confidence: 0.8 }))

    expect(again).toEqual(once)
    expect(less!.high - less!.low).toBeLessThan(0.8 * (once!.high - once!.low))
  })
})

test('nothing is unknown, and what is no score is refused by name', () => {
  expect(estimateMean([], settings())).toBeNull()
  expect(() => estimateMean([0, Number.NaN], settings())).toThrow(/values\[1\] is NaN/)
  expect(() => estimateMean([0, 1.5], settings())).toThrow(/values\[1\] is 1.5/)
  expect(() => estimateMean([1], settings({ confidence: 95 }))).toThrow(/confidence is 95/)
})
