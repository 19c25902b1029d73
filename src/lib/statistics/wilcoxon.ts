/** Wilcoxon's signed-rank test with zeros as Pratt treats them: for ordinal scores, whose distances mean little. Pure. */

import { normalCdf } from './distributions.ts'
import { requireFinite } from './inputs.ts'
import { midranks } from './ranks.ts'

/** Up to so many differences other than 0 every combination of signs is counted; beyond, the normal curve is as good. */
const EXACT_MOST = 25

/**
 * Two-sided p that differences are symmetric about 0. Differences of 0 are ranked with the others and then left out (Pratt
 * 1959, https://doi.org/10.1080/01621459.1959.10501526): dropped before, as Wilcoxon did, they could turn a p the wrong way.
 * With at most 25 other differences the p is exact given the ranks, ties and all; with more it is normal, variance corrected
 * for zeros and ties (Cureton 1967, https://doi.org/10.1080/01621459.1967.10500917), without a correction for continuity. 1
 * without differences. Groups are not looked at: items must be independent.
 */
export function wilcoxonPrattP(differences: readonly number[]): number {
  requireFinite('differences', differences)
  const { ranks } = midranks(differences.map(Math.abs))
  const signed = ranks.map((rank, at) => Math.sign(differences[at] ?? 0) * rank).filter((rank) => rank !== 0)
  if (signed.length === 0) return 1
  return signed.length <= EXACT_MOST ? exactP(signed) : normalP(signed)
}

/** Counts of sign combinations by rank sum, added rank after rank; doubled, because midranks come in halves. */
function exactP(signed: readonly number[]): number {
  const doubled = signed.map((rank) => Math.round(2 * Math.abs(rank)))
  const total = doubled.reduce((sum, rank) => sum + rank, 0)
  const ways = new Float64Array(total + 1)
  ways[0] = 1
  for (const rank of doubled) {
    for (let sum = total; sum >= rank; sum -= 1) ways[sum] = (ways[sum] ?? 0) + (ways[sum - rank] ?? 0)
  }
  const positive = doubled.reduce((sum, rank, at) => sum + ((signed[at] ?? 0) > 0 ? rank : 0), 0)
  const least = Math.min(positive, total - positive)
  const asLow = ways.subarray(0, least + 1).reduce((sum, count) => sum + count, 0)
  return Math.min(1, (2 * asLow) / 2 ** signed.length)
}

/** Σ signed ranks has mean 0 and variance Σ rank² under the null hypothesis, whatever the zeros and ties. */
function normalP(signed: readonly number[]): number {
  const sum = signed.reduce((total, rank) => total + rank, 0)
  const variance = signed.reduce((total, rank) => total + rank * rank, 0)
  return 2 * normalCdf(-Math.abs(sum) / Math.sqrt(variance))
}
