/** Rows of what a window counted, written down by the mean request. */

import type { PlaceRow } from '../../src/monitoring/explain/places.ts'
import { newFigures, type Place } from '../../src/monitoring/rollups/figures.ts'
import type { Price } from '../../src/registry/prices/price.ts'

type Call = {
  requests: number
  /** Of each request. */
  input?: number
  cached?: number
  output?: number
  reasoning?: number
  /** Micro-USD of each; left out: by `price`; null: nobody knows. */
  cost?: number | null
}

const MINI = priceOf('price_mini', { input: 150_000n, cachedInput: 75_000n, output: 600_000n })
const MINI_DEARER = priceOf('price_mini_2', {
  input: 180_000n,
  cachedInput: 90_000n,
  output: 720_000n,
})
const LARGE = priceOf('price_large', {
  input: 2_500_000n,
  cachedInput: 1_250_000n,
  output: 10_000_000n,
})
const PRICES = new Map([MINI, MINI_DEARER, LARGE].map((price) => [price.id ?? '', price]))

export const figuresOf = (version: string) => PRICES.get(version) ?? null

function priceOf(id: string, figures: Partial<Price>): Price {
  return {
    input: null,
    cachedInput: null,
    cacheWrite: null,
    output: null,
    reasoning: null,
    perImage: null,
    perRequest: null,
    tiers: [],
    source: 'by hand',
    validFromMs: 0,
    id,
    ...figures,
  }
}

/** Requests that all completed, at a place, priced by tokens times figures unless a cost is given. */
export function row(place: Partial<Place>, { requests, cost, ...call }: Call): PlaceRow {
  const figures = newFigures()
  const { input = 0, cached = 0, output = 0, reasoning = 0 } = call
  figures.requests = requests
  figures.outcomes.completed = requests
  figures.told = requests
  figures.inputTokens = input * requests
  figures.cachedInputTokens = cached * requests
  figures.outputTokens = output * requests
  figures.reasoningTokens = reasoning * requests
  const known = cost === undefined ? byPrice(place.price ?? '', { input, cached, output, reasoning }) : cost
  if (known === null) figures.unpriced = requests
  else {
    figures.priced = requests
    figures.costMicroUsd = BigInt(Math.round(known * requests))
  }
  return { place: { upstream: 'openai', keyId: 'vk_1', ...place }, figures }
}

function byPrice(
  version: string,
  call: { input: number; cached: number; output: number; reasoning: number },
): number | null {
  const price = figuresOf(version)
  if (price === null) return null
  const figure = (of: bigint | null) => Number(of ?? 0n) / 1e6
  return (
    (call.input - call.cached) * figure(price.input) +
    call.cached * figure(price.cachedInput) +
    (call.output - call.reasoning) * figure(price.output) +
    call.reasoning * figure(price.reasoning ?? price.output)
  )
}
