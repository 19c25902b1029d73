import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scoreOf } from '../../../support/judge-sample.ts'

const KINDS = ['recall@k', 'precision@k', 'ndcg@k', 'mrr'] as const

describe('the measures of a search', () => {
  const retrieved = { found: ['x', 'a', 'y', 'b', 'c'], relevant: ['a', 'b', 'c', 'd'] }

  test.each([
    ['recall@k', 4, 2 / 4],
    ['precision@k', 4, 2 / 4],
    ['precision@k', 10, 3 / 10],
    ['mrr', 4, 1 / 2],
    ['mrr', 1, 0],
    ['ndcg@k', 2, 1 / Math.log2(3) / (1 + 1 / Math.log2(3))],
    ['ndcg@k', 4, (1 / Math.log2(3) + 1 / Math.log2(5)) / (1 + 1 / Math.log2(3) + 1 / 2 + 1 / Math.log2(5))],
  ])('%s with k %d', async (kind, k, value) => {
    expect(await scoreOf(kind, { k }, { retrieved })).toBeCloseTo(value, 12)
  })

  test.each(KINDS)('%s has 0 for nothing found and abstains for nothing relevant', async (kind) => {
    expect(await scoreOf(kind, {}, { retrieved: { found: [], relevant: ['a'] } })).toBe(0)
    expect(await scoreOf(kind, {}, { retrieved: { found: ['a'], relevant: [] } })).toBe('abstained')
  })

  test('a document that comes twice takes no place', async () => {
    expect(await scoreOf('mrr', {}, { retrieved: { found: ['x', 'x', 'a'], relevant: ['a'] } })).toBe(1 / 2)
  })

  test('lie in 0…1, and recall and MRR do not fall with k', async () => {
    const ids = fc.subarray(['a', 'b', 'c', 'd', 'e', 'f'])
    await fc.assert(
      fc.asyncProperty(
        ids,
        fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
        fc.integer({ min: 1, max: 6 }),
        async (found, relevant, k) => {
          for (const kind of KINDS) {
            const value = await scoreOf(kind, { k }, { retrieved: { found, relevant } })
            const deeper = await scoreOf(kind, { k: k + 1 }, { retrieved: { found, relevant } })
            expect(value).toBeGreaterThanOrEqual(0)
            expect(value).toBeLessThanOrEqual(1)
            if (kind === 'recall@k' || kind === 'mrr') expect(deeper).toBeGreaterThanOrEqual(value as number)
          }
        },
      ),
      { numRuns: 50, seed: 7 },
    )
  })
})
