/** How many requests of the candidate it takes to find a given harm: what a plan can say of itself before it begins. Pure. */

import { bernoulliLowerBound, bernoulliUpperBound } from '../../lib/statistics/bernoulli-sequence.ts'
import { beginBounded, boundedBounds, observe } from '../../lib/statistics/bounded-sequence.ts'
import { normalQuantile } from '../../lib/statistics/distributions.ts'
import type { Ends } from '../../lib/statistics/ends.ts'
import { requirePositive, requireProbability, requireWhole } from '../../lib/statistics/inputs.ts'
import { meanBounds } from '../../lib/statistics/mean-sequence.ts'
import { quantileRanks, sizeOf, type Tally, valueAtRank } from '../../lib/statistics/quantile-sequence.ts'
import { MOST_SCORES } from './metrics.ts'
import { alphaOfBound } from './plan.ts'

/** A harm to be found, in the terms of its metric. `margin` is that of the plan. */
export type ExpectedHarm =
  | { kind: 'share'; stable: number; candidate: number; margin: number }
  /** Times of the stable arm, and by how much the candidate multiplies every one. */
  | { kind: 'quantile'; quantile: number; times: Tally; factor: number; margin: number }
  /** The standard deviation of one request, in means. */
  | { kind: 'mean'; factor: number; variation: number; margin: number }
  /** Mean scores, and the standard deviation of one score of either arm. */
  | { kind: 'score'; stable: number; candidate: number; deviation: number; margin: number }

export type Traffic = {
  /** α of the plan, how many metrics it watches, and how many stages it has. */
  alpha: number
  watched: number
  stages: number
  /** The candidate's share of the requests, between 0 and 1. */
  share: number
  /** The share of requests that have such a value: below 1 for sampled scores. */
  sampled?: number
}

/** Solved for a little more than the 0.9 that is promised: the normal distribution is off by up to two points. */
const SOLVED_FOR = 0.93
/** More than this is as good as never. */
const MOST_REQUESTS = 10_000_000

/** Enough that the worst lies within a thousandth of one of them. */
const DIRECTIONS = 16

/** Two figures, one of the candidate and one of what is stable. */
type Sizes = { candidate: number; stable: number }

/**
 * The least number of the candidate's requests of one stage with which the harm is found with the chance 0.9, looking once; with looks before
 * it is found rather sooner. Solves the bounds at values as unlucky as may still be found, by the normal distribution.
 * Null when ten million requests do not find it, or 50,000 scores. Throws RangeError for shares and deviations that cannot be.
 */
export function predictedRequests(harm: ExpectedHarm, traffic: Traffic): number | null {
  const { alpha, watched, stages, share, sampled = 1 } = traffic
  requireProbability('alpha', alpha)
  requireWhole('watched', watched, 1)
  requireWhole('stages', stages, 1)
  requireProbability('share', share)
  if (sampled !== 1) requireProbability('sampled', sampled)
  requirePositive('margin', harm.margin)
  const bound = alphaOfBound(alpha, watched, stages)
  const most = harm.kind === 'score' ? MOST_SCORES : MOST_REQUESTS
  const isFound = (candidate: number) => {
    const stable = Math.min(most, Math.max(1, Math.floor((candidate * (1 - share)) / share)))
    return isHarmFound(harm, { candidate, stable }, bound)
  }
  const values = leastFound(isFound, most)
  return values === null ? null : Math.ceil(values / sampled)
}

function isHarmFound(harm: ExpectedHarm, sizes: Sizes, alpha: number): boolean {
  switch (harm.kind) {
    case 'share':
      return isShareFound(harm, sizes, alpha)
    case 'quantile':
      return isQuantileFound(harm, sizes, alpha)
    case 'mean':
      return isMeanFound(harm, sizes, alpha)
    case 'score':
      return isScoreFound(harm, sizes, alpha)
  }
}

type Of<Kind> = Extract<ExpectedHarm, { kind: Kind }>

function isShareFound({ stable, candidate, margin }: Of<'share'>, sizes: Sizes, alpha: number): boolean {
  requireProbability('stable', stable)
  requireProbability('candidate', candidate)
  const variances = {
    candidate: (candidate * (1 - candidate)) / sizes.candidate,
    stable: (stable * (1 - stable)) / sizes.stable,
  }
  return unluckyShifts(variances).every((shift) => {
    const worst = Math.max(0, candidate - shift.candidate) * sizes.candidate
    const best = Math.min(1, stable + shift.stable) * sizes.stable
    const low = bernoulliLowerBound(worst, sizes.candidate, alpha)
    return low - bernoulliUpperBound(best, sizes.stable, alpha) > margin
  })
}

