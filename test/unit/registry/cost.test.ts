import { calcPrice, findProvider } from '@pydantic/genai-prices'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { costOf, type PricedUsage, usageOfOperation } from '../../../src/registry/prices/cost.ts'
import type { Price, PriceTier } from '../../../src/registry/prices/price.ts'
import { listedPriceAt, shippedPrices } from '../../../src/registry/prices/price-list.ts'
import { price } from './prices.ts'

const MINI = price({ input: 150_000n, cachedInput: 75_000n, output: 600_000n })

function usage(counts: Partial<PricedUsage>): PricedUsage {
  const none = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 }
  return { ...none, cacheWriteTokens: 0, ...counts }
}

describe('a call', () => {
  test('costs its input, its cached input and its output', () => {
    const cost = costOf(
      usage({ inputTokens: 1_000_000, cachedInputTokens: 400_000, outputTokens: 10_000 }),
      MINI,
    )

    expect(cost).toBe(90_000n + 30_000n + 6_000n)
  })

  test('pays for what it wrote to the cache, when that has a figure', () => {
    const claude = price({
      input: 3_000_000n,
      cachedInput: 300_000n,
      cacheWrite: 3_750_000n,
      output: 15_000_000n,
    })

    const cost = costOf(usage({ inputTokens: 1000, cachedInputTokens: 100, cacheWriteTokens: 200 }), claude)

    expect(cost).toBe(700n * 3n + 30n + 750n)
  })

  test('pays for reasoning as output, unless that has a figure of its own', () => {
    const reasoned = usage({ outputTokens: 1000, reasoningTokens: 800 })

    expect(costOf(reasoned, price({ input: 0n, output: 2_000_000n }))).toBe(2000n)
    expect(costOf(reasoned, price({ input: 0n, output: 2_000_000n, reasoning: 3_000_000n }))).toBe(2800n)
  })

  test('pays for itself and for images, where those have figures', () => {
    const perplexity = price({ input: 1_000_000n, output: 1_000_000n, perRequest: 5000n, perImage: 40_000n })

    expect(costOf(usage({ inputTokens: 10 }), perplexity)).toBe(5010n)
    expect(costOf(usage({ images: 2 }), perplexity)).toBe(85_000n)
  })

  test('with a long input costs the figures of its length, as a whole', () => {
    const tiers = [{ ...MINI, aboveInputTokens: 200_000, input: 300_000n, output: 1_000_000n }]
    const tiered = { ...MINI, tiers }

    expect(costOf(usage({ inputTokens: 200_000, outputTokens: 1000 }), tiered)).toBe(30_600n)
    expect(costOf(usage({ inputTokens: 200_001, outputTokens: 1000 }), tiered)).toBe(61_000n)
    expect(costOf(usage({ inputTokens: null, outputTokens: 1000 }), tiered)).toBeNull()
  })

  test.each([
    [0, 0n],
    [3, 0n],
    // 0.45 and 0.5 micro-USD and a half of a larger one: half a micro-USD goes up.
    [4, 1n],
    [5, 1n],
    [20, 3n],
    [23, 3n],
    [24, 4n],
  ])('of %s tokens at $0.15 a million is rounded once, half up', (inputTokens, cost) => {
    expect(costOf(usage({ inputTokens }), MINI)).toBe(cost)
  })

  test('adds its halves before it rounds', () => {
    const half = price({ input: 500_000n, output: 500_000n })

    expect(costOf(usage({ inputTokens: 1 }), half)).toBe(1n)
    expect(costOf(usage({ inputTokens: 1, outputTokens: 1 }), half)).toBe(1n)
  })
})

