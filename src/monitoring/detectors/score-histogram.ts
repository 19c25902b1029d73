/** How large a score usually was: a histogram with bins of equal ratio that forgets slowly. Pure but for the state given. */

/** `total` is the sum of `counts`. */
export type ScoreHistogram = { counts: number[]; total: number }

/**
 * Bins of the ratio γ = (1 + a) / (1 − a) give every quantile within the relative error a: DDSketch, Masson, Rim and Lee,
 * <https://doi.org/10.14778/3352063.3352135>, section 2. Below `LEAST` all scores are alike, above the last bin too.
 */
const RELATIVE_ERROR = 0.02
const RATIO_LOG = Math.log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))
const LEAST = 0.05
const BINS = 300
/** Four weeks of five-minute points; then every count is halved, so that old scores fade. */
const MAX_TOTAL = 8064

export function newScoreHistogram(): ScoreHistogram {
  return { counts: Array.from({ length: BINS }, () => 0), total: 0 }
}

/** Changes `histogram`. */
export function learnScore(histogram: ScoreHistogram, score: number): void {
  const bin = binOf(score)
  histogram.counts[bin] = (histogram.counts[bin] ?? 0) + 1
  histogram.total += 1
  fade(histogram)
}

/** Changes `histogram` by all that `other` holds. */
export function addScores(histogram: ScoreHistogram, other: ScoreHistogram): void {
  histogram.counts = histogram.counts.map((count, bin) => count + (other.counts[bin] ?? 0))
  histogram.total += other.total
  fade(histogram)
}

function fade(histogram: ScoreHistogram): void {
  if (histogram.total < MAX_TOTAL) return
  histogram.counts = histogram.counts.map((count) => count / 2)
  histogram.total /= 2
}

/** The score that `share` (0…1) of all scores are at most, within 2 %; 0 of none, and for scores below 0.05. */
export function scoreQuantile({ counts, total }: ScoreHistogram, share: number): number {
  let above = (1 - share) * total
  for (let bin = BINS - 1; bin > 0; bin -= 1) {
    above -= counts[bin] ?? 0
    if (above < 0) return LEAST * Math.exp((bin - 0.5) * RATIO_LOG)
  }
  return 0
}

/** Bin 0 holds what is below `LEAST`. */
function binOf(score: number): number {
  if (score < LEAST) return 0
  return Math.min(BINS - 1, 1 + Math.floor(Math.log(score / LEAST) / RATIO_LOG))
}
