/** Whether a probability means what it says: of all that were called 80 % sure, are 80 % right? Pure. */

import { requirePairs, requireShares, requireWhole } from './inputs.ts'

/**
 * Brier score: mean of (probability − outcome)², 0 best, 0.25 for saying ½ always (Brier 1950,
 * https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2). Rewards being right as well as being calibrated. Null
 * without items; throws RangeError for lists of different lengths and probabilities outside 0…1.
 */
export function brierScore(probabilities: readonly number[], outcomes: readonly boolean[]): number | null {
  requirePairs(probabilities, outcomes)
  requireShares('probabilities', probabilities)
  if (probabilities.length === 0) return null
  const squares = probabilities.map((probability, at) => (probability - Number(outcomes[at])) ** 2)
  return squares.reduce((sum, square) => sum + square, 0) / squares.length
}

/**
 * Expected calibration error over bins of equal mass: Σ |mean probability − share of true outcomes| · items of the bin / all
 * (Nixon et al. 2019, "Measuring Calibration in Deep Learning", arXiv 1904.01685; with bins of equal width most are empty). Equal
 * probabilities stay in one bin, so bins may be fewer and uneven. Above 0 by chance alone, the more so with many bins of few items
 * (Roelofs et al. 2022, arXiv 2012.08668): compare only with the same number of both. Null without items; throws as `brierScore`.
 */
export function expectedCalibrationError(
  probabilities: readonly number[],
  outcomes: readonly boolean[],
  bins = 10,
): number | null {
  requirePairs(probabilities, outcomes)
  requireShares('probabilities', probabilities)
  requireWhole('bins', bins, 1)
  const count = probabilities.length
  if (count === 0) return null
  const sorted = probabilities
    .map((probability, at) => ({ probability, gap: probability - Number(outcomes[at]) }))
    .sort((a, b) => a.probability - b.probability)
  let [error, gap, filled] = [0, 0, 0]
  sorted.forEach((item, at) => {
    gap += item.gap
    const isFull = at + 1 >= (Math.min(filled + 1, bins) * count) / bins
    const isLastOfEqual = sorted[at + 1]?.probability !== item.probability
    if (!(isFull && isLastOfEqual)) return
    error += Math.abs(gap) / count
    gap = 0
    filled = Math.floor(((at + 1) * bins) / count)
  })
  return error
}
