/** The change of a mean over places: within them, and by traffic that moved between them. Pure. */

import { changeOf, midpoint, type Pair, ratioPair } from './midpoint.ts'

/** One place: how much of what is averaged was there, and its sum. */
export type PlaceSums = { count: Pair; sum: Pair }

export type PlaceChange = {
  /** By its own mean: it would be the whole change if the shares had stayed. */
  within: number
  /** By its share of the traffic: above the mean of all it makes dearer what it gains, below it cheaper. */
  mix: number
  /** Of the traffic, at the midpoint of the windows. */
  share: number
}

/**
 * All of `within` and `mix` add up to the change of the whole mean, Σ sum / Σ count, after − before; a place that was or is not there is
 * mix alone, and so is a sum without a count, such as the cost of requests that say no price. Kitagawa, <https://doi.org/10.1080/01621459.1955.10501299>, with each place's mean told from the mean of all: shares add up
 * to 1, so that changes no sum, and what moves between two places of one mean is nothing. Both windows must have a count.
 */
export function mixChange<Sums extends PlaceSums>(places: readonly Sums[]): (Sums & PlaceChange)[] {
  const total = { before: 0, after: 0 }
  const sums = { before: 0, after: 0 }
  for (const { count, sum } of places) {
    total.before += count.before
    total.after += count.after
    sums.before += sum.before
    sums.after += sum.after
  }
  const overall = midpoint(ratioPair(sums, total))
  return places.map((place) => {
    const { count, sum } = place
    const share = { before: count.before / total.before, after: count.after / total.after }
    const mean = ratioPair(sum, count)
    const alone = {
      before: count.before === 0 ? sum.before / total.before : 0,
      after: count.after === 0 ? sum.after / total.after : 0,
    }
    return {
      ...place,
      within: midpoint(share) * changeOf(mean),
      mix: changeOf(share) * (midpoint(mean) - overall) + changeOf(alone),
      share: midpoint(share),
    }
  })
}
