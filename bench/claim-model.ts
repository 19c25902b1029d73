/** Learns the weights of claims from labels of whole answers, and the scaling of a score to a probability. Pure; no randomness. */

import type { Calibration, ClaimModel } from '../src/evals/groundedness/combine.ts'

export type Example = {
  set: string
  isSupported: boolean
  /** One row of features for each claim, every feature 0 or more. */
  claims: readonly (readonly number[])[]
}

export type LearnSettings = {
  /** Pull towards 0 on weights per standard deviation, in units of examples. */
  l2: number
  steps: number
  /** A set counts as at most this many examples, so that the largest does not decide alone. */
  maxSetWeight: number
}

/** Adam's usual decay (Kingma and Ba 2015, arXiv 1412.6980), the second somewhat shorter because every step sees all examples. */
const DECAY = { first: 0.9, second: 0.99 }
const RATE = { first: 0.1, last: 0.002 }

/**
 * Maximum likelihood of P(answer) = Π σ(intercept − Σ weight · feature) with weights ≥ 0 and an L2 penalty, by projected
 * gradient steps. Within each set both labels weigh the same, so that how often a set's answers are wrong is not learnt.
 */
export function learnClaimModel(examples: readonly Example[], settings: LearnSettings): ClaimModel {
  const importance = importanceOf(examples, settings.maxSetWeight)
  const scales = scalesOf(examples, importance)
  const size = scales.length
  const packed = pack(examples, scales)
  // The last of the parameters is the intercept.
  const parameters = new Float64Array(size + 1).fill(0.05)
  parameters[size] = 2
  const first = new Float64Array(size + 1)
  const second = new Float64Array(size + 1)
  for (let step = 1; step <= settings.steps; step += 1) {
    const gradient = gradientOf(packed, importance, parameters)
    const rate = RATE.first * (1 - step / (settings.steps + 1)) + RATE.last
    for (let at = 0; at <= size; at += 1) {
      const slope = (gradient[at] ?? 0) + (at < size ? settings.l2 * (parameters[at] ?? 0) : 0)
      first[at] = DECAY.first * (first[at] ?? 0) + (1 - DECAY.first) * slope
      second[at] = DECAY.second * (second[at] ?? 0) + (1 - DECAY.second) * slope ** 2
      const mean = (first[at] ?? 0) / (1 - DECAY.first ** step)
      const spread = Math.sqrt((second[at] ?? 0) / (1 - DECAY.second ** step)) + 1e-8
      const moved = (parameters[at] ?? 0) - (rate * mean) / spread
      parameters[at] = at < size ? Math.max(0, moved) : moved
    }
  }
  return {
    intercept: parameters[size] ?? 0,
    weights: scales.map((scale, at) => (parameters[at] ?? 0) / scale),
  }
}

/** Weight of each example: its set's, shared equally by the two labels. A set with one label teaches nothing and weighs 0. */
export function importanceOf(
  examples: readonly { set: string; isSupported: boolean }[],
  maxSetWeight: number,
): Float64Array {
  const keyOf = ({ set, isSupported }: { set: string; isSupported: boolean }) => `${isSupported} ${set}`
  const counts = new Map<string, number>()
  for (const example of examples) counts.set(keyOf(example), (counts.get(keyOf(example)) ?? 0) + 1)
  return Float64Array.from(examples, (example) => {
    const own = counts.get(keyOf(example)) ?? 0
    const other = counts.get(keyOf({ ...example, isSupported: !example.isSupported })) ?? 0
    return other === 0 ? 0 : Math.min(own + other, maxSetWeight) / 2 / own
  })
}

/** Standard deviation of each feature over claims, 1 for one that never varies: what makes one penalty fit all. */
function scalesOf(examples: readonly Example[], importance: Float64Array): number[] {
  const size = examples[0]?.claims[0]?.length ?? 0
  const sums = new Float64Array(size)
  const squares = new Float64Array(size)
  let total = 0
  examples.forEach(({ claims }, at) => {
    const weight = (importance[at] ?? 0) / claims.length
    total += importance[at] ?? 0
    for (const claim of claims) {
      for (let feature = 0; feature < size; feature += 1) {
        const value = claim[feature] ?? 0
        sums[feature] = (sums[feature] ?? 0) + weight * value
        squares[feature] = (squares[feature] ?? 0) + weight * value ** 2
      }
    }
  })
  return Array.from(sums, (sum, at) => {
    const variance = (squares[at] ?? 0) / total - (sum / total) ** 2
    return variance > 1e-12 ? Math.sqrt(variance) : 1
  })
}

type Packed = { size: number; starts: Int32Array; cells: Float64Array; labels: readonly boolean[] }

