import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { capPerDocument, fuse, mmr } from '../../../src/retrieval/fuse.ts'

const ids = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 })
const weight = fc.integer({ min: 1, max: 4 })
const constant = fc.constantFrom(1, 5, 10, 60)

describe('a fusion', () => {
  test('adds weight over constant plus rank', () => {
    const fused = fuse(
      [
        { name: 'text', weight: 2, ids: ['a', 'b'] },
        { name: 'vector', weight: 1, ids: ['b', 'c'] },
      ],
      60,
    )

    expect(fused).toEqual([
      { id: 'b', score: 2 / 62 + 1 / 61, ranks: { text: 2, vector: 1 } },
      { id: 'a', score: 2 / 61, ranks: { text: 1 } },
      { id: 'c', score: 1 / 62, ranks: { vector: 2 } },
    ])
  })

  test('breaks a tie by the rank in the first list, then by the id', () => {
    const first = { name: 'text', weight: 1, ids: ['z'] }
    const second = { name: 'vector', weight: 1, ids: ['a'] }
    const neither = [
      { name: 'text', weight: 0, ids: [] },
      { name: 'one', weight: 1, ids: [] },
    ]

    expect(fuse([first, second], 60).map(({ id }) => id)).toEqual(['z', 'a'])
    expect(fuse([second, first], 60).map(({ id }) => id)).toEqual(['a', 'z'])
    expect(fuse(neither, 60)).toEqual([])
  })

  test('counts an id that comes twice in a list once, where it came first, and gives its rank to the next', () => {
    const fused = fuse([{ name: 'text', weight: 1, ids: ['a', 'a', 'b'] }], 1)

    expect(fused.map(({ ranks }) => ranks.text)).toEqual([1, 2])
    expect(fused[0]?.score).toBe(1 / 2)
  })

  test('lets a place count by how near its score comes to the best of its list', () => {
    const fused = fuse(
      [
        { name: 'text', weight: 2, ids: ['a', 'b'], scores: [8, 2] },
        { name: 'vector', weight: 1, ids: ['c', 'b', 'd'], scores: [0.5, 0.4, -0.1] },
      ],
      60,
    )

    expect(fused.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd'])
    expect(fused.map(({ score }) => score)).toEqual([2 / 61, (2 * 0.25) / 62 + 0.8 / 62, 1 / 61, 0])
  })

  test('goes by ranks alone where no score is above 0', () => {
    const list = { name: 'vector', weight: 1, ids: ['a', 'b'] }

    expect(fuse([{ ...list, scores: [-0.1, -0.2] }], 60)).toEqual(fuse([list], 60))
  })

  test('is the same for scores in another unit', () => {
    const scored = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 10, maxLength: 10 })
    fc.assert(
      fc.property(ids, ids, scored, constant, (one, two, scores, c) => {
        const sorted = scores.toSorted((a, b) => b - a)
        const at = (factor: number) =>
          fuse(
            [
              {
                name: 'one',
                weight: 2,
                ids: one,
                scores: sorted.slice(0, one.length).map((score) => score * factor),
              },
              { name: 'two', weight: 1, ids: two },
            ],
            c,
          )

        expect(at(8)).toEqual(at(1))
      }),
    )
  })

  test('of one list is that list', () => {
    fc.assert(
      fc.property(ids, weight, constant, (list, w, c) => {
        expect(fuse([{ name: 'only', weight: w, ids: list }], c).map(({ id }) => id)).toEqual(list)
      }),
    )
  })

  test('does not depend on the order of the lists, but for ties', () => {
    fc.assert(
      fc.property(ids, ids, weight, weight, constant, (one, two, w, v, c) => {
        const lists = [
          { name: 'one', weight: w, ids: one },
          { name: 'two', weight: v, ids: two },
        ]
        const scores = (fused: { id: string; score: number }[]) =>
          new Map(fused.map(({ id, score }) => [id, score]))

        const there = scores(fuse(lists, c))
        const back = scores(fuse(lists.toReversed(), c))

        expect([...there.keys()].toSorted()).toEqual([...back.keys()].toSorted())
        for (const [id, score] of there) expect(back.get(id)).toBeCloseTo(score, 12)
      }),
    )
  })

  test('puts what both lists hold before what one holds no better', () => {
    fc.assert(
      fc.property(ids, ids, constant, (one, two, c) => {
        const fused = fuse(
          [
            { name: 'one', weight: 1, ids: one },
            { name: 'two', weight: 1, ids: two },
          ],
          c,
        )
        const place = new Map(fused.map(({ id }, at) => [id, at]))
        for (const both of fused.filter(({ ranks }) => Object.keys(ranks).length === 2)) {
          const single = fused.filter(
            ({ ranks }) => ranks.two === undefined && (ranks.one ?? 0) > (both.ranks.one ?? 0),
          )

          for (const { id } of single) expect(place.get(both.id)).toBeLessThan(place.get(id) ?? -1)
        }
      }),
    )
  })

  test('keeps its order when all weights are multiplied by the same number', () => {
    fc.assert(
      fc.property(ids, ids, weight, weight, constant, (one, two, w, v, c) => {
        const at = (factor: number) =>
          fuse(
            [
              { name: 'one', weight: w * factor, ids: one },
              { name: 'two', weight: v * factor, ids: two },
            ],
            c,
          ).map(({ id }) => id)

        // A power of two changes no digit of a fraction.
        expect(at(4)).toEqual(at(1))
      }),
    )
  })

  test.each([
    ['a constant below 0', [{ name: 'a', weight: 1, ids: [] }], -1, /constant/],
    ['a weight below 0', [{ name: 'a', weight: -1, ids: [] }], 60, /weight of the list "a"/],
    ['a weight that is no number', [{ name: 'a', weight: Number.NaN, ids: [] }], 60, /weight/],
    ['too few scores', [{ name: 'a', weight: 1, ids: ['x'], scores: [] }], 60, /one number for each/],
    [
      'a score that is no number',
      [{ name: 'a', weight: 1, ids: ['x'], scores: [Number.NaN] }],
      60,
      /one number/,
    ],
    [
      'two lists of one name',
      [
        { name: 'a', weight: 1, ids: [] },
        { name: 'a', weight: 1, ids: [] },
      ],
      60,
      /one name/,
    ],
  ])('refuses %s', (_what, lists, c, message) => {
    expect(() => fuse(lists, c)).toThrow(message)
  })
})

