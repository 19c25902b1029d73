/** How strongly counts speak against a rate, on one side, however often they are looked at: a mixture martingale. Pure. */

import { betaCdf, logBeta } from './distributions.ts'

export type Counts = { successes: number; failures: number }

/**
 * ln of the evidence that the true rate lies below `rate`. The likelihood ratio of θ = rate · u against `rate` is averaged
 * over u of the beta distribution (`sharpness`, 1): M = c · rate^(−c) · B_rate(s + c, f + 1) / (rate^s · (1 − rate)^f), with c
 * the sharpness and B_x the incomplete beta function. The larger c, the nearer to `rate` lie the rates that M is quick to tell
 * from it.
 *
 * While the true rate is at least `rate`, each ratio with θ < rate is a supermartingale that begins at 1, and so is M: it ever
 * reaches 1/α with the chance α at most (Ville 1939). Mixtures of one side: Robbins 1970,
 * https://doi.org/10.1214/aoms/1177696786; the beta-binomial one of Howard, Ramdas, McAuliffe and Sekhon 2021,
 * https://doi.org/10.1214/20-AOS1991. Here the mixture scales with the rate, so that u^s · ((1 − rate · u) / (1 − rate))^f,
 * and M with it, grows with `rate`: what is not ruled out is an interval. M falls with s where s + f stays. Values within 0…1
 * may take the place of yes and no, with s their sum, as the ratio is convex.
 *
 * 0 < rate ≤ 1; counts may be no whole numbers. Far below the observed rate −∞, which is no evidence.
 */
export function logEvidenceBelow({ successes, failures }: Counts, rate: number, sharpness: number): number {
  if (rate === 1 && failures > 0) return Number.POSITIVE_INFINITY
  const likelihood = successes * Math.log(rate) + (failures === 0 ? 0 : failures * Math.log1p(-rate))
  const [a, b] = [successes + sharpness, failures + 1]
  const mixed = Math.log(betaCdf(rate, a, b)) + logBeta(a, b)
  return Math.log(sharpness) - sharpness * Math.log(rate) + mixed - likelihood
}

/** ln of the evidence that the true rate lies above `rate`, 0 ≤ rate < 1: the same with yes and no exchanged. */
export function logEvidenceAbove({ successes, failures }: Counts, rate: number, sharpness: number): number {
  return logEvidenceBelow({ successes: failures, failures: successes }, 1 - rate, sharpness)
}