function pack(examples: readonly Example[], scales: readonly number[]): Packed {
  const starts = new Int32Array(examples.length + 1)
  examples.forEach(({ claims }, at) => {
    starts[at + 1] = (starts[at] ?? 0) + claims.length
  })
  const cells = new Float64Array((starts[examples.length] ?? 0) * scales.length)
  let to = 0
  for (const { claims } of examples) {
    for (const claim of claims) {
      for (let feature = 0; feature < scales.length; feature += 1) {
        cells[to] = (claim[feature] ?? 0) / (scales[feature] ?? 1)
        to += 1
      }
    }
  }
  return { size: scales.length, starts, cells, labels: examples.map(({ isSupported }) => isSupported) }
}

/** Of minus the weighted log-likelihood. */
function gradientOf(packed: Packed, importance: Float64Array, parameters: Float64Array): Float64Array {
  const { size, starts, cells, labels } = packed
  const gradient = new Float64Array(size + 1)
  labels.forEach((isSupported, example) => {
    const [from, to] = [starts[example] ?? 0, starts[example + 1] ?? 0]
    const logits: number[] = []
    for (let claim = from; claim < to; claim += 1) {
      let logit = parameters[size] ?? 0
      for (let at = 0; at < size; at += 1) logit -= (parameters[at] ?? 0) * (cells[claim * size + at] ?? 0)
      logits.push(logit)
    }
    const probability = Math.exp(
      -logits.reduce((sum, logit) => sum + Math.log1p(Math.exp(-Math.max(-30, logit))), 0),
    )
    // How minus the log-likelihood changes with log P; bounded, because a certain mistake would otherwise outweigh all others.
    const outer = isSupported ? -1 : Math.min(50, probability / Math.max(1e-9, 1 - probability))
    logits.forEach((logit, at) => {
      const slope = ((importance[example] ?? 0) * outer) / (1 + Math.exp(logit))
      gradient[size] = (gradient[size] ?? 0) + slope
      const row = (from + at) * size
      for (let feature = 0; feature < size; feature += 1) {
        gradient[feature] = (gradient[feature] ?? 0) - slope * (cells[row + feature] ?? 0)
      }
    })
  })
  return gradient
}

/** An answer as calibration sees it. */
export type Scored = { score: number; claims: number; isSupported: boolean }

const NEWTON_STEPS = 30
/** A pull of one example towards slope 1 and no offsets keeps a set that is told apart entirely from running away. */
const PRIOR: readonly number[] = [1, 0, 0]

/** Weighted maximum likelihood by Newton's method; a slope below 0 would turn the ranking round and becomes 0. */
export function learnCalibration(answers: readonly Scored[], importance: ArrayLike<number>): Calibration {
  // From 0, where the curve is steepest: from a saturated start the first step would overshoot.
  const parameters: number[] = [0, 0, 0]
  for (let step = 0; step < NEWTON_STEPS; step += 1) {
    const gradient = parameters.map((value, at) => value - (PRIOR[at] ?? 0))
    const curvature = PRIOR.map((_, row) => PRIOR.map((__, column): number => (row === column ? 1 : 0)))
    answers.forEach(({ score, claims, isSupported }, at) => {
      const inputs = [score, 1, Math.log(claims)]
      const logit = inputs.reduce((sum, input, place) => sum + input * (parameters[place] ?? 0), 0)
      const probability = 1 / (1 + Math.exp(-logit))
      const weight = importance[at] ?? 0
      inputs.forEach((input, row) => {
        gradient[row] = (gradient[row] ?? 0) + weight * (probability - Number(isSupported)) * input
        inputs.forEach((other, column) => {
          const cells = curvature[row] ?? []
          cells[column] = (cells[column] ?? 0) + weight * probability * (1 - probability) * input * other
        })
      })
    })
    solve(curvature, gradient).forEach((move, at) => {
      parameters[at] = (parameters[at] ?? 0) - move
    })
  }
  const [slope = 1, offset = 0, perClaim = 0] = parameters
  return { slope: Math.max(0, slope), offset, perClaim }
}

/** Gauss-Jordan elimination; the matrix is positive definite, so no pivot is 0. Both arguments are used up. */
function solve(matrix: number[][], right: number[]): number[] {
  matrix.forEach((pivotRow, pivot) => {
    const divisor = pivotRow[pivot] ?? 1
    matrix.forEach((row, at) => {
      if (at === pivot) return
      const factor = (row[pivot] ?? 0) / divisor
      row.forEach((value, column) => {
        row[column] = value - factor * (pivotRow[column] ?? 0)
      })
      right[at] = (right[at] ?? 0) - factor * (right[pivot] ?? 0)
    })
  })
  return right.map((value, at) => value / (matrix[at]?.[at] ?? 1))
}
