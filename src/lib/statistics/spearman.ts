/** How well a score puts things in the order that people put them in. Pure and seeded. */

import { drawGroups, roomFor } from './draws.ts'
import { requireFinite, requirePairs } from './inputs.ts'
import { midranks } from './ranks.ts'
import type { Random } from './resample.ts'

/**
 * Spearman's rank correlation: Pearson's of the midranks (Spearman 1904, https://doi.org/10.2307/1412159), −1…1. Null where one
 * side is all the same; throws RangeError for lists of different lengths and values that are not finite.
 */
export function spearman(scores: readonly number[], wanted: readonly number[]): number | null {
  requirePairs(scores, wanted)
  requireFinite('scores', scores)
  requireFinite('wanted', wanted)
  const weights = new Float64Array(scores.length).fill(1)
  const found = correlation(midranks(scores).ranks, midranks(wanted).ranks, weights)
  return Number.isNaN(found) ? null : found
}

/**
 * For each of several scores of the same things, its rank correlation in the same draws with replacement, so that differences
 * are paired. Ranks are taken anew in each draw. NaN for a draw where one side is all the same. Errors as `spearman`. Work: draws ×
 * scores × things.
 */
export function drawSpearmans(
  scores: readonly (readonly number[])[],
  wanted: readonly number[],
  settings: { random: Random; resamples?: number },
): Float64Array[] {
  for (const values of scores) {
    requirePairs(values, wanted)
    requireFinite('scores', values)
  }
  requireFinite('wanted', wanted)
  const sorted = scores.map(inOrder)
  const own = inOrder(wanted)
  const drawn = scores.map(() => roomFor(settings))
  drawGroups(wanted.length, settings, (times, draw) => {
    const wantedRanks = weightedRanks(own, times)
    sorted.forEach((values, at) => {
      const row = drawn[at]
      if (row !== undefined) row[draw] = correlation(weightedRanks(values, times), wantedRanks, times)
    })
  })
  return drawn
}

type InOrder = { order: Int32Array; values: readonly number[] }

function inOrder(values: readonly number[]): InOrder {
  const order = Int32Array.from(values, (_, at) => at)
  return { order: order.sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0)), values }
}

/** Midranks of a sample that holds each value as often as it was drawn. */
function weightedRanks({ order, values }: InOrder, times: Float64Array): Float64Array {
  const ranks = new Float64Array(order.length)
  let below = 0
  for (let from = 0; from < order.length; ) {
    let [to, equal] = [from, 0]
    while (to < order.length && values[order[to] ?? 0] === values[order[from] ?? 0]) {
      equal += times[order[to] ?? 0] ?? 0
      to += 1
    }
    for (let at = from; at < to; at += 1) ranks[order[at] ?? 0] = below + (equal + 1) / 2
    below += equal
    from = to
  }
  return ranks
}

/** Pearson's, each pair as often as its weight says; NaN where one side is all the same. */
function correlation(one: ArrayLike<number>, other: ArrayLike<number>, weights: Float64Array): number {
  let [count, sumOne, sumOther] = [0, 0, 0]
  for (let at = 0; at < weights.length; at += 1) {
    const weight = weights[at] ?? 0
    count += weight
    sumOne += weight * (one[at] ?? 0)
    sumOther += weight * (other[at] ?? 0)
  }
  let [squaresOne, squaresOther, products] = [0, 0, 0]
  for (let at = 0; at < weights.length; at += 1) {
    const weight = weights[at] ?? 0
    const fromOne = (one[at] ?? 0) - sumOne / count
    const fromOther = (other[at] ?? 0) - sumOther / count
    squaresOne += weight * fromOne * fromOne
    squaresOther += weight * fromOther * fromOther
    products += weight * fromOne * fromOther
  }
  return products / Math.sqrt(squaresOne * squaresOther)
}
