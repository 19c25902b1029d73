/** Tests whether two samples are alike by giving out their labels anew. Exact for any statistic, ties and few items. Pure and seeded. */

import { requireWhole } from './inputs.ts'
import type { Random } from './resample.ts'

/** 1 where an item counts to the first sample. One array that is used again. */
export type Labels = Uint8Array
/** Larger for samples that are less alike. */
export type LabelStatistic = (labels: Labels) => number

export type Permuted = {
  statistic: number
  p: number
  /** How often labels were given out anew. */
  permutations: number
}

/** The least p is 1/2,000: with Holm's adjustment for up to twenty tests it can still be below 0.01. */
const PERMUTATIONS = 1_999
/** So often the statistic of drawn labels must reach the observed one before p is told early. */
const EXCEEDANCES = 20

/**
 * The share of permutations, the observed one counted, that reach the observed statistic. Stops at the twentieth that does, with
 * p = 20 / draws (Besag and Clifford 1991, "Sequential Monte Carlo p-values", https://doi.org/10.1093/biomet/78.2.301): a sample
 * without a difference takes some forty draws, not 1,999, and p stays valid: P(p ≤ α) ≤ α when labels are exchangeable. Throws
 * RangeError for less than one draw.
 */
export function permutationTest(
  labels: Labels,
  statistic: LabelStatistic,
  { random, most = PERMUTATIONS }: { random: Random; most?: number },
): Permuted {
  requireWhole('most', most, 1)
  const observed = statistic(labels)
  // Sums in another order differ in their last bits, which must not make a tie a miss.
  const bar = observed - 1e-12 * Math.max(1, Math.abs(observed))
  const drawn = Uint8Array.from(labels)
  let reached = 0
  for (let draw = 1; draw <= most; draw += 1) {
    shuffled(drawn, random)
    if (statistic(drawn) >= bar) reached += 1
    if (reached === EXCEEDANCES)
      return { statistic: observed, p: Math.min(1, reached / draw), permutations: draw }
  }
  return { statistic: observed, p: (reached + 1) / (most + 1), permutations: most }
}

/** Fisher and Yates, in place (Knuth, The Art of Computer Programming 2, algorithm 3.4.2 P). */
export function shuffled(labels: Labels, random: Random): void {
  for (let at = labels.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1))
    const label = labels[at] ?? 0
    labels[at] = labels[other] ?? 0
    labels[other] = label
  }
}

/** The first `first` of all items carry a 1. */
export function labelsOf(first: number, second: number): Labels {
  return new Uint8Array(first + second).fill(1, 0, first)
}
