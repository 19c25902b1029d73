/** Chances over several attempts at one item: that any succeeds, that all do. Pure. */

import { requireWhole } from './inputs.ts'

/**
 * pass@k, the chance that at least one of k attempts succeeds, estimated without bias from `successes` of `attempts`: 1 −
 * C(n−c, k) / C(n, k), as a product because the binomials overflow (Chen et al. 2021, arXiv 2107.03374, equation 1 and figure
 * 3). 1 − (1 − c/n)^k would be too low. Throws RangeError unless 0 ≤ successes ≤ attempts and 1 ≤ k ≤ attempts.
 */
export function passAtK(successes: number, attempts: number, k: number): number {
  return 1 - allOf(attempts - successes, attempts, k)
}

/**
 * pass^k, the chance that all k attempts succeed: C(c, k) / C(n, k) (Yao et al. 2024, "τ-bench", arXiv 2406.12045, section 3).
 * (c/n)^k would be too high. Throws as `passAtK` does.
 */
export function passHatK(successes: number, attempts: number, k: number): number {
  return allOf(successes, attempts, k)
}

/** C(some, k) / C(all, k): the chance that k drawn without putting back are all among `some`. */
function allOf(some: number, all: number, k: number): number {
  requireWhole('attempts', all, 1)
  requireWhole('successes', some, 0, all)
  requireWhole('k', k, 1, all)
  let chance = 1
  for (let drawn = 0; drawn < k; drawn += 1) chance *= Math.max(0, some - drawn) / (all - drawn)
  return chance
}
