import { describe, expect, test } from 'vitest'
import type { JudgeCalibration } from '../../../../src/evals/runs/calibration.ts'
import { correctMean } from '../../../../src/evals/runs/correct.ts'
import type { ItemScores } from '../../../../src/evals/runs/result-rows.ts'
import { seededRandom } from '../../../../src/lib/random.ts'
import { judgeRates } from '../../../../src/lib/statistics/agreement.ts'
import { roganGladen } from '../../../../src/lib/statistics/rogan-gladen.ts'

const itemsOf = (values: readonly (number | null)[], group: (at: number) => string | null = () => null) =>
  values.map(
    (mean, at): ItemScores => ({
      position: at,
      itemId: `q${at}`,
      hash: `h${at}`,
      group: group(at),
      scorer: 'polite',
      mean,
      variance: null,
      scored: mean === null ? 0 : 1,
      abstained: 0,
      errors: 0,
    }),
  )

function calibrationBy(labels: readonly boolean[], judged: readonly boolean[]): JudgeCalibration {
  const rates = judgeRates(labels, judged, { random: seededRandom(1) })
  return { id: 'cal_1', misses: [], truths: labels.length, kappa: null, isRate: true, ...rates }
}

/** A judge that calls good answers good this often, and bad ones bad. */
const SENSITIVITY = 0.95
const SPECIFICITY = 0.7

function judgeOf(random: () => number) {
  return (isGood: boolean) => (isGood ? random() < SENSITIVITY : random() >= SPECIFICITY)
}

describe('the mean that people would give', () => {
  test('is that of Rogan and Gladen for items that are each alone', () => {
    const labels = [...Array<boolean>(60).fill(true), ...Array<boolean>(60).fill(false)]
    const judged = labels.map((label, at) => at % 60 < (label ? 57 : 12))
    const own = itemsOf(Array.from({ length: 300 }, (_, at) => (at < 270 ? 1 : 0)))

    const corrected = correctMean(own, { calibration: calibrationBy(labels, judged), rated: [] }, 0.95)

    // 0.9 by a judge of sensitivity 0.95 and specificity 0.8, from 60 labels each.
    const worked = roganGladen({
      judged: { items: 300, good: 270 },
      trulyGood: { items: 60, judgedGood: 57 },
      trulyBad: { items: 60, judgedBad: 48 },
    })
    expect(corrected?.estimate).toBeCloseTo(0.7 / 0.75, 10)
    expect(corrected).toMatchObject({ low: worked?.low, high: worked?.high, truths: 120 })
  })

  test('is less certain where items share groups', () => {
    const labels = Array.from({ length: 200 }, (_, at) => at % 2 === 0)
    const calibration = calibrationBy(labels, labels)
    const values = Array.from({ length: 200 }, (_, at) => (Math.floor(at / 20) % 2 === 0 ? 1 : 0))
    const width = (own: ItemScores[]) => {
      const corrected = correctMean(own, { calibration, rated: [] }, 0.95)
      return (corrected?.high ?? 0) - (corrected?.low ?? 0)
    }

    expect(width(itemsOf(values, (at) => `g${Math.floor(at / 20)}`))).toBeGreaterThan(
      3 * width(itemsOf(values)),
    )
  })

  test('is unknown without a calibration, and for a judge whose values are no rate', () => {
    const labels = [true, true, false, false]
    const calibration = calibrationBy(labels, labels)
    const own = itemsOf([1, 0, 1, 1])

    expect(correctMean(own, { calibration: null, rated: [] }, 0.95)).toBeNull()
    expect(correctMean(own, { calibration: { ...calibration, isRate: false }, rated: [] }, 0.95)).toBeNull()
    expect(correctMean(itemsOf([null]), { calibration, rated: [] }, 0.95)).toBeNull()
  })

  test.each([
    ['its calibration', 'rogan-gladen@1', 0],
    ['ratings of its own items', 'ppi@1', 60],
  ] as const)('is right on average, by %s, where the judge is not', (_what, method, rated) => {
    const random = seededRandom(11)
    const judge = judgeOf(random)
    const truth = 0.5
    const draws = 400
    let [raw, corrected, holds] = [0, 0, 0]
    for (let draw = 0; draw < draws; draw += 1) {
      const labels = Array.from({ length: 120 }, () => random() < truth)
      const calibration = calibrationBy(labels, labels.map(judge))
      const goods = Array.from({ length: 300 }, () => random() < truth)
      const own = itemsOf(goods.map((isGood) => Number(judge(isGood))))
      const given = goods
        .slice(0, rated)
        .map((isGood, position) => ({ position, truth: Number(isGood), judged: own[position]?.mean ?? 0 }))
      const found = correctMean(own, { calibration, rated: given }, 0.95)
      expect(found?.method).toBe(method)
      raw += own.reduce((sum, { mean }) => sum + (mean ?? 0), 0) / own.length / draws
      corrected += (found?.estimate ?? 0) / draws
      if (found !== null && found.low <= truth && truth <= found.high) holds += 1
    }

    // The judge says 0.5 · 0.95 + 0.5 · 0.3.
    expect(Math.abs(corrected - truth)).toBeLessThan(0.01)
    expect(Math.abs(raw - 0.625)).toBeLessThan(0.01)
    expect(holds / draws).toBeGreaterThan(0.92)
  })
})
