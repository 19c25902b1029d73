/** A mean of true scores from few labels and many judgements: unbiased whatever the judge is worth. Pure. */

import { CONFIDENCE } from './bootstrap.ts'
import { studentQuantile } from './distributions.ts'
import { requireFinite, requirePairs, requireProbability } from './inputs.ts'

export type Predictions = {
  /** Items with a label: the true score, and what the judge gave. */
  labels: readonly number[]
  judgedLabelled: readonly number[]
  /** What the judge gave to items without a label. */
  judged: readonly number[]
}

export type PredictionPowered = {
  estimate: number
  low: number
  high: number
  se: number
  /** How much of the judge is used: 0 not at all, as a judge that knows nothing deserves, 1 fully. */
  lambda: number
  method: 'ppi@1'
}

/**
 * λ · mean of judged + mean of (label − λ · judged) over labelled items, with λ = Cov(Y, f) / ((1 + n/N) Var f) cut to 0…1 and
 * variance λ² Var(f) / N + Var(Y − λf) / n (Angelopoulos, Duchi and Zrnic, "PPI++", arXiv 2311.01453, section 6; n labelled, N
 * judged). Each labelled item takes its λ from the other labelled ones: with one λ from all of them the estimate would lean by
 * about 0.005 at 60 labels. The paper takes z; here t with n−1 degrees of freedom, because labels are few. Items must be
 * independent and labelled ones drawn at random. Null with fewer than three labelled or two judged items. Throws RangeError for
 * lists of different lengths and values that are not finite.
 */
export function predictionPowered(
  { labels, judgedLabelled, judged }: Predictions,
  confidence = CONFIDENCE,
): PredictionPowered | null {
  requireProbability('confidence', confidence)
  requirePairs(labels, judgedLabelled)
  requireFinite('labels', labels)
  requireFinite('judgedLabelled', judgedLabelled)
  requireFinite('judged', judged)
  const [n, N] = [labels.length, judged.length]
  if (n < 3 || N < 2) return null
  const lambdas = lambdasWithout(labels, judgedLabelled, 1 + n / N)
  const ofJudged = mean(judged)
  const rests = labels.map((label, at) => label + (lambdas[at] ?? 0) * (ofJudged - (judgedLabelled[at] ?? 0)))
  const estimate = mean(rests)
  const lambda = mean(lambdas)
  const se = Math.sqrt((lambda * lambda * variance(judged)) / N + variance(rests) / n)
  const reach = studentQuantile((1 + confidence) / 2, n - 1) * se
  return { estimate, low: estimate - reach, high: estimate + reach, se, lambda, method: 'ppi@1' }
}

/** For each item the λ that all others call for; 0 where the judge gave them all the same. */
function lambdasWithout(labels: readonly number[], judged: readonly number[], scale: number): number[] {
  const [ofLabels, ofJudged] = [mean(labels), mean(judged)]
  const together = covariance(labels, judged)
  const spread = covariance(judged, judged)
  // What one item takes out of the sums of products about the mean of all n: its own product times n / (n − 1).
  const share = labels.length / (labels.length - 1) ** 2
  return labels.map((label, at) => {
    const away = (judged[at] ?? 0) - ofJudged
    const left = spread - share * away * away
    const lambda =
      left <= 1e-12 * spread ? 0 : (together - share * away * (label - ofLabels)) / (scale * left)
    return Math.min(1, Math.max(0, lambda))
  })
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function covariance(first: readonly number[], second: readonly number[]): number {
  const [ofFirst, ofSecond] = [mean(first), mean(second)]
  const sum = first.reduce(
    (total, value, at) => total + (value - ofFirst) * ((second[at] ?? 0) - ofSecond),
    0,
  )
  return sum / (first.length - 1)
}

function variance(values: readonly number[]): number {
  return covariance(values, values)
}
