/**
 * The prices that ship with Aval: the data inside `@pydantic/genai-prices`, read from memory. Nothing here fetches:
 * the package does so only after `updatePrices`, which is never called.
 */

import {
  calcPrice,
  findProvider,
  type ModelInfo,
  type ModelPrice,
  type Provider,
} from '@pydantic/genai-prices'
import type { Price, PriceTarget, PriceTier, TokenFigures } from './price.ts'

/** The version that package.json pins; a test compares them. */
export const PRICE_LIST_VERSION = '0.1.8'

/** When a price of the list holds. `daily` in milliseconds of the UTC day; an end before its start runs over midnight. */
type When =
  | { readonly kind: 'always' }
  | { readonly kind: 'since'; readonly fromMs: number }
  | { readonly kind: 'daily'; readonly fromMs: number; readonly untilMs: number }

/** In the order of the list: what stands later goes first. Never empty. */
export type ListedPrices = readonly { readonly when: When; readonly price: Price }[]

/** Finds a model's prices; null when the list does not know the upstream or its model. */
export type PriceList = (target: Omit<PriceTarget, 'upstream'>) => ListedPrices | null

const DAY_MS = 86_400_000
/** Longer than any id in the list; what is longer is not matched against its patterns. */
const MODEL_MAX_LETTERS = 200

/** Output that is billed apart by its kind, while usage counts only tokens: what they cost together nobody can tell. */
const MIXED_OUTPUT = ['output_audio_mtok', 'output_image_mtok', 'output_video_mtok', 'output_citation_mtok']

/** What `source` of a listed price begins with. */
const LISTED = /^@pydantic\/genai-prices [^:]{1,20}: ([^/ ]{1,60})\/(\S{1,200})/

/** The shipped list. An upstream is known by its base URL alone: a server of one's own speaks OpenAI's dialect too. */
export const shippedPrices: PriceList = ({ dialect, baseUrl, model }) => {
  if (baseUrl === null || dialect === 'local' || model.length > MODEL_MAX_LETTERS) return null
  const provider = findProvider({ providerApiUrl: baseUrl })
  if (provider === undefined) return null
  // Gemini's API names its models with and without this.
  const id = dialect === 'gemini' ? model.replace(/^models\//, '') : model
  const found = calcPrice({}, id, { providerId: provider.id })
  return found === null ? null : listedPrices(provider, found.model)
}

/** The price that holds at a time; null when the list states no figure for it. */
export function listedPriceAt(prices: ListedPrices, atMs: number): Price | null {
  const price = (prices.findLast(({ when }) => holds(when, atMs)) ?? prices[0])?.price
  return price === undefined || isUnknown(price) ? null : price
}

/**
 * The price that this version of the list calls so: what `priceVersion` put on the log. Null for anything else, the same price of
 * another version of the list too.
 */
export function listedPriceOf(source: string): Price | null {
  const [, providerId, id] = LISTED.exec(source) ?? []
  if (providerId === undefined || id === undefined) return null
  const provider = findProvider({ providerId })
  const found = provider === undefined ? null : calcPrice({}, id, { providerId })
  if (provider === undefined || found === null) return null
  return listedPrices(provider, found.model).find(({ price }) => price.source === source)?.price ?? null
}

function holds(when: When, atMs: number): boolean {
  if (when.kind === 'always') return true
  if (when.kind === 'since') return atMs >= when.fromMs
  const time = ((atMs % DAY_MS) + DAY_MS) % DAY_MS
  if (when.untilMs < when.fromMs) return time >= when.fromMs || time < when.untilMs
  return time >= when.fromMs && time < when.untilMs
}

function isUnknown(price: Price): boolean {
  const { input, cachedInput, cacheWrite, output, reasoning, perImage, perRequest } = price
  return [input, cachedInput, cacheWrite, output, reasoning, perImage, perRequest].every(
    (one) => one === null,
  )
}

function listedPrices(provider: Provider, model: ModelInfo): ListedPrices {
  const page = provider.pricing_urls?.[0]
  const named = `@pydantic/genai-prices ${PRICE_LIST_VERSION}: ${provider.id}/${model.id}`
  const dated = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }]
  return dated.map(({ prices, constraint }) => {
    const when = whenOf(constraint)
    const since = constraint?.type === 'start_date' ? ` since ${constraint.start_date}` : ''
    const hours =
      constraint?.type === 'time_of_date' ? ` ${constraint.start_time}-${constraint.end_time}` : ''
    const source = `${named}${since}${hours}${page === undefined ? '' : ` (${page})`}`
    return { when, price: toPrice(prices, source, when.kind === 'since' ? when.fromMs : null) }
  })
}

type Constraint = Extract<ModelInfo['prices'], readonly unknown[]>[number]['constraint']

function whenOf(constraint: Constraint): When {
  if (constraint === undefined) return { kind: 'always' }
  if (constraint.type === 'start_date') return { kind: 'since', fromMs: Date.parse(constraint.start_date) }
  return {
    kind: 'daily',
    fromMs: timeOfDayMs(constraint.start_time),
    untilMs: timeOfDayMs(constraint.end_time),
  }
}

/** `16:30:00Z`, perhaps with an offset from UTC. */
function timeOfDayMs(text: string): number {
  const ms = Date.parse(`1970-01-01T${text}`)
  return ((ms % DAY_MS) + DAY_MS) % DAY_MS
}

function toPrice(prices: ModelPrice, source: string, validFromMs: number | null): Price {
  const starts = Object.values(prices).flatMap((price) =>
    typeof price === 'object' ? price.tiers.map(({ start }) => start) : [],
  )
  const tiers = [...new Set(starts)].sort((a, b) => a - b)
  return {
    ...figuresAbove(prices, null),
    // The list counts charges by the thousand.
    perRequest: perRequestOf(prices.requests_kcount),
    perImage: null,
    tiers: tiers.map((start): PriceTier => ({ aboveInputTokens: start, ...figuresAbove(prices, start) })),
    source,
    validFromMs,
    id: null,
  }
}

function figuresAbove(prices: ModelPrice, start: number | null): TokenFigures {
  const figure = (name: string) => microUsd(figureAbove(prices[name], start), 1_000_000)
  const mixed = MIXED_OUTPUT.some((name) => prices[name] !== undefined)
  return {
    input: figure('input_mtok'),
    cachedInput: figure('cache_read_mtok'),
    cacheWrite: figure('cache_write_mtok'),
    output: mixed ? null : figure('output_mtok'),
    reasoning: figure('output_reasoning_mtok'),
  }
}

function figureAbove(price: ModelPrice[string], start: number | null): number | null {
  if (price === undefined) return null
  if (typeof price === 'number') return price
  const tier = start === null ? undefined : price.tiers.findLast((one) => one.start <= start)
  return tier?.price ?? price.base
}

function perRequestOf(price: ModelPrice[string]): bigint | null {
  return microUsd(figureAbove(price, null), 1000)
}

/** The list holds decimal dollars as floating point; a handful are repeating decimals, so the nearest micro-USD it is. */
function microUsd(usd: number | null, factor: number): bigint | null {
  return usd === null ? null : BigInt(Math.round(usd * factor))
}
