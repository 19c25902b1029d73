/** Prices with everything that a test does not care about. */

import type { OwnPrice, Price } from '../../../src/registry/prices/price.ts'

export function price(figures: Partial<Price> = {}): Price {
  return {
    input: null,
    cachedInput: null,
    cacheWrite: null,
    output: null,
    reasoning: null,
    perImage: null,
    perRequest: null,
    tiers: [],
    source: 'a test',
    validFromMs: null,
    id: null,
    ...figures,
  }
}

export function ownPrice(figures: Partial<OwnPrice> = {}): OwnPrice {
  const unknown = price()
  return { ...unknown, id: 'price_a', validFromMs: 0, upstream: 'openai', model: 'gpt-4o-mini', ...figures }
}