describe('a cost is unknown', () => {
  test.each([
    ['without a count of input', { inputTokens: null }, {}],
    ['without a count of output', { outputTokens: null }, {}],
    ['when cached tokens cost less and nobody counted them', { cachedInputTokens: null }, {}],
    ['without a figure for input', {}, { input: null }],
    ['without a figure for output', {}, { output: null }],
    ['without a figure for cached tokens that were counted', {}, { cachedInput: null }],
    [
      'when written tokens cost more and nobody counted them',
      { cacheWriteTokens: null },
      { cacheWrite: 190_000n },
    ],
    ['when reasoning costs more and nobody counted it', { reasoningTokens: null }, { reasoning: 900_000n }],
    ['when the parts are more than the whole', { cachedInputTokens: 101 }, {}],
    ['when it made images at an unknown figure', { images: 1 }, {}],
    ['when nobody said how many images it made', { images: null }, { perImage: 1n }],
    ['when it heard or said something', { audioTokens: 1 }, {}],
    ['when a count is no count', { inputTokens: 1.5 }, {}],
    ['when a count is below 0', { inputTokens: -1 }, {}],
  ] satisfies [string, Partial<PricedUsage>, Partial<Price>][])('%s', (_, counts, figures) => {
    const known = usage({ inputTokens: 100, cachedInputTokens: 10, outputTokens: 100, reasoningTokens: 10 })

    expect(costOf(known, MINI)).not.toBeNull()
    expect(costOf({ ...known, ...counts }, { ...MINI, ...figures })).toBeNull()
  })
})

describe('a cost is known all the same', () => {
  test('when an unknown count meets a figure of 0', () => {
    const free = price({ input: 0n, cachedInput: 0n, output: 0n })

    expect(
      costOf({ inputTokens: null, outputTokens: null, cachedInputTokens: null, reasoningTokens: null }, free),
    ).toBe(0n)
  })

  test('when nobody has heard of a cache, neither the upstream nor the price', () => {
    const plain = price({ input: 1_000_000n, output: 1_000_000n })

    expect(costOf(usage({ inputTokens: 7, cachedInputTokens: null, cacheWriteTokens: null }), plain)).toBe(7n)
  })

  test('when cached tokens cost what others cost', () => {
    const same = price({ input: 1_000_000n, cachedInput: 1_000_000n, output: 1_000_000n })

    expect(costOf(usage({ inputTokens: 7, cachedInputTokens: null }), same)).toBe(7n)
  })

  test('when embeddings are not told to give no tokens out', () => {
    const reported = {
      inputTokens: 1_000_000,
      outputTokens: null,
      cachedInputTokens: null,
      reasoningTokens: null,
    }
    const embedding = price({ input: 20_000n })

    expect(costOf(usageOfOperation('embeddings', reported), embedding)).toBe(20_000n)
    expect(costOf(usageOfOperation('chat', reported), embedding)).toBeNull()
  })
})

const figure = fc.bigInt({ min: 0n, max: 1_000_000_000n })
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })
const prices = fc
  .record({
    input: maybe(figure),
    cachedInput: maybe(figure),
    cacheWrite: maybe(figure),
    output: maybe(figure),
    reasoning: maybe(figure),
    perImage: maybe(figure),
    perRequest: maybe(figure),
  })
  .map((figures) => price(figures))
/** Counts whose parts are never more than the whole. */
const counts = fc
  .tuple(
    fc.nat({ max: 1_000_000 }),
    fc.nat({ max: 1_000_000 }),
    fc.nat({ max: 1_000_000 }),
    fc.nat({ max: 1_000_000 }),
    fc.nat({ max: 1_000_000 }),
  )
  .map(([plain, cached, written, out, reasoned]) => ({
    inputTokens: plain + cached + written,
    cachedInputTokens: cached,
    cacheWriteTokens: written,
    outputTokens: out + reasoned,
    reasoningTokens: reasoned,
  }))