function isQuantileFound(harm: Of<'quantile'>, sizes: Sizes, alpha: number): boolean {
  const { quantile, times, factor, margin } = harm
  requirePositive('factor', factor)
  const low = quantileRanks(sizes.candidate, quantile, alpha).low / sizes.candidate
  const high = quantileRanks(sizes.stable, quantile, alpha).high / sizes.stable
  if (low <= 0 || high >= 1) return false
  // The value of a given rank lies at a share of the distribution that varies like that of so many yes and no.
  const variances = {
    candidate: (low * (1 - low)) / sizes.candidate,
    stable: (high * (1 - high)) / sizes.stable,
  }
  const total = sizeOf(times)
  const timeAt = (share: number) => valueAtRank(times, Math.max(1, Math.ceil(share * total)))
  return unluckyShifts(variances).every((shift) => {
    const [fast, slow] = [timeAt(low - shift.candidate), timeAt(high + shift.stable)]
    return fast !== undefined && slow !== undefined && factor * fast > (1 + margin) * slow
  })
}

function isMeanFound({ factor, variation, margin }: Of<'mean'>, sizes: Sizes, alpha: number): boolean {
  requirePositive('factor', factor)
  requirePositive('variation', variation)
  const spread = { candidate: (factor * variation) ** 2, stable: variation ** 2 }
  const variances = {
    candidate: spread.candidate / sizes.candidate,
    stable: spread.stable / sizes.stable,
  }
  return unluckyShifts(variances).every((shift) => {
    const worst = { n: sizes.candidate, mean: factor - shift.candidate, variance: spread.candidate }
    const best = { n: sizes.stable, mean: 1 + shift.stable, variance: spread.stable }
    return meanBounds(worst, alpha).low > (1 + margin) * meanBounds(best, alpha).high
  })
}

function isScoreFound(harm: Of<'score'>, sizes: Sizes, alpha: number): boolean {
  const { stable, candidate, deviation, margin } = harm
  const above = expectedScores(candidate, deviation ** 2, sizes.candidate, alpha)
  const below = expectedScores(stable, deviation ** 2, sizes.stable, alpha)
  return unluckyShifts({ candidate: above.variance, stable: below.variance }).every(
    (shift) => below.low - shift.stable - (above.high + shift.candidate) > margin,
  )
}

/**
 * Shifts of both arms towards each other, z standard errors away from what is expected in every direction. Where the harm is
 * found at all of them it is found with the chance of SOLVED_FOR, for what is not found lies beyond a line that far away (the
 * first-order reliability method, Hasofer and Lind 1974, https://doi.org/10.1061/JMCEA3.0001848).
 */
function unluckyShifts(variances: Sizes): Sizes[] {
  const z = normalQuantile(SOLVED_FOR)
  return Array.from({ length: DIRECTIONS + 1 }, (_, at) => {
    const angle = (at * Math.PI) / (2 * DIRECTIONS)
    return {
      candidate: z * Math.sqrt(variances.candidate) * Math.cos(angle),
      stable: z * Math.sqrt(variances.stable) * Math.sin(angle),
    }
  })
}

/** Bounds of so many scores of two values with this mean and variance, evenly mixed, and the variance of their weighted mean. */
function expectedScores(
  mean: number,
  variance: number,
  size: number,
  alpha: number,
): Ends & { variance: number } {
  requireProbability('score', mean)
  requirePositive('deviation', variance)
  const high = Math.min(1, mean + Math.sqrt(variance))
  const odds = variance / (high - mean) ** 2
  const low = mean - odds * (high - mean)
  if (low < 0) throw new RangeError(`Scores with a mean of ${mean} have no variance of ${variance}.`)
  let state = beginBounded(alpha)
  let squaredWeights = 0
  for (let at = 0; at < size; at += 1) {
    const isLow = Math.floor((at + 1) / (1 + odds)) > Math.floor(at / (1 + odds))
    const next = observe(state, isLow ? low : high)
    squaredWeights += (next.weights - state.weights) ** 2
    state = next
  }
  return { ...boundedBounds(state), variance: (variance * squaredWeights) / state.weights ** 2 }
}

/** The least whole number from 1 to `most` that finds it, taking it that more find it too. */
function leastFound(isFound: (size: number) => boolean, most: number): number | null {
  let found = 1
  while (!isFound(found)) {
    if (found === most) return null
    found = Math.min(most, 2 * found)
  }
  let lost = Math.floor(found / 2)
  while (found - lost > 1) {
    const middle = Math.floor((found + lost) / 2)
    if (isFound(middle)) found = middle
    else lost = middle
  }
  return found
}
