import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { measureQuery, measureRun } from '../../../../src/retrieval/quality/metrics.ts'

const judged = (relevances: Record<string, number>) => new Map(Object.entries(relevances))
const LETTERS = 'abcdefghijklmnop'.split('')
const ranking = fc.shuffledSubarray(LETTERS)
const judgements = fc
  .dictionary(fc.constantFrom(...LETTERS), fc.integer({ min: -1, max: 3 }))
  .filter((relevances) => Object.values(relevances).some((relevance) => relevance > 0))

describe('the measures of a query', () => {
  // DCG and ideal written out; trec_eval prints the same four decimals.
  test.each([
    [
      'one relevant document in second place',
      ['d3', 'd2', 'd1'],
      { d1: 0, d2: 1, d3: 0 },
      { ndcg: 1 / Math.log2(3), recall: 1, reciprocalRank: 1 / 2, precision: 1 / 3 },
    ],
    [
      'two relevant documents, second and third',
      ['d1', 'd3', 'd2'],
      { d2: 1, d3: 1 },
      { ndcg: 0.6934, recall: 1, reciprocalRank: 1 / 2, precision: 2 / 3 },
    ],
    [
      'grades, the gain linear and the ideal over what was not found too',
      ['a', 'b'],
      { a: 1, b: 3, c: 2 },
      {
        ndcg: (1 + 3 / Math.log2(3)) / (3 + 2 / Math.log2(3) + 1 / 2),
        recall: 2 / 3,
        reciprocalRank: 1,
        precision: 2 / 3,
      },
    ],
    [
      'a document judged below 0, which takes nothing away',
      ['spam', 'a'],
      { spam: -2, a: 1 },
      { ndcg: 1 / Math.log2(3), recall: 1, reciprocalRank: 1 / 2, precision: 1 / 3 },
    ],
    ['nothing found', ['x', 'y'], { a: 1 }, { ndcg: 0, recall: 0, reciprocalRank: 0, precision: 0 }],
    ['no ranking', [], { a: 1 }, { ndcg: 0, recall: 0, reciprocalRank: 0, precision: 0 }],
  ])('%s', (_what, ids, relevances, expected) => {
    const metrics = measureQuery(ids, judged(relevances), 3)

    for (const [metric, value] of Object.entries(expected)) {
      expect(metrics?.[metric as keyof typeof expected], metric).toBeCloseTo(value, 4)
    }
  })

  test('look at ten documents for nDCG, at k for recall and precision, at all for the reciprocal rank', () => {
    const ids = [...LETTERS.slice(1, 12), 'a']

    const metrics = measureQuery(ids, judged({ a: 1 }), 5)

    expect(metrics).toEqual({ ndcg: 0, recall: 0, reciprocalRank: 1 / 12, precision: 0 })
  })

  test('count more than ten relevant documents as ten in the ideal', () => {
    const all = Object.fromEntries(LETTERS.map((id) => [id, 1]))

    expect(measureQuery(LETTERS, judged(all), 5)?.ndcg).toBe(1)
  })

  test('count a document that comes twice once', () => {
    const twice = measureQuery(['a', 'a', 'b'], judged({ a: 1, b: 1 }), 2)

    expect(twice).toEqual({ ndcg: 1, recall: 1, reciprocalRank: 1, precision: 1 })
  })

  test('are unknown where nothing is relevant', () => {
    expect(measureQuery(['a'], judged({ a: 0, b: -1 }), 10)).toBeNull()
    expect(measureQuery(['a'], judged({}), 10)).toBeNull()
  })

  test('lie between 0 and 1, and an order by relevance has 1', () => {
    fc.assert(
      fc.property(ranking, judgements, fc.integer({ min: 1, max: 20 }), (ids, relevances, k) => {
        const given = judged(relevances)
        const ideal = Object.keys(relevances).sort((a, b) => (relevances[b] ?? 0) - (relevances[a] ?? 0))

        const metrics = measureQuery(ids, given, k)

        for (const value of Object.values(metrics ?? {})) {
          expect(value).toBeGreaterThanOrEqual(0)
          expect(value).toBeLessThanOrEqual(1 + 1e-12)
        }
        expect(measureQuery(ideal, given, k)?.ndcg).toBeCloseTo(1, 12)
        expect(measureQuery(ideal, given, k)?.reciprocalRank).toBe(1)
      }),
    )
  })

  test('do not fall when a relevant document moves up by one', () => {
    fc.assert(
      fc.property(ranking, judgements, fc.nat({ max: 14 }), (ids, relevances, at) => {
        const [upper, lower] = [ids[at], ids[at + 1]]
        fc.pre(
          upper !== undefined &&
            lower !== undefined &&
            (relevances[lower] ?? 0) > 0 &&
            (relevances[upper] ?? 0) <= 0,
        )
        const moved = ids.with(at, lower as string).with(at + 1, upper as string)

        const before = measureQuery(ids, judged(relevances), 10)
        const after = measureQuery(moved, judged(relevances), 10)

        expect(after?.ndcg).toBeGreaterThanOrEqual(before?.ndcg ?? 2)
        expect(after?.recall).toBeGreaterThanOrEqual(before?.recall ?? 2)
        expect(after?.reciprocalRank).toBeGreaterThanOrEqual(before?.reciprocalRank ?? 2)
      }),
    )
  })
})

describe('the measures of a run', () => {
  const all = new Map([
    ['q1', judged({ a: 1 })],
    ['q2', judged({ a: 0 })],
    ['q3', judged({ b: 1 })],
  ])

  test('leave out queries without a relevant document and say how many', () => {
    const run = measureRun(
      new Map([
        ['q1', ['a']],
        ['q3', ['b']],
      ]),
      all,
      10,
    )

    expect(run.queries.map(({ id }) => id)).toEqual(['q1', 'q3'])
    expect(run).toMatchObject({ k: 10, withoutRelevant: 1, unanswered: 0 })
  })

  test('count a query that the run leaves out as 0, and ignore one that nobody judged', () => {
    const run = measureRun(
      new Map([
        ['q1', ['a']],
        ['other', ['a']],
      ]),
      all,
      10,
    )

    expect(run.queries.map(({ metrics }) => metrics.ndcg)).toEqual([1, 0])
    expect(run.unanswered).toBe(1)
  })

  test('refuse a k of 0', () => {
    expect(() => measureRun(new Map(), all, 0)).toThrow(/at least 1/)
  })
})
