import { expect, test } from 'vitest'
import { namedRandom, seededRandom } from '../../../src/lib/random.ts'
import { auroc } from '../../../src/lib/statistics/auroc.ts'
import { cholesky, solve } from '../../../src/lib/statistics/cholesky.ts'
import { separationOf } from '../../../src/lib/statistics/domain-classifier.ts'
import { kMeans } from '../../../src/lib/statistics/k-means.ts'
import { logOddsOfWords } from '../../../src/lib/statistics/log-odds.ts'
import { labelsOf, permutationTest } from '../../../src/lib/statistics/permutation.ts'
import { type Matrix, projectRandomly } from '../../../src/lib/statistics/random-projection.ts'
import {
  centroidShift,
  cramersV,
  entropyDifference,
  smirnovDistance,
} from '../../../src/lib/statistics/unlike.ts'

/** Rows of noise; those before `first` are moved by `shift` in the first column. */
function noise(rows: number, width: number, first: number, shift: number, random: () => number): Matrix {
  const cells = Float64Array.from({ length: rows * width }, () => random() + random() + random() - 1.5)
  for (let row = 0; row < first; row += 1) cells[row * width] = (cells[row * width] ?? 0) + shift
  return { rows, width, cells }
}

test('a permutation p is uniform where labels mean nothing, and never below what its draws can tell', () => {
  const random = seededRandom(1)
  const ps = Array.from({ length: 400 }, () => {
    const { cells } = noise(40, 2, 20, 0, random)
    return permutationTest(labelsOf(20, 20), centroidShift(cells, 2), { random, most: 199 }).p
  })
  for (const level of [0.05, 0.1, 0.25, 0.5, 0.75]) {
    const share = ps.filter((p) => p <= level).length / ps.length
    // Three standard errors of a share of 400.
    expect(Math.abs(share - level)).toBeLessThan(3 * Math.sqrt((level * (1 - level)) / 400) + 1 / 200)
  }
  expect(Math.min(...ps)).toBeGreaterThanOrEqual(1 / 200)
})

test('a permutation test ends early without a difference, and counts all draws with one', () => {
  const values = Float64Array.from({ length: 60 }, (_, at) => (at < 30 ? 1 : 0))
  const apart = permutationTest(labelsOf(30, 30), smirnovDistance(values), { random: seededRandom(2) })
  expect(apart).toEqual({ statistic: 1, p: 1 / 2000, permutations: 1999 })
  const alike = permutationTest(labelsOf(30, 30), smirnovDistance(new Float64Array(60)), {
    random: seededRandom(2),
  })
  expect(alike).toEqual({ statistic: 0, p: 1, permutations: 20 })
})

test('the figures of two samples are those of hand', () => {
  const labels = labelsOf(4, 4)
  // χ² of ((3, 1), (1, 3)) is 2, of eight items.
  expect(cramersV(Int32Array.of(0, 0, 0, 1, 0, 1, 1, 1))(labels)).toBeCloseTo(0.5, 12)
  expect(cramersV(Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1))(labels)).toBeCloseTo(1, 12)
  expect(cramersV(new Int32Array(8))(labels)).toBe(0)
  // At 2 the first sample has three quarters below, the second one quarter.
  expect(smirnovDistance(Float64Array.of(1, 2, 2, 5, 2, 3, 4, 5))(labels)).toBeCloseTo(0.5, 12)
  expect(centroidShift(Float64Array.of(1, 1, 1, 1, 0, 0, 0, 0), 1)(labels)).toBeCloseTo(1, 12)
  // Two bits against one.
  const hits = [0, 1, 2, 3, 0, 0, 1, 1].map((hit) => Int32Array.of(hit))
  expect(entropyDifference(hits)(labels)).toBeCloseTo(1, 12)
})

test('Cholesky solves what it factors, and refuses what has no factor', () => {
  // ((4, 2), (2, 3)) · (1, 2) = (8, 8).
  const factor = cholesky(Float64Array.of(4, 0, 2, 3), 2)
  expect(Array.from(solve(factor, Float64Array.of(8, 8)), (x) => Math.round(x * 1e9) / 1e9)).toEqual([1, 2])
  expect(() => cholesky(Float64Array.of(1, 0, 2, 1), 2)).toThrow('not positive definite at row 1')
})

