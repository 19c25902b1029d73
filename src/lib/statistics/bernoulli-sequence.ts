/** Bounds of a rate that hold at every look at once, for as long as yes and no keep coming. Pure. */

import { logEvidenceAbove, logEvidenceBelow } from './bernoulli-evidence.ts'
import { logBeta } from './distributions.ts'
import type { Ends } from './ends.ts'
import { requireProbability } from './inputs.ts'

/** Ends lie within this of where the evidence reaches 1/α, on the side that makes the interval wider. */
const TOLERANCE = 1e-9

/**
 * Sharpness of each side for what should be rare, such as errors: upper bounds look at alternatives anywhere between 0 and the
 * rate, lower ones at those some 1/20 above it. Both hold at any rate; the lower one grows wide where nearly all are a success.
 */
const SHARPNESS = { upper: 1, lower: 20 }

/** The prior of Jeffreys (1946, https://doi.org/10.1098/rspa.1946.0056): for a rate of which nothing is known. */
const JEFFREYS = { a: 0.5, b: 0.5 }

/**
 * Confidence sequence of a rate: the p with M_n(p) < 1/α, where M_n(p) = B(a + s, b + f) / (B(a, b) · p^s · (1 − p)^f)
 * averages the likelihood ratio over θ of the beta distribution (a, b) (Robbins 1970, https://doi.org/10.1214/aoms/1177696786;
 * Howard et al. 2021, https://doi.org/10.1214/20-AOS1991). The true rate is inside at all looks together with the chance 1 −
 * α. The whole scale without trials. Throws RangeError unless 0 ≤ successes ≤ trials and 0 < α < 1.
 */
export function bernoulliSequence(
  successes: number,
  trials: number,
  alpha: number,
  { a, b } = JEFFREYS,
): Ends {
  const failures = requireCounts(successes, trials, alpha)
  if (trials === 0) return { low: 0, high: 1 }
  const mixed = logBeta(a + successes, b + failures) - logBeta(a, b)
  const isOut = (rate: number) =>
    mixed - powers(successes, rate) - powers(failures, 1 - rate) >= Math.log(1 / alpha)
  const rate = successes / trials
  return { low: outerEnd(rate, 0, isOut), high: outerEnd(rate, 1, isOut) }
}

/**
 * Upper bound: the least rate at which `logEvidenceBelow` reaches ln(1/α). The true rate ever lies above it with the chance α at
 * most. 1 without trials. Throws as `bernoulliSequence` does.
 */
export function bernoulliUpperBound(successes: number, trials: number, alpha: number): number {
  const failures = requireCounts(successes, trials, alpha)
  if (trials === 0) return 1
  return outerEnd(
    successes / trials,
    1,
    (rate) => logEvidenceBelow({ successes, failures }, rate, SHARPNESS.upper) >= Math.log(1 / alpha),
  )
}

/** Lower bound: the greatest rate at which `logEvidenceAbove` reaches ln(1/α); 0 without trials. Mirrors the upper one. */
export function bernoulliLowerBound(successes: number, trials: number, alpha: number): number {
  const failures = requireCounts(successes, trials, alpha)
  if (trials === 0) return 0
  return outerEnd(
    successes / trials,
    0,
    (rate) => logEvidenceAbove({ successes, failures }, rate, SHARPNESS.lower) >= Math.log(1 / alpha),
  )
}

/** From the observed rate, which is never ruled out, to the farther one that is; `end` itself where none is. By bisection. */
function outerEnd(observed: number, end: number, isOut: (rate: number) => boolean): number {
  if (!isOut(end)) return end
  let [inside, outside] = [observed, end]
  while (Math.abs(outside - inside) > TOLERANCE) {
    const middle = (inside + outside) / 2
    if (isOut(middle)) outside = middle
    else inside = middle
  }
  return outside
}

/** ln of base^count, where 0^0 is 1. */
function powers(count: number, base: number): number {
  return count === 0 ? 0 : count * Math.log(base)
}

function requireCounts(successes: number, trials: number, alpha: number): number {
  requireProbability('alpha', alpha)
  if (!(trials >= 0 && Number.isFinite(trials)))
    throw new RangeError(`trials is ${trials}, which is no count.`)
  if (!(successes >= 0 && successes <= trials)) {
    throw new RangeError(`successes is ${successes}, which is not within 0 and ${trials}.`)
  }
  return trials - successes
}
