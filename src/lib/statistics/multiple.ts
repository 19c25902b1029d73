/** Several tests at once: p values adjusted so that one threshold holds for all of them. Pure. */

import { requireShares } from './inputs.ts'

/**
 * Holm's step-down adjustment: below α, each adjusted p stands, and the chance of even one false finding is at most α however
 * the tests depend on each other (Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal
 * of Statistics 6). For metrics that block. In the order given; throws RangeError for a p outside 0…1.
 */
export function holm(ps: readonly number[]): number[] {
  requireShares('ps', ps)
  const order = lowestFirst(ps)
  const adjusted = new Array<number>(ps.length).fill(0)
  let highest = 0
  order.forEach((at, place) => {
    highest = Math.max(highest, Math.min(1, (ps.length - place) * (ps[at] ?? 1)))
    adjusted[at] = highest
  })
  return adjusted
}

/**
 * Benjamini and Hochberg's step-up adjustment: of the findings with an adjusted p below q, at most the share q is false on
 * average, for tests that are independent or depend positively (Benjamini and Hochberg 1995,
 * https://doi.org/10.1111/j.2517-6161.1995.tb02031.x). For looking around, not for blocking. In the order given; throws
 * RangeError for a p outside 0…1.
 */
export function benjaminiHochberg(ps: readonly number[]): number[] {
  requireShares('ps', ps)
  const order = lowestFirst(ps)
  const adjusted = new Array<number>(ps.length).fill(0)
  let lowest = 1
  order.toReversed().forEach((at, place) => {
    lowest = Math.min(lowest, ((ps[at] ?? 1) * ps.length) / (ps.length - place))
    adjusted[at] = lowest
  })
  return adjusted
}

function lowestFirst(ps: readonly number[]): number[] {
  return ps.map((_, at) => at).sort((a, b) => (ps[a] ?? 0) - (ps[b] ?? 0))
}
