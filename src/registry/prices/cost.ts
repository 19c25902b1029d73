/**
 * What one call cost, in whole micro-USD, or null for unknown. Exact: every charge is added up in micro-USD per
 * million tokens and divided once, at the end, rounding half up.
 */

import type { Price, TokenFigures } from './price.ts'

/** Token counts as the log keeps them. null: the upstream did not say, which is never 0. */
export type PricedUsage = {
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  /** Part of `inputTokens`. */
  readonly cachedInputTokens: number | null
  /** Part of `outputTokens`. */
  readonly reasoningTokens: number | null
  /** Part of `inputTokens`. */
  readonly cacheWriteTokens?: number | null
  /** Part of either. No price has figures for them here, so a call with any has no known cost. */
  readonly audioTokens?: number | null
  /** Images that were made; left out by calls that make none. */
  readonly images?: number | null
}

type Count = number | null | undefined
type Part = { readonly count: Count; readonly figure: bigint | null }

const TOKENS_PER_FIGURE = 1_000_000n

/** Calls that give no tokens out: their upstreams report none, and that is a 0 they need not say. */
const WITHOUT_OUTPUT: ReadonlySet<string> = new Set(['embeddings', 'rerank', 'moderations'])

/** The usage of a call of this operation, with the counts that follow from what the operation is. */
export function usageOfOperation(operation: string, usage: PricedUsage): PricedUsage {
  if (!WITHOUT_OUTPUT.has(operation)) return usage
  return { ...usage, outputTokens: usage.outputTokens ?? 0, reasoningTokens: usage.reasoningTokens ?? 0 }
}

/**
 * Micro-USD of one call; null as soon as a count or a figure that is needed is unknown, or counts contradict each
 * other. A count without any effect is not needed: 0 tokens cost nothing at an unknown figure, and a figure of 0 costs
 * nothing for any count. Cached, written and reasoning tokens are parts of input and output; a part at the figure of
 * the whole need not be told apart, and one that has neither count nor figure is not there.
 */
export function costOf(usage: PricedUsage, price: Price): bigint | null {
  if ((usage.audioTokens ?? 0) !== 0) return null
  const figures = figuresFor(usage.inputTokens, price)
  if (figures === null) return null
  const input = charge(usage.inputTokens, figures.input, [
    { count: usage.cachedInputTokens, figure: figures.cachedInput },
    { count: usage.cacheWriteTokens, figure: figures.cacheWrite },
  ])
  const reasoning = { count: usage.reasoningTokens, figure: figures.reasoning }
  const output = charge(usage.outputTokens, figures.output, figures.reasoning === null ? [] : [reasoning])
  const images = usage.images === undefined ? 0n : product(usage.images, price.perImage)
  if (input === null || output === null || images === null) return null
  return roundHalfUp(input + output, TOKENS_PER_FIGURE) + images + (price.perRequest ?? 0n)
}

/** The figures for an input of this length; null when only its length would tell them. */
function figuresFor(inputTokens: Count, price: Price): TokenFigures | null {
  if (price.tiers.length === 0) return price
  const length = known(inputTokens)
  if (length === null) return null
  return price.tiers.findLast(({ aboveInputTokens }) => length > aboveInputTokens) ?? price
}

/** Tokens times figures: the parts at theirs, what is left at the whole's. */
function charge(total: Count, figure: bigint | null, parts: readonly Part[]): bigint | null {
  let sum = 0n
  let rest = known(total)
  for (const part of parts) {
    const count = known(part.count)
    if (part.figure === figure || (count === null && part.figure === null)) continue
    const cost = product(count, part.figure)
    if (cost === null) return null
    sum += cost
    rest = rest === null || count === null ? null : rest - count
  }
  if (rest !== null && rest < 0) return null
  const cost = product(rest, figure)
  return cost === null ? null : sum + cost
}

function product(count: Count, figure: bigint | null): bigint | null {
  const times = known(count)
  if (times === 0 || figure === 0n) return 0n
  return times === null || figure === null ? null : BigInt(times) * figure
}

/** What is no whole number from 0 is no count. */
function known(count: Count): number | null {
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : null
}

/** Both from 0. */
function roundHalfUp(numerator: bigint, denominator: bigint): bigint {
  return (2n * numerator + denominator) / (2n * denominator)
}
