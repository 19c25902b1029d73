import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { predictionPowered } from '../../../../src/lib/statistics/prediction-powered.ts'
import { roganGladen } from '../../../../src/lib/statistics/rogan-gladen.ts'

/** Raw rate 0.9 by a judge of specificity 0.8 and sensitivity 0.95. */
const counts = (items: number, labels: number) => ({
  judged: { items, good: 0.9 * items },
  trulyGood: { items: labels, judgedGood: 0.95 * labels },
  trulyBad: { items: labels, judgedBad: 0.8 * labels },
})
const width = ({ low, high }: { low: number; high: number }) => high - low

describe('a rate corrected by sensitivity and specificity', () => {
  test('is what would make the judge say what it said', () => {
    // (0.9 + 0.8 − 1) / (0.8 + 0.95 − 1); interval by the reference code of Lee et al., arXiv 2511.21140.
    const corrected = roganGladen(counts(300, 60))!

    expect(corrected.estimate).toBeCloseTo(0.7 / 0.75, 12)
    expect(corrected.low).toBeCloseTo(0.857, 3)
    expect(corrected.high).toBe(1)
  })

  test('gains more from labels than from judged items', () => {
    const [few, moreJudged, moreLabels] = [counts(300, 60), counts(3000, 60), counts(300, 300)].map(
      (of) => roganGladen(of)!,
    )

    expect(few!.labelShareOfVariance).toBeGreaterThan(0.7)
    expect(width(moreLabels!) / 2).toBeCloseTo(0.056, 3)
    expect(width(moreLabels!)).toBeLessThan(width(moreJudged!))
    expect(width(moreJudged!)).toBeLessThan(width(few!))
  })

  test('of a perfect judge is the raw rate, and stays within 0 and 1', () => {
    const perfect = roganGladen({
      judged: { items: 100, good: 100 },
      trulyGood: { items: 50, judgedGood: 50 },
      trulyBad: { items: 50, judgedBad: 50 },
    })

    expect(perfect).toMatchObject({ estimate: 1, high: 1 })
    expect(perfect?.low).toBeGreaterThan(0.9)
  })

  test('is unknown for a judge that knows nothing, or without labels', () => {
    const useless = {
      ...counts(300, 60),
      trulyGood: { items: 60, judgedGood: 30 },
      trulyBad: { items: 60, judgedBad: 30 },
    }

    expect(roganGladen(useless)).toBeNull()
    expect(roganGladen({ ...counts(300, 60), trulyBad: { items: 0, judgedBad: 0 } })).toBeNull()
    expect(roganGladen({ ...counts(300, 60), judged: { items: 0, good: 0 } })).toBeNull()
  })

  test('refuses counts that cannot be', () => {
    expect(() => roganGladen({ ...counts(300, 60), judged: { items: 3, good: 4 } })).toThrow(/judged is 4/)
    expect(() => roganGladen(counts(300, 60), 1)).toThrow(/confidence is 1/)
  })
})

describe('a mean powered by predictions', () => {
  const random = seededRandom(9)
  const labels = Array.from({ length: 80 }, () => (random() < 0.7 ? 1 : 0))
  const unseen = Array.from({ length: 2000 }, () => (random() < 0.7 ? 1 : 0))

  test('of a perfect judge rests on all that it judged', () => {
    const powered = predictionPowered({ labels, judgedLabelled: labels, judged: unseen })!
    const labelled = predictionPowered({ labels, judgedLabelled: labels.map(() => 0), judged: unseen })!

    expect(powered.lambda).toBeCloseTo(1 / (1 + 80 / 2000), 2)
    expect(powered.se).toBeLessThan(0.3 * labelled.se)
  })

  test('of a judge that always says the same is the labels alone', () => {
    const powered = predictionPowered({
      labels,
      judgedLabelled: labels.map(() => 0.5),
      judged: unseen.map(() => 0.5),
    })!

    expect(powered.lambda).toBe(0)
    expect(powered.estimate).toBeCloseTo(labels.reduce<number>((sum, label) => sum + label, 0) / 80, 12)
  })

  test('of a judge that is against the labels does without it', () => {
    const powered = predictionPowered({
      labels,
      judgedLabelled: labels.map((label) => 1 - label),
      judged: unseen,
    })

    expect(powered?.lambda).toBe(0)
  })

  test('needs three labels and two judgements', () => {
    expect(predictionPowered({ labels: [1, 0], judgedLabelled: [1, 0], judged: [1, 0] })).toBeNull()
    expect(predictionPowered({ labels, judgedLabelled: labels, judged: [1] })).toBeNull()
    expect(() => predictionPowered({ labels: [1], judgedLabelled: [], judged: [] })).toThrow(/no pairs/)
    expect(() => predictionPowered({ labels, judgedLabelled: labels, judged: [Number.NaN] })).toThrow(
      /judged\[0\] is NaN/,
    )
  })
})
