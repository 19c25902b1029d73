/** Bounds of the mean of values in 0…1, such as scores, that hold at every look at once; one value at a time. Pure. */

import type { Ends } from './ends.ts'
import { requireProbability, requireShares } from './inputs.ts'

/** What is kept of all values seen: nothing grows with their number. */
export type BoundedSequence = {
  /** The chance with which one bound ever fails. Fixed at the beginning, for the weights depend on it. */
  readonly alpha: number
  readonly n: number
  readonly sum: number
  /** Σ (x_i − μ̂_i)², of which σ̂² is made. */
  readonly squares: number
  /** Σ λ_i and Σ λ_i · x_i. */
  readonly weights: number
  readonly weighted: number
  /** Σ ψ(λ_i) · (x_i − μ̂_{i−1})². */
  readonly penalty: number
}

/** No weight is larger. The paper's choice: near 1 one odd value would cost too much. */
const MOST_WEIGHT = 0.5

export function beginBounded(alpha: number): BoundedSequence {
  requireProbability('alpha', alpha)
  return { alpha, n: 0, sum: 0, squares: 0, weights: 0, weighted: 0, penalty: 0 }
}

/**
 * The state after one more value. Values must come in an order that nothing later changes, such as that of arrival: the weight
 * λ_t = min(½, √(2 ln(1/α) / (σ̂²_{t−1} · t · ln(1 + t)))) of a value may know only those before it. σ̂²_t = (¼ + Σ(x_i −
 * μ̂_i)²) / (t + 1), μ̂_t = (½ + Σx_i) / (t + 1) (Waudby-Smith and Ramdas 2024, section 3.2,
 * https://doi.org/10.1093/jrsssb/qkad009). Throws RangeError for a value outside 0…1.
 */
export function observe(state: BoundedSequence, value: number): BoundedSequence {
  requireShares('value', [value])
  const t = state.n + 1
  const before = (0.5 + state.sum) / t
  const variance = (0.25 + state.squares) / t
  const best = Math.sqrt((2 * Math.log(1 / state.alpha)) / (variance * t * Math.log1p(t)))
  const weight = Math.min(MOST_WEIGHT, best)
  const after = (0.5 + state.sum + value) / (t + 1)
  return {
    alpha: state.alpha,
    n: t,
    sum: state.sum + value,
    squares: state.squares + (value - after) ** 2,
    weights: state.weights + weight,
    weighted: state.weighted + weight * value,
    penalty: state.penalty + (-Math.log1p(-weight) - weight) * (value - before) ** 2,
  }
}

/**
 * Two one-sided bounds, each of which ever fails with the chance α at most: Σλx/Σλ ∓ (ln(1/α) + Σψ(λ)(x − μ̂)²) / Σλ, with
 * ψ(λ) = −ln(1 − λ) − λ (predictable plug-in empirical Bernstein, the same paper, Theorem 2, of which each side is taken alone;
 * their v and ψ_E carry a 4 and a ¼ that cancel). Cut to 0…1; the whole scale without values.
 */
export function boundedBounds({ alpha, weights, weighted, penalty }: BoundedSequence): Ends {
  if (weights === 0) return { low: 0, high: 1 }
  const middle = weighted / weights
  const reach = (Math.log(1 / alpha) + penalty) / weights
  return { low: Math.max(0, middle - reach), high: Math.min(1, middle + reach) }
}
