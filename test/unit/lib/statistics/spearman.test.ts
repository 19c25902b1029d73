import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { endsOf } from '../../../../src/lib/statistics/draws.ts'
import { drawSpearmans, spearman } from '../../../../src/lib/statistics/spearman.ts'

describe('Spearman’s rank correlation', () => {
  test('is that of the worked example of IQ and hours of television', () => {
    // https://en.wikipedia.org/wiki/Spearman%27s_rank_correlation_coefficient#Example: −29/165.
    const iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    const hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]

    expect(spearman(iq, hours)).toBeCloseTo(-29 / 165, 12)
  })

  test('gives ties the mean of their ranks', () => {
    // Pearson of (1.5, 1.5, 3, 4) and (1, 2, 3, 4): 4.5 / √(4.5 · 5).
    expect(spearman([1, 1, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(22.5), 12)
  })

  test.each([
    ['the same order', [0.1, 0.2, 0.9], 1],
    ['the opposite one', [3, 2, 1], -1],
    ['none at all', [5, 5, 5], null],
  ])('of %s', (_, scores, wanted) => {
    expect(spearman(scores, [1, 2, 3])).toBe(wanted)
  })

  test('refuses lists of different lengths and values that are not finite', () => {
    expect(() => spearman([1], [1, 2])).toThrow(RangeError)
    expect(() => spearman([Number.NaN, 1], [1, 2])).toThrow(RangeError)
  })

  test('is taken anew in each draw, for all scores in the same one', () => {
    const random = seededRandom(3)
    const wanted = Array.from({ length: 40 }, () => random())
    const noisy = wanted.map((value) => Math.round(4 * (value + random())))
    const times = new Float64Array(40)
    const again = seededRandom(7)
    for (let step = 0; step < 40; step += 1) times[Math.floor(again() * 40)]! += 1
    const sample = [...times].flatMap((count, at) => Array<number>(count).fill(at))

    const [first, second, same] = drawSpearmans([noisy, wanted, noisy], wanted, {
      random: seededRandom(7),
      resamples: 1,
    })

    expect(first?.[0]).toBeCloseTo(
      spearman(
        sample.map((at) => noisy[at] ?? 0),
        sample.map((at) => wanted[at] ?? 0),
      ) ?? 0,
      12,
    )
    expect(second?.[0]).toBeCloseTo(1, 12)
    expect(same).toEqual(first)
  })

  test('has an interval that holds the truth 95 times in a hundred', () => {
    // Of two normal variables with correlation ½ Spearman’s is 6/π · asin(¼) (Kruskal 1958).
    const truth = (6 / Math.PI) * Math.asin(0.25)
    let held = 0
    for (let round = 0; round < 100; round += 1) {
      const random = seededRandom(round)
      const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
      const wanted = Array.from({ length: 150 }, normal)
      const scores = wanted.map((value) => value / 2 + Math.sqrt(0.75) * normal())
      const ends = endsOf(drawSpearmans([scores], wanted, { random, resamples: 200 })[0] ?? [])
      if (ends !== null && ends.low <= truth && truth <= ends.high) held += 1
    }

    expect(held).toBeGreaterThanOrEqual(89)
  })
})
