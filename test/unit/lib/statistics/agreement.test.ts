import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { agreementOf, judgeRates } from '../../../../src/lib/statistics/agreement.ts'
import { type AgreementMeasure, agreementIn } from '../../../../src/lib/statistics/kappa.ts'

const table = (...rows: readonly (readonly number[])[]) => Float64Array.from(rows.flat())
const many = <Value>(count: number, make: (at: number) => Value) =>
  Array.from({ length: count }, (_, at) => make(at))

describe('agreement in a table', () => {
  // Cohen 1960, table 2, in counts of 200; weighted values by sklearn.metrics.cohen_kappa_score 1.8.
  const cohen = table([88, 14, 18], [10, 40, 10], [2, 6, 12])
  test.each([
    ['kappa', 0.4915254237288136],
    ['kappa-linear', 0.4736842105263158],
    ['kappa-quadratic', 0.4545454545454546],
  ] as const)("Cohen's example has a %s of %f", (measure, expected) => {
    expect(agreementIn(cohen, 3, measure)).toBeCloseTo(expected, 12)
  })

  test('nearly all alike turns kappa negative and leaves AC1 high', () => {
    // Gwet 2008, section 1: 118 of 125 both positive; kappa −0.02, AC1 0.94.
    const alike = table([118, 5], [2, 0])

    expect(agreementIn(alike, 2, 'kappa')).toBeCloseTo(-0.0234, 4)
    expect(agreementIn(alike, 2, 'ac1')).toBeCloseTo(0.9408, 4)
  })

  test('of three labels is as irrCAC, the package by AC1’s author, has it', () => {
    // Data set cont3x3abstractors.
    const abstractors = table([13, 0, 0], [0, 20, 7], [0, 4, 56])

    expect(agreementIn(abstractors, 3, 'kappa')).toBeCloseTo(0.7964094, 7)
    expect(agreementIn(abstractors, 3, 'ac1')).toBeCloseTo(0.8493305, 7)
  })

  test('is undefined where both gave one label throughout, except for AC1', () => {
    expect(agreementIn(table([9, 0], [0, 0]), 2, 'kappa')).toBeNaN()
    expect(agreementIn(table([9, 0], [0, 0]), 2, 'ac1')).toBe(1)
    expect(agreementIn(table([0, 0], [0, 0]), 2, 'kappa')).toBeNaN()
  })
})

describe('agreement of two raters', () => {
  const settings = (measure: AgreementMeasure = 'kappa') => ({
    measure,
    categories: ['bad', 'good'],
    random: seededRandom(1),
  })
  const first = many(100, (at) => (at % 2 === 0 ? 'good' : 'bad'))
  const second = first.map((label, at) => (at % 10 === 0 ? 'bad' : label))

  test('has an interval around it, the same for the same seed', () => {
    const agreement = agreementOf(first, second, settings())!

    expect(agreement).toMatchObject({ items: 100, groups: 100, method: 'bootstrap-percentile@1' })
    expect(agreement.estimate).toBeCloseTo(0.8, 12)
    expect(agreement.low).toBeGreaterThan(0.65)
    expect(agreement.low).toBeLessThan(0.72)
    expect(agreement.high).toBeGreaterThan(0.88)
    expect(agreementOf(first, second, settings())).toEqual(agreement)
  })

  test('is less sure where the items are few texts over and over', () => {
    const groups = first.map((_, at) => `text ${at % 10}`)
    const alone = agreementOf(first, second, settings())!

    const grouped = agreementOf(first, second, { ...settings(), groups })!

    expect(grouped).toMatchObject({ estimate: alone.estimate, groups: 10 })
    expect(grouped.high - grouped.low).toBeGreaterThan(1.5 * (alone.high - alone.low))
  })

  test('counts draws that say nothing as the worst', () => {
    // One item of the rare label: a third of draws miss it, and kappa is then undefined.
    const rare = many(12, (at) => (at === 0 ? 'bad' : 'good'))

    expect(agreementOf(rare, rare, settings())).toMatchObject({ estimate: 1, low: -1, high: 1 })
  })

  test('is unknown without items, or where one label says nothing', () => {
    expect(agreementOf([], [], settings())).toBeNull()
    expect(agreementOf(['good', 'good'], ['good', 'good'], settings())).toBeNull()
    expect(agreementOf(['good'], ['good'], settings('ac1'))).toMatchObject({ estimate: 1 })
  })

  test('refuses labels that are no category', () => {
    expect(() => agreementOf(['good'], ['fine'], settings())).toThrow(/"fine" is none of bad, good/)
    expect(() => agreementOf(['good'], [], settings())).toThrow(/no pairs/)
    expect(() => agreementOf([], [], { ...settings(), categories: ['good'] })).toThrow(/two different/)
  })
})

describe('the rates of a judge', () => {
  const labels = [true, true, true, true, false, false, false]
  const judged = [true, true, true, false, false, false, true]

  test('are those of the items that people call good, and of those that they call bad', () => {
    const { sensitivity, specificity } = judgeRates(labels, judged, { random: seededRandom(1) })

    expect(sensitivity).toMatchObject({ estimate: 0.75, items: 4, method: 'wilson@1' })
    expect(specificity?.estimate).toBeCloseTo(2 / 3, 12)
    expect(specificity?.items).toBe(3)
  })

  test('keep the groups of their own items', () => {
    const groups = ['a', 'a', 'b', 'b', 'c', 'c', 'd']

    const { sensitivity, specificity } = judgeRates(labels, judged, { random: seededRandom(1), groups })

    expect(sensitivity).toMatchObject({ items: 4, groups: 2 })
    expect(specificity).toMatchObject({ items: 3, groups: 2 })
  })

  test('are unknown of labels that nobody gave', () => {
    expect(judgeRates([true], [false], { random: seededRandom(1) })).toMatchObject({
      sensitivity: { estimate: 0 },
      specificity: null,
    })
    expect(() => judgeRates([true], [], { random: seededRandom(1) })).toThrow(/no pairs/)
    expect(() => judgeRates([true], [true], { random: seededRandom(1), groups: [] })).toThrow(/0 groups/)
  })
})
