/** How far an AUROC, and the difference of two, can be trusted: the bootstrap over groups, of a statistic that is no mean. Pure and seeded. */

import { drawGroups, roomFor } from '../../lib/statistics/draws.ts'
import { placesOf } from '../../lib/statistics/groups.ts'

/**
 * For each of several scores of the same items, its AUROC in the same draws of groups with replacement, so that differences
 * are paired (Efron and Tibshirani 1993; whole groups: Davison and Hinkley 1997, section 3.8; an AUROC of clustered data:
 * Obuchowski 1997, https://doi.org/10.2307/2533958). NaN for a draw that holds one label only. Throws RangeError when there
 * is not one label and one group for each score. Work: draws × scores × items.
 */
export function drawAurocs(
  scores: readonly (readonly number[])[],
  labels: readonly boolean[],
  groups: readonly string[],
  settings: { random: () => number; resamples?: number },
): Float64Array[] {
  const { places, size } = placesOf(labels.length, groups)
  const sorted = scores.map((values) => inOrder(values, labels, places))
  const drawn = scores.map(() => roomFor(settings))
  drawGroups(size, settings, (times, draw) => {
    sorted.forEach((items, at) => {
      const row = drawn[at]
      if (row !== undefined) row[draw] = weightedAuroc(items, times)
    })
  })
  return drawn
}

type InOrder = { isTrue: Uint8Array; places: Int32Array; isLastOfEqual: Uint8Array }

function inOrder(values: readonly number[], labels: readonly boolean[], places: Int32Array): InOrder {
  if (values.length !== labels.length)
    throw new RangeError(`${values.length} scores for ${labels.length} labels.`)
  const order = values.map((_, at) => at).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0))
  return {
    isTrue: Uint8Array.from(order, (at) => Number(labels[at])),
    places: Int32Array.from(order, (at) => places[at] ?? 0),
    isLastOfEqual: Uint8Array.from(order, (at, rank) => Number(values[order[rank + 1] ?? -1] !== values[at])),
  }
}

/** Pairs of a true and a false item that are in the right order, ties half, each as often as its two groups were drawn. */
function weightedAuroc({ isTrue, places, isLastOfEqual }: InOrder, times: Float64Array): number {
  let [below, above, right] = [0, 0, 0]
  let [equalFalse, equalTrue] = [0, 0]
  for (let rank = 0; rank < places.length; rank += 1) {
    const weight = times[places[rank] ?? 0] ?? 0
    if (isTrue[rank] === 1) equalTrue += weight
    else equalFalse += weight
    if (isLastOfEqual[rank] === 0) continue
    right += equalTrue * (below + equalFalse / 2)
    below += equalFalse
    above += equalTrue
    equalFalse = 0
    equalTrue = 0
  }
  return right / (below * above)
}
