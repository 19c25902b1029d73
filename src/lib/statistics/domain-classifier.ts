/** How well a linear classifier tells from which of two samples a vector is: how far they are apart, in one figure. Pure and seeded. */

import { auroc } from './auroc.ts'
import { cholesky, solve } from './cholesky.ts'
import { labelsOf, shuffled } from './permutation.ts'
import type { Matrix } from './random-projection.ts'
import type { Random } from './resample.ts'

const FOLDS = 5
/**
 * Times the mean variance. So heavy that the classifier is near to the difference of the centroids: with some thousand texts and
 * 256 dimensions more freedom is spent on chance (on mixed public questions the lighter ones found less, docs/data-drift.md).
 */
const RIDGE = 10

/**
 * Area under the ROC curve of a ridge logistic regression after one Newton step from zero, on items that it has not seen: the mean
 * over five folds, as scores of two classifiers are not compared with each other. One step from zero is least squares on the labels,
 * which is Fisher's discriminant (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2009, exercise 4.2). A
 * classifier as a two-sample measure: Lopez-Paz and Oquab 2017, https://arxiv.org/abs/1610.06545. ½ for samples that are alike. The
 * first `first` rows are one sample, the others the second one. Null with fewer than ten of either. Work: rows · width².
 */
export function separationOf(matrix: Matrix, first: number, random: Random): number | null {
  const { rows, width, cells } = matrix
  if (Math.min(first, rows - first) < 2 * FOLDS) return null
  const folds = foldsOf(first, rows, random)
  const moments = folds.map((items) => momentsOf(cells, width, items, first))
  const total = sumOf(moments, width)
  let auc = 0
  folds.forEach((items, at) => {
    const slope = slopeOf(total, moments[at] ?? emptyMoments(width), width)
    const scores = items.map((row) => {
      let score = 0
      for (let column = 0; column < width; column += 1)
        score += (cells[row * width + column] ?? 0) * (slope[column] ?? 0)
      return score
    })
    auc +=
      auroc(
        scores,
        items.map((row) => row < first),
      ) ?? 0.5
  })
  return auc / FOLDS
}

/** Each has as many of each sample as the others, give or take one. */
function foldsOf(first: number, rows: number, random: Random): number[][] {
  const fold = labelsOf(0, rows)
  for (const part of [fold.subarray(0, first), fold.subarray(first)]) {
    part.forEach((_, at) => {
      part[at] = at % FOLDS
    })
    shuffled(part, random)
  }
  return Array.from({ length: FOLDS }, (_, wanted) =>
    Array.from(fold, (of, row) => (of === wanted ? row : -1)).filter((row) => row !== -1),
  )
}

/** Sums over some rows: of each sample, and of products (the lower half). */
type Moments = { counts: [number, number]; sums: [Float64Array, Float64Array]; products: Float64Array }

function emptyMoments(width: number): Moments {
  return {
    counts: [0, 0],
    sums: [new Float64Array(width), new Float64Array(width)],
    products: new Float64Array(width * width),
  }
}

function momentsOf(cells: Float64Array, width: number, items: readonly number[], first: number): Moments {
  const moments = emptyMoments(width)
  const { counts, sums, products } = moments
  for (const row of items) {
    const of = row < first ? 0 : 1
    counts[of] += 1
    const values = cells.subarray(row * width, (row + 1) * width)
    for (let at = 0; at < width; at += 1) {
      const value = values[at] ?? 0
      sums[of][at] = (sums[of][at] ?? 0) + value
      const place = at * width
      for (let column = 0; column <= at; column += 1)
        products[place + column] = (products[place + column] ?? 0) + value * (values[column] ?? 0)
    }
  }
  return moments
}

function sumOf(parts: readonly Moments[], width: number): Moments {
  const total = emptyMoments(width)
  for (const { counts, sums, products } of parts) {
    for (const side of [0, 1] as const) {
      total.counts[side] += counts[side]
      add(total.sums[side], sums[side])
    }
    add(total.products, products)
  }
  return total
}

function add(to: Float64Array, values: Float64Array): void {
  for (let at = 0; at < to.length; at += 1) to[at] = (to[at] ?? 0) + (values[at] ?? 0)
}

/** (scatter + ridge)⁻¹ (m₁ − m₂) of all rows but the fold's own. */
function slopeOf(total: Moments, own: Moments, width: number): Float64Array {
  const counts = [total.counts[0] - own.counts[0], total.counts[1] - own.counts[1]] as const
  const size = counts[0] + counts[1]
  const sums = [0, 1].map((of) =>
    total.sums[of as 0 | 1].map((sum, at) => sum - (own.sums[of as 0 | 1][at] ?? 0)),
  )
  const [one = new Float64Array(width), other = new Float64Array(width)] = sums
  const scatter = total.products.map((sum, at) => sum - (own.products[at] ?? 0))
  let trace = 0
  for (let at = 0; at < width; at += 1) {
    const mean = ((one[at] ?? 0) + (other[at] ?? 0)) / size
    for (let column = 0; column <= at; column += 1)
      scatter[at * width + column] =
        (scatter[at * width + column] ?? 0) - mean * ((one[column] ?? 0) + (other[column] ?? 0))
    trace += scatter[at * width + at] ?? 0
  }
  // All rows alike have no direction at all, and any ridge will do.
  const ridge = trace > 1e-12 ? RIDGE * (trace / width) : 1
  for (let at = 0; at < width; at += 1) scatter[at * width + at] = (scatter[at * width + at] ?? 0) + ridge
  const shift = one.map((sum, at) => sum / counts[0] - (other[at] ?? 0) / counts[1])
  return solve(cholesky(scatter, width), shift)
}
