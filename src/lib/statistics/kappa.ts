/** Agreement of two raters beyond chance, from the table of who gave which label. Pure. */

/** Cohen's kappa, unweighted or with a disagreement's weight growing with its distance or its square; Gwet's AC1. */
export type AgreementMeasure = 'kappa' | 'kappa-linear' | 'kappa-quadratic' | 'ac1'

/**
 * The measure of a table whose cell `row · categories + column` counts the items that the first rater put into `row` and the
 * second into `column`. NaN for an empty table, and for a kappa whose chance agreement is 1: both gave one and the same label
 * throughout, which says nothing of how they would agree on others.
 */
export function agreementIn(table: Float64Array, categories: number, measure: AgreementMeasure): number {
  const total = table.reduce((sum, count) => sum + count, 0)
  const first = new Float64Array(categories)
  const second = new Float64Array(categories)
  const weight = weightOf(measure, categories)
  let observed = 0
  table.forEach((count, cell) => {
    const [row, column] = [Math.floor(cell / categories), cell % categories]
    const share = count / total
    first[row] = (first[row] ?? 0) + share
    second[column] = (second[column] ?? 0) + share
    observed += weight(row, column) * share
  })
  const expected = measure === 'ac1' ? gwetChance(first, second) : cohenChance(first, second, weight)
  // What is left of 1 after adding shares up is rounding.
  return 1 - expected < 1e-12 ? Number.NaN : (observed - expected) / (1 - expected)
}

type Weight = (row: number, column: number) => number

/**
 * How much two labels agree, 0…1. Cohen 1960 (https://doi.org/10.1177/001316446002000104); weighted: Cohen 1968
 * (https://doi.org/10.1037/h0026256), with the linear and the quadratic weights in common use.
 */
function weightOf(measure: AgreementMeasure, categories: number): Weight {
  const widest = Math.max(1, categories - 1)
  if (measure === 'kappa-linear') return (row, column) => 1 - Math.abs(row - column) / widest
  if (measure === 'kappa-quadratic') return (row, column) => 1 - ((row - column) / widest) ** 2
  return (row, column) => (row === column ? 1 : 0)
}

/** Agreement if both raters drew labels by chance, each as often as it gave them. */
function cohenChance(first: Float64Array, second: Float64Array, weight: Weight): number {
  let expected = 0
  first.forEach((of, row) => {
    second.forEach((with_, column) => {
      expected += weight(row, column) * of * with_
    })
  })
  return expected
}

/**
 * Σ π_k (1 − π_k) / (q − 1), π_k the mean share of label k over both raters: chance agreement that does not rise to 1 where
 * nearly all items share one label, as Cohen's does (Gwet 2008, https://doi.org/10.1348/000711006X126600, equation 2.4).
 */
function gwetChance(first: Float64Array, second: Float64Array): number {
  const spread = first.reduce((sum, share, at) => {
    const mean = (share + (second[at] ?? 0)) / 2
    return sum + mean * (1 - mean)
  }, 0)
  return spread / Math.max(1, first.length - 1)
}
