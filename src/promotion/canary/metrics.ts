/** What an arm of a canary was seen to do since the canary began, and the bounds of it that hold at every look. Pure. */

import { bernoulliLowerBound, bernoulliUpperBound } from '../../lib/statistics/bernoulli-sequence.ts'
import { beginBounded, boundedBounds, observe } from '../../lib/statistics/bounded-sequence.ts'
import { requireWhole } from '../../lib/statistics/inputs.ts'
import { meanBounds } from '../../lib/statistics/mean-sequence.ts'
import { quantileBounds, sizeOf, type Tally, valueAtRank } from '../../lib/statistics/quantile-sequence.ts'
import type { Watch } from './plan.ts'

/**
 * Everything since the canary began, over all stages: bounds hold at every look only for what grows and forgets nothing, never
 * for "the newest 20,000". What grows is kept short otherwise: times are a tally of rounded values (three digits are 5,900
 * values up to an hour), money is two sums, and scores are the first `MOST_SCORES` that arrived.
 */
export type Arm = {
  requests: number
  /** Of these, with a bad outcome, and refused. */
  errors: number
  refusals: number
  /** Milliseconds of requests that have such a time, ascending. */
  latency: Tally
  ttft: Tally
  cost: Cost
  /** By scorer. */
  quality: Readonly<Record<string, Scores>>
}

type Cost = {
  /** Requests whose cost is known; sums of their micro-USD, and of its squares. */
  known: number
  sum: bigint
  squares: bigint
  /** Requests whose cost is not known, which are in no sum. */
  unknown: number
}

type Scores = {
  /** In 0…1, in the order in which they arrived, which a later look only adds to. */
  values: readonly number[]
  /** Sampled, but abstained or failed to be judged. */
  unknown: number
}

/** Scores beyond these are not looked at: to stop is valid, to leave the oldest out is not. */
export const MOST_SCORES = 50_000

/** A bound that nothing is known of yet is infinite, or the end of the scale; JSON has null for it. */
export type Seen = {
  /** Values that count, and those that are missing among them. */
  n: number
  unknown: number
  estimate: number | null
  low: number
  high: number
}

/**
 * Bounds of one metric of one arm, each of which ever fails with the chance α. Throws RangeError for what no arm can have
 * done.
 */
export function seenOf(watch: Watch, arm: Arm, alpha: number): Seen {
  requireWhole('requests', arm.requests, 0)
  switch (watch.kind) {
    case 'share':
      return seenShare(watch.metric, arm, alpha)
    case 'quantile':
      return seenQuantile(arm[watch.metric], watch.quantile, alpha)
    case 'mean':
      return seenCost(arm.cost, alpha)
    case 'score':
      return seenScores(arm.quality[watch.scorer] ?? { values: [], unknown: 0 }, alpha)
  }
}

function seenShare(metric: 'errors' | 'refusals', arm: Arm, alpha: number): Seen {
  const { requests: n, [metric]: count } = arm
  requireWhole(metric, count, 0, n)
  return {
    n,
    unknown: 0,
    estimate: n === 0 ? null : count / n,
    low: bernoulliLowerBound(count, n, alpha),
    high: bernoulliUpperBound(count, n, alpha),
  }
}

function seenQuantile(tally: Tally, quantile: number, alpha: number): Seen {
  const { low, high } = quantileBounds(tally, quantile, alpha)
  const least = tally[0]?.value ?? 0
  if (least < 0) throw new RangeError(`A time of ${least} ms is none.`)
  const n = sizeOf(tally)
  const estimate = valueAtRank(tally, Math.ceil(n * quantile)) ?? null
  return { n, unknown: 0, estimate, low: Math.max(0, low), high }
}

function seenCost({ known: n, sum, squares, unknown }: Cost, alpha: number): Seen {
  requireWhole('cost.known', n, 0)
  requireWhole('cost.unknown', unknown, 0)
  // n times the sum of squares about the mean, exactly: floating point would lose it where costs are large and alike.
  const spread = BigInt(n) * squares - sum * sum
  if (sum < 0n || spread < 0n || (n === 0 && squares > 0n)) {
    throw new RangeError(`No ${n} costs add up to ${sum} with squares of ${squares}.`)
  }
  if (n === 0) return { n, unknown, estimate: null, low: 0, high: Number.POSITIVE_INFINITY }
  const mean = Number(sum) / n
  const variance = n === 1 ? 0 : Number(spread) / (n * (n - 1))
  const { low, high } = meanBounds({ n, mean, variance }, alpha)
  return { n, unknown, estimate: mean, low: Math.max(0, low), high }
}

function seenScores({ values, unknown }: Scores, alpha: number): Seen {
  requireWhole('unknown scores', unknown, 0)
  const state = values.slice(0, MOST_SCORES).reduce(observe, beginBounded(alpha))
  const { n, sum } = state
  return { n, unknown, estimate: n === 0 ? null : sum / n, ...boundedBounds(state) }
}
