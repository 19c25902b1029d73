/** Intervals of one rate: k of n. Pure. */

import { betaQuantile, normalQuantile } from './distributions.ts'
import { requireProbability } from './inputs.ts'

/**
 * Wilson's score interval: (p̂ + z²/2n ± z √(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n) (Wilson 1927,
 * https://doi.org/10.1080/01621459.1927.10502953; recommended for small n by Brown, Cai and DasGupta 2001,
 * https://doi.org/10.1214/ss/1009213286). Covers 95 % on average over rates; at single rates near 0 or 1 it may cover less:
 * docs/statistics.md has the figures. `trials` may be an effective size and no whole number. Throws RangeError unless
 * 0 ≤ successes ≤ trials and trials > 0.
 */
export function wilsonInterval(
  successes: number,
  trials: number,
  confidence: number,
): { low: number; high: number } {
  requireRate(successes, trials, confidence)
  const z = normalQuantile((1 + confidence) / 2)
  const rate = successes / trials
  const spread = z * Math.sqrt((rate * (1 - rate)) / trials + (z * z) / (4 * trials * trials))
  const middle = rate + (z * z) / (2 * trials)
  const scale = 1 + (z * z) / trials
  return {
    low: successes === 0 ? 0 : (middle - spread) / scale,
    high: successes === trials ? 1 : (middle + spread) / scale,
  }
}

/**
 * The exact interval of Clopper and Pearson (1934, https://doi.org/10.1093/biomet/26.4.404), by quantiles of the beta
 * distribution: never covers less than it says, and so is wider than it need be. Throws as `wilsonInterval` does.
 */
export function exactInterval(
  successes: number,
  trials: number,
  confidence: number,
): { low: number; high: number } {
  requireRate(successes, trials, confidence)
  const tail = (1 - confidence) / 2
  const failures = trials - successes
  return {
    low: successes === 0 ? 0 : betaQuantile(tail, successes, failures + 1),
    high: failures === 0 ? 1 : betaQuantile(1 - tail, successes + 1, failures),
  }
}

function requireRate(successes: number, trials: number, confidence: number): void {
  requireProbability('confidence', confidence)
  if (!(trials > 0 && Number.isFinite(trials)))
    throw new RangeError(`trials is ${trials}, which is not above 0.`)
  if (!(successes >= 0 && successes <= trials)) {
    throw new RangeError(`successes is ${successes}, which is not within 0 and ${trials}.`)
  }
}