describe('a cap for each document', () => {
  test('keeps the first ones and their order', () => {
    const capped = capPerDocument(['a1', 'b1', 'a2', 'a3', 'b2'], (chunk) => chunk.slice(0, 1), 2)

    expect(capped).toEqual(['a1', 'b1', 'a2', 'b2'])
  })

  test('refuses a cap that keeps nothing', () => {
    expect(() => capPerDocument([], String, 0)).toThrow(/at least 1/)
  })
})

describe('maximal marginal relevance', () => {
  const candidates = [
    { id: 'a', score: 0.03 },
    { id: 'copy', score: 0.029 },
    { id: 'other', score: 0.02 },
  ]
  const vectors = new Map([
    ['a', Float32Array.of(1, 0)],
    ['copy', Float32Array.of(1, 0)],
    ['other', Float32Array.of(0, 1)],
  ])
  const chosen = (lambda: number, limit = 3) => mmr(candidates, vectors, lambda, limit).map(({ id }) => id)

  test('puts a copy of the first behind another thing', () => {
    expect(chosen(0.5)).toEqual(['a', 'other', 'copy'])
  })

  test('keeps the order of the scores where only relevance counts', () => {
    expect(chosen(1)).toEqual(['a', 'copy', 'other'])
  })

  test('begins with the most relevant also where variety alone counts', () => {
    expect(chosen(0)[0]).toBe('a')
  })

  test('takes no more than its limit, and a candidate without a vector too', () => {
    expect(chosen(0.5, 2)).toEqual(['a', 'other'])
    expect(chosen(0.5, 0)).toEqual([])
    expect(mmr([{ id: 'bare', score: 1 }], vectors, 0.5, 5)).toEqual([{ id: 'bare', score: 1 }])
  })

  test('gives back each candidate once', () => {
    const scored = fc.uniqueArray(
      fc.record({
        id: fc.constantFrom('a', 'copy', 'other', 'x'),
        score: fc.double({ min: -1, max: 1, noNaN: true }),
      }),
      {
        selector: ({ id }) => id,
      },
    )
    fc.assert(
      fc.property(scored, fc.double({ min: 0, max: 1, noNaN: true }), (list, lambda) => {
        const order = mmr(list, vectors, lambda, 10).map(({ id }) => id)

        expect(order.toSorted()).toEqual(list.map(({ id }) => id).toSorted())
      }),
    )
  })

  test.each([
    ['a lambda above 1', 1.1, 3, vectors, /lambda/],
    ['half a limit', 0.5, 1.5, vectors, /limit/],
    ['vectors of two models', 0.5, 3, new Map([...vectors, ['other', Float32Array.of(1)]]), /dimensions/],
  ])('refuses %s', (_what, lambda, limit, given, message) => {
    expect(() => mmr(candidates, given, lambda, limit)).toThrow(message)
  })
})
