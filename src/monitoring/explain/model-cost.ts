/** Why a mean call of one model costs more or less: its tokens, or their price. Pure. */

import type { Price } from '../../registry/prices/price.ts'
import type { Cause } from '../alerts/alert.ts'
import { changeOf, midpoint, type Pair, productChange, ratioPair } from './midpoint.ts'
import type { PlaceRow, Windows } from './places.ts'

/** The figures of a price version as it stands on the log; null when nobody has them any more. */
export type FiguresOf = (price: string) => Price | null
export type Amounts = Partial<Record<Cause, number>>

/** Over the priced requests of one window. Costs in micro-USD, as tokens times figures. */
type Sums = {
  priced: number
  costMicroUsd: number
  input: number
  uncached: number
  cached: number
  /** Without reasoning. */
  output: number
  reasoning: number
  inputCost: number
  uncachedCost: number
  cachedCost: number
  outputCost: number
  reasoningCost: number
  fees: number
  prices: Set<string>
  /** Every price version of these rows has its figures. */
  isKnown: boolean
}

const TOKENS_PER_FIGURE = 1e6

/**
 * Micro-USD a request, cause by cause: all of them add up to the change of the mean cost. With t tokens a request at q micro-USD each,
 * Δ(t·q) = Δt·q̄ + t̄·Δq; of input tokens q = (1 − h)·p + h·c, where h is the share read from the upstream's cache, p and c the
 * figures of either, so Δq = Δh·(c̄ − p̄) + (1 − h̄)·Δp + h̄·Δc. What tokens and figures do not tell is `other`.
 */
export function modelCostChange(windows: Windows, figuresOf: FiguresOf): Amounts {
  const before = sumsOf(windows.before, figuresOf)
  const after = sumsOf(windows.after, figuresOf)
  const pair: PairOf = (sum) => ({ before: before[sum], after: after[sum] })
  const priced = pair('priced')
  const cost = changeOf(ratioPair(pair('costMicroUsd'), priced))
  if (!before.isKnown || !after.isKnown) {
    const isSamePrice = new Set([...before.prices, ...after.prices]).size === 1
    return { [isSamePrice ? 'tokens' : 'tokens_or_price']: cost }
  }
  const input = inputChange(pair, priced)
  const output = kindChange(pair, priced, { tokens: 'output', cost: 'outputCost' })
  const reasoning = kindChange(pair, priced, { tokens: 'reasoning', cost: 'reasoningCost' })
  const fee = changeOf(ratioPair(pair('fees'), priced))
  const price = input.price + output.price + reasoning.price + fee
  const told = input.tokens + input.cached + output.tokens + reasoning.tokens + price
  return {
    input_tokens: input.tokens,
    cached_input: input.cached,
    output_tokens: output.tokens,
    reasoning_tokens: reasoning.tokens,
    price,
    other: cost - told,
  }
}

type PairOf = (sum: Exclude<keyof Sums, 'prices' | 'isKnown'>) => Pair

function inputChange(pair: PairOf, priced: Pair): { tokens: number; cached: number; price: number } {
  const input = pair('input')
  const cached = pair('cached')
  const tokens = ratioPair(input, priced)
  const share = ratioPair(cached, input)
  const uncachedFigure = ratioPair(pair('uncachedCost'), pair('uncached'))
  const cachedFigure = ratioPair(pair('cachedCost'), cached)
  const figure = ratioPair(pair('inputCost'), input)
  const moved = changeOf(share) * (midpoint(cachedFigure) - midpoint(uncachedFigure))
  const repriced = (1 - midpoint(share)) * changeOf(uncachedFigure) + midpoint(share) * changeOf(cachedFigure)
  return {
    tokens: productChange(tokens, figure).first,
    cached: midpoint(tokens) * moved,
    price: midpoint(tokens) * repriced,
  }
}

function kindChange(
  pair: PairOf,
  priced: Pair,
  kind: { tokens: 'output' | 'reasoning'; cost: 'outputCost' | 'reasoningCost' },
): { tokens: number; price: number } {
  const counted = pair(kind.tokens)
  const figure = ratioPair(pair(kind.cost), counted)
  const { first, second } = productChange(ratioPair(counted, priced), figure)
  return { tokens: first, price: second }
}

function sumsOf(rows: readonly PlaceRow[], figuresOf: FiguresOf): Sums {
  const sums: Sums = {
    priced: 0,
    costMicroUsd: 0,
    input: 0,
    uncached: 0,
    cached: 0,
    output: 0,
    reasoning: 0,
    inputCost: 0,
    uncachedCost: 0,
    cachedCost: 0,
    outputCost: 0,
    reasoningCost: 0,
    fees: 0,
    prices: new Set(),
    isKnown: true,
  }
  for (const { place, figures } of rows) {
    if (figures.priced === 0) continue
    sums.priced += figures.priced
    sums.costMicroUsd += Number(figures.costMicroUsd)
    const version = place.price ?? null
    const price = version === null ? null : figuresOf(version)
    sums.prices.add(version ?? '')
    if (price === null) sums.isKnown = false
    else addTokens(sums, figures, price)
  }
  return sums
}

/** A part without a figure of its own costs what the whole does, as in the cost of a single call. */
function addTokens(sums: Sums, figures: PlaceRow['figures'], price: Price): void {
  const figure = (of: bigint | null) => Number(of ?? 0n) / TOKENS_PER_FIGURE
  const { inputTokens: input, cachedInputTokens: cached, reasoningTokens: reasoning } = figures
  const [uncached, output] = [input - cached, figures.outputTokens - reasoning]
  const uncachedCost = uncached * figure(price.input)
  const cachedCost = cached * figure(price.cachedInput ?? price.input)
  sums.input += input
  sums.uncached += uncached
  sums.cached += cached
  sums.output += output
  sums.reasoning += reasoning
  sums.inputCost += uncachedCost + cachedCost
  sums.uncachedCost += uncachedCost
  sums.cachedCost += cachedCost
  sums.outputCost += output * figure(price.output)
  sums.reasoningCost += reasoning * figure(price.reasoning ?? price.output)
  sums.fees += figures.priced * Number(price.perRequest ?? 0n)
}
