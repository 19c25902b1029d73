import { describe, expect, test } from 'vitest'
import { type Example, importanceOf, learnCalibration, learnClaimModel } from '../../../bench/claim-model.ts'
import { seededRandom } from '../../../src/lib/random.ts'

const RECIPE = { l2: 1, steps: 200, maxSetWeight: 800 }

/** Only the first of two features matters, and one bad claim spoils an answer. */
function examples(count: number, seed: number): Example[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => {
    const claims = Array.from({ length: 1 + Math.floor(random() * 3) }, () => [
      random() < 0.2 ? 1 : 0,
      random(),
    ])
    return { set: 'toy', isSupported: claims.every(([bad]) => bad === 0), claims }
  })
}

describe('a model of claims', () => {
  test('learns from labels of whole answers which claim spoils them, with no weight below 0', () => {
    const { weights, intercept } = learnClaimModel(examples(400, 1), RECIPE)

    expect(weights[0]).toBeGreaterThan(3)
    expect(weights[1]).toBeLessThan(0.5)
    expect(Math.min(...weights)).toBeGreaterThanOrEqual(0)
    expect(intercept).toBeGreaterThan(1)
  })

  test('gives a feature that speaks for support no weight rather than one below 0', () => {
    const turned = examples(400, 2).map((example) => ({ ...example, isSupported: !example.isSupported }))

    expect(learnClaimModel(turned, RECIPE).weights[0]).toBe(0)
  })

  test('is the same each time', () => {
    expect(learnClaimModel(examples(50, 3), RECIPE)).toEqual(learnClaimModel(examples(50, 3), RECIPE))
  })
})

describe('weights of examples', () => {
  test('give both labels of a set the same, a large set no more than its bound, and a set of one label nothing', () => {
    const rows = [
      ...Array.from({ length: 3 }, () => ({ set: 'a', isSupported: true })),
      { set: 'a', isSupported: false },
      { set: 'b', isSupported: true },
    ]

    expect([...importanceOf(rows, 2)]).toEqual([1 / 3, 1 / 3, 1 / 3, 1, 0])
  })
})

describe('calibration', () => {
  test('finds the scaling that made the labels', () => {
    const random = seededRandom(5)
    const answers = Array.from({ length: 4_000 }, () => {
      const score = random() * 8 - 4
      const claims = 1 + Math.floor(random() * 4)
      const probability = 1 / (1 + Math.exp(-(0.5 * score - 0.3 + 0.6 * Math.log(claims))))
      return { score, claims, isSupported: random() < probability }
    })

    const { slope, offset, perClaim } = learnCalibration(
      answers,
      answers.map(() => 1),
    )

    expect(slope).toBeCloseTo(0.5, 1)
    expect(offset).toBeCloseTo(-0.3, 0)
    expect(perClaim).toBeCloseTo(0.6, 0)
  })

  test('never turns the ranking round', () => {
    const answers = [-2, -1, 1, 2].map((score) => ({ score, claims: 1, isSupported: score < 0 }))

    expect(
      learnCalibration(
        answers,
        answers.map(() => 100),
      ).slope,
    ).toBe(0)
  })
})
