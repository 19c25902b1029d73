/** How well a score tells yes from no: over all thresholds, and at one. Pure. */

import { requireFinite, requirePairs } from './inputs.ts'
import { midranks } from './ranks.ts'

/**
 * Area under the ROC curve: the chance that an item whose label is true scores higher than one whose label is false, ties
 * counting half; by the ranks of Mann and Whitney (Hanley and McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747).
 * Null when one of the labels is missing; throws RangeError for lists of different lengths and scores that are not finite.
 */
export function auroc(scores: readonly number[], labels: readonly boolean[]): number | null {
  requirePairs(scores, labels)
  requireFinite('scores', scores)
  const positives = labels.filter(Boolean).length
  const negatives = labels.length - positives
  if (positives === 0 || negatives === 0) return null
  const { ranks } = midranks(scores)
  const sum = ranks.reduce((total, rank, at) => total + (labels[at] === true ? rank : 0), 0)
  return (sum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/**
 * Mean of sensitivity and specificity when scores of `threshold` or more are called true: ½ for a score that knows nothing,
 * however rare the label is (Brodersen et al. 2010, https://doi.org/10.1109/ICPR.2010.764). Null and errors as `auroc`.
 */
export function balancedAccuracy(
  scores: readonly number[],
  labels: readonly boolean[],
  threshold: number,
): number | null {
  requirePairs(scores, labels)
  requireFinite('scores', scores)
  const positives = labels.filter(Boolean).length
  const negatives = labels.length - positives
  if (positives === 0 || negatives === 0) return null
  const found = labels.filter((label, at) => label && (scores[at] ?? 0) >= threshold).length
  const rejected = labels.filter((label, at) => !label && (scores[at] ?? 0) < threshold).length
  return (found / positives + rejected / negatives) / 2
}

/**
 * The threshold, among the scores themselves, with the highest balanced accuracy; the lowest such one. Chosen on these items, its
 * accuracy on them is flattered: measure it on others. Null and errors as `auroc`. Work: n log n.
 */
export function bestThreshold(
  scores: readonly number[],
  labels: readonly boolean[],
): { threshold: number; balancedAccuracy: number } | null {
  requirePairs(scores, labels)
  requireFinite('scores', scores)
  const positives = labels.filter(Boolean).length
  const negatives = labels.length - positives
  if (positives === 0 || negatives === 0) return null
  const order = scores.map((_, at) => at).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
  let [found, wrong] = [0, 0]
  // In whole numbers, because shares that are equal may differ in their last bit.
  let best = { threshold: 0, advantage: Number.NEGATIVE_INFINITY }
  order.forEach((at, place) => {
    if (labels[at] === true) found += 1
    else wrong += 1
    const threshold = scores[at] ?? 0
    if (scores[order[place + 1] ?? -1] === threshold) return
    const advantage = found * negatives - wrong * positives
    if (advantage >= best.advantage) best = { threshold, advantage }
  })
  const { threshold, advantage } = best
  return { threshold, balancedAccuracy: (1 + advantage / (positives * negatives)) / 2 }
}
