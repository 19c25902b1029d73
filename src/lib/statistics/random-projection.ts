/** Vectors in fewer dimensions that keep their distances nearly. Pure and seeded. */

import type { Random } from './resample.ts'

/** Rows of equal width, one after another. */
export type Matrix = { rows: number; width: number; cells: Float64Array }

/**
 * Each vector times one matrix of random signs, divided by √width (Achlioptas 2003, "Database-friendly random projections",
 * https://doi.org/10.1016/S0022-0000(03)00025-4). Vectors that are no wider are copied as they are. Throws RangeError for vectors of
 * different widths.
 */
export function projectRandomly(vectors: readonly Float32Array[], width: number, random: Random): Matrix {
  const from = vectors[0]?.length ?? 0
  const to = Math.min(width, from)
  const signs = new Float64Array(from * to)
  if (from > to) for (let at = 0; at < signs.length; at += 1) signs[at] = random() < 0.5 ? -1 : 1
  const cells = new Float64Array(vectors.length * to)
  vectors.forEach((vector, row) => {
    if (vector.length !== from)
      throw new RangeError(`Vector ${row} has ${vector.length} dimensions, others ${from}.`)
    const place = row * to
    if (from === to) cells.set(vector, place)
    else addProjected(cells, place, vector, signs, to)
  })
  return { rows: vectors.length, width: to, cells }
}

function addProjected(
  cells: Float64Array,
  place: number,
  vector: Float32Array,
  signs: Float64Array,
  to: number,
): void {
  const scale = 1 / Math.sqrt(to)
  for (let at = 0; at < vector.length; at += 1) {
    const value = (vector[at] ?? 0) * scale
    const of = at * to
    for (let column = 0; column < to; column += 1)
      cells[place + column] = (cells[place + column] ?? 0) + value * (signs[of + column] ?? 0)
  }
}
