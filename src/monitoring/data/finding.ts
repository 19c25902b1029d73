/** What one test of a comparison found, and when that is drift. Pure. */

import type { WordOdds } from '../../lib/statistics/log-odds.ts'
import { holm } from '../../lib/statistics/multiple.ts'
import type { Permuted } from '../../lib/statistics/permutation.ts'

export type FindingVerdict = 'drift' | 'same' | 'unknown'

/** Words that tell the windows apart, the strongest first. */
export type Terms = {
  recent: readonly Pick<WordOdds, 'word' | 'z'>[]
  baseline: readonly Pick<WordOdds, 'word' | 'z'>[]
}

/** What an embedding model is held to. */
export type EmbedderPrint = {
  /** SHA-256 over the files of a local model; null for a remote one. */
  digest: string | null
  /** Vectors of `PROBES`, to five digits. */
  probes: readonly (readonly number[])[]
}

export type FindingDetail = {
  /** The compared figure in each window: a share, a median, bits; null where it has no one figure. */
  levels: { recent: number; baseline: number } | null
  /** Why it is unknown, or what moved most, as a sentence. */
  reason: string | null
  terms: Terms | null
  /** Requests that were drawn and could not be read, by why. */
  left: Readonly<Record<string, number>> | null
  /** Of an embedding model, what it is held to from now on. */
  print: EmbedderPrint | null
}

export type Finding = FindingDetail & {
  /** `question_content`, `answer_refused`, `retrieval_cosine:handbook@5` … */
  feature: string
  /** Name and version: `centroid-permutation@1`. */
  method: string
  recentSize: number
  baselineSize: number
  seed: number
  statistic: number | null
  p: number | null
  /** Holm's, over the tests of the comparison. */
  adjustedP: number | null
  effect: number | null
  bar: number | null
  verdict: FindingVerdict
}

/** Of a test that could be made. */
export type Tested = {
  feature: string
  method: string
  sizes: { recent: number; baseline: number }
  tested: Permuted
  effect: number
  bar: number
} & Partial<FindingDetail>

/** Of each window, below which nothing is compared: a share of 5 % is five requests then. */
export const LEAST_SIZE = 100
/**
 * The chance that a comparison of windows that are alike finds anything, for requests that are independent of each other: at one a
 * day, one false alarm in some 14 weeks. Of people who ask several alike it is more.
 */
const ALPHA = 0.01

/**
 * Indexes of a comparison. There are nine tests and three for each: eighteen, so Holm's least p is 18 of 1/2,000, 0.009. With one more
 * index nothing could be found at all.
 */
export const MAX_INDEXES = 3

/** Drift is what is both beyond chance, for all tests together, and large enough to matter. */
export function findingsOf(tests: readonly (Tested | Finding)[], seed: number): Finding[] {
  const made = tests.filter((test): test is Tested => 'tested' in test)
  const adjusted = holm(made.map(({ tested }) => tested.p))
  return tests.map((test) => {
    if (!('tested' in test)) return test
    const {
      feature,
      method,
      sizes,
      tested,
      effect,
      bar,
      levels = null,
      reason = null,
      terms = null,
      left = null,
    } = test
    const adjustedP = adjusted[made.indexOf(test)] ?? 1
    const verdict = adjustedP <= ALPHA && effect >= bar ? 'drift' : 'same'
    return {
      feature,
      method,
      recentSize: sizes.recent,
      baselineSize: sizes.baseline,
      seed,
      statistic: tested.statistic,
      p: tested.p,
      adjustedP,
      effect,
      bar,
      levels,
      reason,
      // Words of people are kept where they tell of something.
      terms: verdict === 'drift' ? terms : null,
      left,
      print: null,
      verdict,
    }
  })
}

/** Of what could not be compared. */
export function unknownFinding(
  { feature, method, sizes }: Pick<Tested, 'feature' | 'method' | 'sizes'>,
  reason: string,
  seed: number,
): Finding {
  const none = {
    statistic: null,
    p: null,
    adjustedP: null,
    effect: null,
    bar: null,
    levels: null,
    terms: null,
    left: null,
    print: null,
  }
  const { recent: recentSize, baseline: baselineSize } = sizes
  return { feature, method, recentSize, baselineSize, seed, ...none, reason, verdict: 'unknown' }
}

/** Null where both windows have enough; otherwise the sentence. */
export function tooFew({ recent, baseline }: Tested['sizes']): string | null {
  if (Math.min(recent, baseline) >= LEAST_SIZE) return null
  return `${recent} and ${baseline} requests tell too little: each window needs ${LEAST_SIZE}.`
}

/** Whether the comparison as a whole found something; unknown when no test could be made. */
export function verdictOf(findings: readonly Pick<Finding, 'verdict'>[]): FindingVerdict {
  if (findings.some(({ verdict }) => verdict === 'drift')) return 'drift'
  return findings.some(({ verdict }) => verdict === 'same') ? 'same' : 'unknown'
}
