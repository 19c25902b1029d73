/** Four control charts over one series of deviations: each is large when the series changed in its own way. */

export type Charts = { average: number; square: number; above: number; below: number }
/** Each ≥ 0, and 0 for a series that stays at its mean. */
export type Scores = { jump: number; level: number; spread: number; creep: number }

/** Roberts' λ: 0.05 … 0.25 are usual, <https://doi.org/10.1080/00401706.1959.10489860>. */
const AVERAGE_WEIGHT = 0.05
/** Standard deviation of the average of independent deviations, in those of one: √(λ / (2 − λ)). */
const AVERAGE_SCALE = Math.sqrt(AVERAGE_WEIGHT / (2 - AVERAGE_WEIGHT))
/** For `spread` and `creep`, so that one outlier is neither a change of the variance nor a creep. */
const CLIPPED_AT = 4
/** Page's reference value k for shifts of one standard deviation, <https://doi.org/10.1093/biomet/41.1-2.100>. */
const SLACK = 0.5
/** A sum that is larger would take too long to come down again. */
const MAX_SUM = 10_000

export function newCharts(): Charts {
  return { average: 0, square: 1, above: 0, below: 0 }
}

/**
 * Changes `charts` by one deviation, in standard deviations: `jump` is its size, `level` an EWMA chart, `spread` an EWMA of squares
 * and `creep` the larger of two one-sided CUSUMs.
 */
export function chart(charts: Charts, deviation: number): Scores {
  const clipped = Math.max(-CLIPPED_AT, Math.min(CLIPPED_AT, deviation))
  charts.average += AVERAGE_WEIGHT * (deviation - charts.average)
  charts.square += AVERAGE_WEIGHT * (clipped * clipped - charts.square)
  charts.above = Math.min(MAX_SUM, Math.max(0, charts.above + clipped - SLACK))
  charts.below = Math.min(MAX_SUM, Math.max(0, charts.below - clipped - SLACK))
  return {
    jump: Math.abs(deviation),
    level: Math.abs(charts.average) / AVERAGE_SCALE,
    spread: charts.square,
    creep: Math.max(charts.above, charts.below),
  }
}
