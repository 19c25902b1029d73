/** Why answers take longer: each cause injected by itself is the one that is named, and random changes add up. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { causesOf } from '../../../../src/monitoring/explain/causes.ts'
import { measureOf } from '../../../../src/monitoring/explain/measures.ts'
import type { PlaceRow } from '../../../../src/monitoring/explain/places.ts'
import { newFigures } from '../../../../src/monitoring/rollups/figures.ts'

type Answer = { queue: number; firstToken: number; tokens: number; msPerToken: number }
/** 20 + 480 + 200 · 10 = 2500 ms. */
const USUAL: Answer = { queue: 20, firstToken: 480, tokens: 200, msPerToken: 10 }

function answers(count: number, answer: Partial<Answer>, notStreamed = 0, model = 'gpt-4o'): PlaceRow {
  const { queue, firstToken, tokens, msPerToken } = { ...USUAL, ...answer }
  const figures = newFigures()
  figures.requests = count + notStreamed
  figures.outcomes.completed = count + notStreamed
  figures.timed = count
  figures.queueMs = count * queue
  figures.firstTokenMs = count * firstToken
  figures.generationMs = count * tokens * msPerToken
  figures.timedOutputTokens = count * tokens
  return { place: { upstream: 'openai', model, keyId: 'vk_1' }, figures }
}

function explained(metric: string, before: readonly PlaceRow[], after: readonly PlaceRow[]) {
  const measure = measureOf(metric)
  if (measure === null) throw new Error(metric)
  return causesOf(measure, { before, after }, { before: 60, after: 60 }, () => null)
}

describe('a mean answer half as slow again', () => {
  test.each([
    ['speed', { msPerToken: 16.25 }],
    ['first_token', { firstToken: 1730 }],
    ['length', { tokens: 325 }],
    ['queue', { queue: 1270 }],
  ] as const)('by %s is that and nothing else', (cause, answer) => {
    const { base, difference, causes } = explained('latency_p95', [answers(500, {})], [answers(80, answer)])

    expect(base).toBe(2500)
    expect(difference).toBe(1250)
    expect(causes).toEqual([{ cause, amount: expect.closeTo(1250, 6) }])
  })

  test('by longer and slower answers is split at their midpoints', () => {
    // 100 tokens more at 11 ms, and 250 tokens at 2 ms more.
    expect(
      explained('latency_p50', [answers(9, {})], [answers(9, { tokens: 300, msPerToken: 12 })]).causes,
    ).toEqual([
      { cause: 'length', amount: 1100 },
      { cause: 'speed', amount: 500 },
    ])
  })

  test('of which the first token alone is asked tells the queue and the upstream', () => {
    const after = answers(9, { queue: 50, firstToken: 700, tokens: 900 })
    expect(explained('ttft_p95', [answers(9, {})], [after])).toMatchObject({
      base: 500,
      difference: 250,
      causes: [
        { cause: 'first_token', amount: 220 },
        { cause: 'queue', amount: 30 },
      ],
    })
  })
})

describe('what did not stream', () => {
  test('is counted, and the parts are of the rest', () => {
    const { unknowns } = explained('latency_p95', [answers(10, {}, 5)], [answers(10, { tokens: 300 }, 7)])
    expect(unknowns).toEqual([{ reason: 'not_timed', requests: 12 }])
  })

  test('alone has no parts, which is said and not guessed', () => {
    expect(explained('latency_p95', [answers(0, {}, 50)], [answers(0, {}, 60)])).toEqual({
      base: null,
      difference: 0,
      causes: [],
      unknowns: [
        { reason: 'no_traffic_before', requests: 0 },
        { reason: 'no_traffic_after', requests: 0 },
        { reason: 'not_timed', requests: 110 },
      ],
    })
  })
})

test('time for an output token is the speed of each model, and traffic that moved between them', () => {
  const [fast, slow] = [{ msPerToken: 5 }, { msPerToken: 25 }]
  const before = [answers(90, fast), answers(10, slow, 0, 'gpt-5')]
  const after = [answers(50, fast), answers(50, slow, 0, 'gpt-5')]
  expect(explained('ms_per_output_token_p50', before, after)).toMatchObject({
    base: 7,
    difference: 8,
    causes: [{ cause: 'mix', amount: expect.closeTo(8, 9) }],
  })
})

test('the parts of random answers add up, of some without a token too', () => {
  const some = fc.array(
    fc
      .tuple(
        fc.integer({ min: 1, max: 500 }),
        fc.record({
          queue: fc.nat(900),
          firstToken: fc.nat(3000),
          tokens: fc.nat(800),
          msPerToken: fc.nat(60),
        }),
      )
      .map(([count, answer]) => answers(count, answer)),
    { minLength: 1, maxLength: 4 },
  )
  fc.assert(
    fc.property(some, some, (before, after) => {
      const { causes, difference } = explained('latency_p95', before, after)
      expect(causes.reduce((sum, { amount }) => sum + amount, 0)).toBeCloseTo(difference, 6)
    }),
    { seed: 12, numRuns: 200 },
  )
})
