/** Items in groups of neighbours. Pure and seeded. */

import type { Matrix } from './random-projection.ts'
import type { Random } from './resample.ts'

const ROUNDS = 20

/**
 * The group of each row, 0…groups − 1, by Lloyd's rounds, twenty at most (1982, https://doi.org/10.1109/TIT.1982.1056489), from
 * centres drawn far from each other (Arthur and Vassilvitskii 2007, k-means++). With fewer different rows than groups some stay empty.
 */
export function kMeans(matrix: Matrix, groups: number, random: Random): Int32Array {
  const { rows, width, cells } = matrix
  const centres = drawCentres(matrix, groups, random)
  const group = new Int32Array(rows).fill(-1)
  for (let round = 0; round < ROUNDS; round += 1) {
    let moved = 0
    for (let row = 0; row < rows; row += 1) {
      const nearest = nearestOf(cells, row * width, centres, width).at
      if (nearest !== group[row]) moved += 1
      group[row] = nearest
    }
    if (moved === 0) break
    moveCentres(matrix, group, centres)
  }
  return group
}

function drawCentres({ rows, width, cells }: Matrix, groups: number, random: Random): Float64Array {
  const centres = new Float64Array(groups * width)
  const far = new Float64Array(rows).fill(Number.POSITIVE_INFINITY)
  let drawn = Math.floor(random() * rows)
  for (let at = 0; at < groups; at += 1) {
    const centre = cells.subarray(drawn * width, (drawn + 1) * width)
    centres.set(centre, at * width)
    let total = 0
    for (let row = 0; row < rows; row += 1) {
      far[row] = Math.min(far[row] ?? 0, distance(cells, row * width, centre, 0, width))
      total += far[row] ?? 0
    }
    let left = random() * total
    drawn = far.findIndex((value) => {
      left -= value
      return left < 0
    })
    if (drawn === -1) drawn = Math.floor(random() * rows)
  }
  return centres
}

function nearestOf(cells: Float64Array, from: number, centres: Float64Array, width: number) {
  let best = { at: 0, distance: Number.POSITIVE_INFINITY }
  for (let at = 0; at * width < centres.length; at += 1) {
    const found = distance(cells, from, centres, at * width, width)
    if (found < best.distance) best = { at, distance: found }
  }
  return best
}

function distance(a: Float64Array, fromA: number, b: Float64Array, fromB: number, width: number): number {
  let sum = 0
  for (let at = 0; at < width; at += 1) sum += ((a[fromA + at] ?? 0) - (b[fromB + at] ?? 0)) ** 2
  return sum
}

/** A group that lost its last row stays where it was. */
function moveCentres({ rows, width, cells }: Matrix, group: Int32Array, centres: Float64Array): void {
  const counts = new Float64Array(centres.length / width)
  const sums = new Float64Array(centres.length)
  for (let row = 0; row < rows; row += 1) {
    const of = group[row] ?? 0
    counts[of] = (counts[of] ?? 0) + 1
    for (let at = 0; at < width; at += 1)
      sums[of * width + at] = (sums[of * width + at] ?? 0) + (cells[row * width + at] ?? 0)
  }
  sums.forEach((sum, at) => {
    const count = counts[Math.floor(at / width)] ?? 0
    if (count > 0) centres[at] = sum / count
  })
}
