import { readFileSync } from 'node:fs'
import { findProvider } from '@pydantic/genai-prices'
import { describe, expect, test } from 'vitest'
import { type PriceTarget, priceVersion } from '../../../src/registry/prices/price.ts'
import { compilePrices, resolvePrice } from '../../../src/registry/prices/price-book.ts'
import {
  listedPriceAt,
  listedPriceOf,
  PRICE_LIST_VERSION,
  type PriceList,
  shippedPrices,
} from '../../../src/registry/prices/price-list.ts'
import { ownPrice, price } from './prices.ts'

const NOW_MS = Date.parse('2026-11-23T12:00:00Z')
const MINI: PriceTarget = {
  upstream: 'openai',
  dialect: 'openai',
  baseUrl: 'https://api.openai.com/v1',
  model: 'gpt-4o-mini',
}

function listed(target: Partial<PriceTarget>, at = '2026-11-23T12:00:00Z') {
  const prices = shippedPrices({ ...MINI, ...target })
  return prices === null ? null : listedPriceAt(prices, Date.parse(at))
}

describe('the shipped list', () => {
  test('is the version that is installed', () => {
    const { dependencies } = JSON.parse(
      readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
    )
    const installed = JSON.parse(
      readFileSync(
        new URL('../../../node_modules/@pydantic/genai-prices/package.json', import.meta.url),
        'utf8',
      ),
    )

    expect(dependencies['@pydantic/genai-prices']).toBe(PRICE_LIST_VERSION)
    expect(installed.version).toBe(PRICE_LIST_VERSION)
  })

  test('knows a model by the base URL of its upstream, whatever the upstream is called', () => {
    expect(listed({ upstream: 'house' })).toMatchObject({
      input: 150_000n,
      cachedInput: 75_000n,
      output: 600_000n,
      reasoning: null,
      tiers: [],
      id: null,
    })
  })

  test('says which list and which page a figure comes from', () => {
    expect(listed({})?.source).toBe(
      `@pydantic/genai-prices ${PRICE_LIST_VERSION}: openai/gpt-4o-mini (https://developers.openai.com/api/docs/pricing)`,
    )
  })

  test('finds a price again by what stands on the log, those of a date and of an hour too, and none of another version', () => {
    const models = findProvider({ providerId: 'deepseek' })?.models ?? []
    const target = { dialect: 'openai', baseUrl: 'https://api.deepseek.com' }
    const all = models.flatMap(({ id }) => shippedPrices({ ...target, model: id }) ?? [])
    expect(all.some(({ when }) => when.kind !== 'always')).toBe(true)
    for (const { price } of all) expect(listedPriceOf(price.source)).toEqual(price)
    expect(listedPriceOf('@pydantic/genai-prices 0.0.1: openai/gpt-4o-mini')).toBeNull()
    expect(listedPriceOf('price_1')).toBeNull()
  })

  test.each([
    ['a server of one’s own that speaks the same dialect', { baseUrl: 'http://gpu-1:8000/v1' }],
    ['a local model', { dialect: 'local', baseUrl: null }],
    ['a model that it has never heard of', { model: 'gpt-99-imaginary' }],
    ['a name without end', { model: 'gpt-4o-mini'.repeat(100) }],
    [
      'a model that it lists without any figure',
      { baseUrl: 'https://openrouter.ai/api/v1', model: 'allenai/molmo-7b-d:free' },
    ],
  ])('does not know %s', (_, target) => {
    expect(listed(target)).toBeNull()
  })

  test('knows Gemini’s models with and without their prefix, and prices by length', () => {
    const gemini = { dialect: 'gemini', baseUrl: 'https://generativelanguage.googleapis.com' }

    expect(listed({ ...gemini, model: 'models/gemini-2.5-pro' })).toEqual(
      listed({ ...gemini, model: 'gemini-2.5-pro' }),
    )
    expect(listed({ ...gemini, model: 'gemini-2.5-pro' })?.tiers).toEqual([
      {
        aboveInputTokens: 200_000,
        input: 2_500_000n,
        cachedInput: 250_000n,
        cacheWrite: null,
        output: 15_000_000n,
        reasoning: null,
      },
    ])
  })

  test('gives the price of the day of the call', () => {
    const opus = { dialect: 'anthropic', baseUrl: 'https://api.anthropic.com', model: 'claude-opus-4-6' }

    expect(listed(opus, '2026-03-12T23:59:59Z')?.tiers).toHaveLength(1)
    expect(listed(opus, '2026-03-13T00:00:00Z')).toMatchObject({
      tiers: [],
      validFromMs: Date.parse('2026-03-13T00:00:00Z'),
      source: expect.stringContaining('since 2026-03-13'),
    })
  })

  test('gives the price of the hour of the call', () => {
    const deepseek = { baseUrl: 'https://api.deepseek.com', model: 'deepseek-chat' }

    expect(listed(deepseek, '2026-11-23T16:29:59Z')?.input).toBe(270_000n)
    expect(listed(deepseek, '2026-11-23T16:30:00Z')?.input).toBe(135_000n)
    expect(listed(deepseek, '2026-11-23T00:29:59Z')?.input).toBe(135_000n)
    expect(listed(deepseek, '2026-11-23T00:30:00Z')?.input).toBe(270_000n)
  })

  test('does not guess what mixed output costs', () => {
    const google = { dialect: 'gemini', baseUrl: 'https://generativelanguage.googleapis.com' }

    expect(listed({ ...google, model: 'gemini-2.5-flash-image' })).toMatchObject({
      input: 300_000n,
      output: null,
    })
  })

  test('is readable to its last model', () => {
    let models = 0
    for (const id of ['openai', 'anthropic', 'google', 'azure', 'openrouter', 'aws', 'groq', 'x-ai']) {
      for (const model of findProvider({ providerId: id })?.models ?? []) {
        const prices = shippedPrices({ dialect: 'openai', baseUrl: BASE_URLS[id] ?? '', model: model.id })
        if (prices !== null) expect(prices.length).toBeGreaterThan(0)
        models += prices === null ? 0 : 1
      }
    }

    expect(models).toBeGreaterThan(800)
  })
})

