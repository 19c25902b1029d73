/** Why a share or a mean changed: each of its kinds within the places, and traffic that moved between them. Pure and exact. */

import type { Cause } from '../alerts/alert.ts'
import type { Figures } from '../rollups/figures.ts'
import type { Dimension } from '../rollups/read.ts'
import { changeOf, ratioPair } from './midpoint.ts'
import { mixChange } from './mix.ts'
import type { Amounts } from './model-cost.ts'
import { groupPlaces, sumPair, type Windows } from './places.ts'

/** Kinds of what is summed up, over what is counted. */
export type Mean = {
  kinds: readonly { cause: Cause; sum: (figures: Figures) => number }[]
  count: (figures: Figures) => number
  /** Between which places traffic moves. */
  places: readonly Dimension[]
}

/** In the unit of the kinds; both windows must have a count. */
export function meanChange(windows: Windows, { kinds, count, places }: Mean): Amounts {
  const groups = groupPlaces(windows, places).map((group) => ({
    ...group,
    count: sumPair(group, count),
    sum: sumPair(group, (figures) => kinds.reduce((total, kind) => total + kind.sum(figures), 0)),
  }))
  const causes: Amounts = { mix: 0 }
  for (const group of mixChange(groups)) {
    causes.mix = (causes.mix ?? 0) + group.mix
    for (const { cause, sum } of kinds) {
      const within = group.share * changeOf(ratioPair(sumPair(group, sum), group.count))
      causes[cause] = (causes[cause] ?? 0) + within
    }
  }
  return causes
}