test('the classifier has the AUC of its direction where there is one, about ½ where there is none, and none of too few', () => {
  const random = seededRandom(3)
  const apart = noise(400, 8, 200, 0.7, random)
  // The best direction is known here, so that its AUC on all items is what the classifier can reach.
  const first = Array.from({ length: 400 }, (_, row) => apart.cells[row * 8] ?? 0)
  const best = auroc(
    first,
    first.map((_, row) => row < 200),
  )
  const found = separationOf(apart, 200, random)
  expect(found).toBeGreaterThan((best ?? 1) - 0.03)
  expect(Math.abs((separationOf(noise(400, 8, 200, 0, random), 200, random) ?? 0) - 0.5)).toBeLessThan(0.08)
  expect(separationOf(noise(400, 8, 9, 0, random), 9, random)).toBeNull()
  // Rows that are all alike have no direction.
  expect(separationOf({ rows: 40, width: 2, cells: new Float64Array(80) }, 20, random)).toBe(0.5)
})

test('the classifier’s AUC is that of every pair counted', () => {
  const random = seededRandom(4)
  const scores = Array.from({ length: 60 }, () => Math.round(random() * 10))
  const labels = scores.map((_, at) => at % 3 === 0)
  let wins = 0
  let pairs = 0
  scores.forEach((a, i) => {
    scores.forEach((b, j) => {
      if (!labels[i] || labels[j]) return
      pairs += 1
      wins += a > b ? 1 : a === b ? 0.5 : 0
    })
  })
  expect(auroc(scores, labels)).toBeCloseTo(wins / pairs, 12)
})

test('a projection keeps distances nearly, is the same for its seed, and leaves narrow vectors as they are', () => {
  const random = seededRandom(5)
  const vectors = Array.from({ length: 2 }, () => Float32Array.from({ length: 1000 }, () => random() - 0.5))
  const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Math.sqrt(Array.from(a).reduce((sum, value, at) => sum + (value - (b[at] ?? 0)) ** 2, 0))
  const { cells, width } = projectRandomly(vectors, 256, namedRandom('a'))
  const [one, other] = [cells.subarray(0, 256), cells.subarray(256)]
  const ratio = distance(one, other) / distance(vectors[0] ?? [], vectors[1] ?? [])
  expect(width).toBe(256)
  expect(Math.abs(ratio - 1)).toBeLessThan(0.15)
  expect(projectRandomly(vectors, 256, namedRandom('a')).cells).toEqual(cells)
  expect(projectRandomly([Float32Array.of(1, 2)], 256, random).cells).toEqual(Float64Array.of(1, 2))
  expect(() => projectRandomly([Float32Array.of(1), Float32Array.of(1, 2)], 4, random)).toThrow(
    'Vector 1 has 2',
  )
})

test('k-means finds groups that are far apart, and leaves groups empty that rows are too few for', () => {
  const random = seededRandom(6)
  const cells = Float64Array.from({ length: 90 }, (_, row) => (row % 3) * 100 + random())
  const group = kMeans({ rows: 90, width: 1, cells }, 3, random)
  for (let row = 3; row < 90; row += 1) expect(group[row]).toBe(group[row % 3])
  expect(new Set(group).size).toBe(3)
  expect(new Set(kMeans({ rows: 5, width: 1, cells: new Float64Array(5) }, 3, random)).size).toBe(1)
})

test('log-odds put first what one side alone has, and near 0 what both have alike', () => {
  const odds = logOddsOfWords([
    { word: 'refund', first: 40, second: 2 },
    { word: 'the', first: 400, second: 410 },
    { word: 'rare', first: 1, second: 0 },
    { word: 'parcel', first: 4000, second: 4000 },
  ])
  const z = Object.fromEntries(odds.map((one) => [one.word, one.z]))
  expect(z.refund).toBeGreaterThan(3)
  expect(Math.abs(z.the ?? 9)).toBeLessThan(1.96)
  expect(Math.abs(z.rare ?? 9)).toBeLessThan(1)
  expect(logOddsOfWords([])).toEqual([])
})