const BASE_URLS: Readonly<Record<string, string>> = {
  openai: 'https://api.openai.com',
  anthropic: 'https://api.anthropic.com',
  google: 'https://generativelanguage.googleapis.com',
  azure: 'https://us.openai.azure.com/openai',
  openrouter: 'https://openrouter.ai/api/v1',
  aws: 'https://bedrock-runtime.us-east-1.amazonaws.com',
  groq: 'https://api.groq.com/openai/v1',
  'x-ai': 'https://api.x.ai/v1',
}

describe('the price that holds', () => {
  const early = ownPrice({ id: 'price_1', validFromMs: NOW_MS - 1000, input: 1n })
  const late = ownPrice({ id: 'price_2', validFromMs: NOW_MS, input: 2n })
  const other = ownPrice({ id: 'price_3', validFromMs: 0, model: 'gpt-4o', input: 3n })
  const rows = [early, other, late]
  const noList: PriceList = () => null

  test.each([
    ['before any began', NOW_MS - 1001, null],
    ['from its first millisecond on', NOW_MS - 1000, 'price_1'],
    ['until the next begins', NOW_MS - 1, 'price_1'],
    ['once the next has begun', NOW_MS, 'price_2'],
  ])('is the newest that the project set, %s', (_, atMs, id) => {
    expect(resolvePrice(rows, noList, { ...MINI, atMs })?.id ?? null).toBe(id)
    expect(compilePrices(rows, noList).priceOf(MINI, atMs)?.id ?? null).toBe(id)
  })

  test('is the later one of two that begin together', () => {
    const corrected = ownPrice({ id: 'price_4', validFromMs: NOW_MS, input: 4n })

    for (const order of [
      [late, corrected],
      [corrected, late],
    ]) {
      expect(compilePrices(order, noList).priceOf(MINI, NOW_MS)).toBe(corrected)
    }
  })

  test('is the shipped list’s until an own one begins', () => {
    const book = compilePrices(rows, shippedPrices)

    expect(book.priceOf(MINI, NOW_MS - 1001)?.input).toBe(150_000n)
    expect(book.priceOf(MINI, NOW_MS)).toBe(late)
  })

  test('holds as a whole: a figure that an own price leaves out is not taken from the list', () => {
    expect(compilePrices(rows, shippedPrices).priceOf(MINI, NOW_MS)?.output).toBeNull()
  })

  test('is that of the upstream: the same model elsewhere has another', () => {
    const book = compilePrices(rows, noList)

    expect(book.priceOf({ ...MINI, upstream: 'azure' }, NOW_MS)).toBeNull()
  })

  test('has a version to stand beside a cost: its id, or the list it is from', () => {
    const book = compilePrices(rows, shippedPrices)

    expect([NOW_MS - 1001, NOW_MS].map((atMs) => priceVersion(book.priceOf(MINI, atMs) ?? early))).toEqual([
      expect.stringContaining(`genai-prices ${PRICE_LIST_VERSION}: openai/gpt-4o-mini`),
      'price_2',
    ])
  })

  test('is looked up in the list once, also when it is unknown, and not for ever', () => {
    const asked: string[] = []
    const book = compilePrices([], ({ model }) => {
      asked.push(model)
      return model === 'known' ? [{ when: { kind: 'always' }, price: price({ input: 1n }) }] : null
    })

    for (const model of ['known', 'unknown', 'known', 'unknown']) book.priceOf({ ...MINI, model }, NOW_MS)
    expect(asked).toEqual(['known', 'unknown'])

    for (let at = 0; at < 2000; at += 1) book.priceOf({ ...MINI, model: `model-${at}` }, NOW_MS)
    book.priceOf({ ...MINI, model: 'known' }, NOW_MS)
    expect(asked.filter((model) => model === 'known')).toHaveLength(2)
  })
})