describe('whatever is used at whatever price', () => {
  test('a cost is never below 0', () => {
    fc.assert(
      fc.property(counts, prices, (used, at) => {
        const cost = costOf(used, at)

        expect(cost === null || cost >= 0n).toBe(true)
      }),
    )
  })

  test('more tokens never cost less, and no tokens cost only what every call costs', () => {
    fc.assert(
      fc.property(counts, prices, fc.nat({ max: 1_000_000 }), (used, at, more) => {
        const cost = costOf(used, at)
        const longer = costOf({ ...used, inputTokens: used.inputTokens + more }, at)
        const wordier = costOf({ ...used, outputTokens: used.outputTokens + more }, at)

        for (const dearer of [longer, wordier]) {
          if (cost !== null && dearer !== null) expect(dearer >= cost).toBe(true)
        }
        expect(costOf(usage({}), at)).toBe(at.perRequest ?? 0n)
      }),
    )
  })

  test('a higher figure never costs less', () => {
    fc.assert(
      fc.property(counts, prices, figure, (used, at, more) => {
        const cost = costOf(used, at)
        if (cost === null) return

        for (const name of ['input', 'cachedInput', 'cacheWrite', 'output', 'perRequest'] as const) {
          const risen = costOf(used, { ...at, [name]: (at[name] ?? 0n) + more })
          if (at[name] !== null && risen !== null) expect(risen >= cost).toBe(true)
        }
      }),
    )
  })

  test('two calls in one cost what they cost apart, within the rounding of one', () => {
    fc.assert(
      fc.property(counts, counts, prices, (first, second, at) => {
        const perCall = { ...at, perRequest: null }
        const apart = [costOf(first, perCall), costOf(second, perCall)]
        const together = costOf(sumOf(first, second), perCall)

        if (together === null || apart[0] == null || apart[1] == null) return
        const difference = together - apart[0] - apart[1]
        expect(difference >= -1n && difference <= 1n).toBe(true)
      }),
    )
  })
})

function sumOf<T extends Record<string, number>>(first: T, second: T): T {
  const sums = Object.entries(first).map(([name, count]) => [name, count + (second[name] ?? 0)])
  return Object.fromEntries(sums) as T
}

/** The package that ships the list computes prices in floating point: the two agree to the micro-USD. */
test('the whole shipped list costs what its own package says, for any usage', () => {
  const atMs = Date.parse('2026-11-23T03:00:00Z')
  const models = ['openai', 'anthropic', 'google', 'deepseek', 'mistral', 'perplexity'].flatMap((id) =>
    (findProvider({ providerId: id })?.models ?? []).map((model) => ({ providerId: id, model: model.id })),
  )
  expect(models.length).toBeGreaterThan(150)

  let compared = 0
  fc.assert(
    fc.property(fc.constantFrom(...models), counts, ({ providerId, model }, used) => {
      const listed = shippedPrices({ dialect: 'openai', baseUrl: BASE_URLS[providerId] ?? '', model })
      const at = listed === null ? null : listedPriceAt(listed, atMs)
      const cost = at === null ? null : costOf(used, withoutGaps(at))
      const theirs = calcPrice(
        {
          input_tokens: used.inputTokens,
          cache_read_tokens: used.cachedInputTokens,
          cache_write_tokens: used.cacheWriteTokens,
          output_tokens: used.outputTokens,
          output_reasoning_tokens: used.reasoningTokens,
        },
        model,
        { providerId, timestamp: new Date(atMs) },
      )

      if (cost === null || theirs === null) return
      compared += 1
      expect(Math.abs(Number(cost) - theirs.total_price * 1e6)).toBeLessThanOrEqual(0.51)
    }),
    { numRuns: 2000 },
  )
  expect(compared).toBeGreaterThan(1000)
})

const BASE_URLS: Readonly<Record<string, string>> = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com',
  google: 'https://generativelanguage.googleapis.com',
  deepseek: 'https://api.deepseek.com',
  mistral: 'https://api.mistral.ai/v1',
  perplexity: 'https://api.perplexity.ai',
}

/** The package takes input's figure where the cache has none; here that is unknown. */
function withoutGaps(at: Price): Price {
  const fill = <F extends Price | PriceTier>(figures: F): F => ({
    ...figures,
    cachedInput: figures.cachedInput ?? figures.input,
    cacheWrite: figures.cacheWrite ?? figures.input,
  })
  return { ...fill(at), tiers: at.tiers.map(fill) }
}
