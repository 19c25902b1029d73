/** Which part of the traffic moved a figure most, by one dimension at a time. Pure. */

import type { Dimension } from '../rollups/read.ts'
import type { Measure } from './measures.ts'
import { changeOf, type Pair, ratioPair } from './midpoint.ts'
import { mixChange } from './mix.ts'
import { groupPlaces, type PlaceWindows, sumPair, type Windows } from './places.ts'

export type Segment = { dimension: Dimension; value: string | null; amount: number }

const DIMENSIONS = [
  'route',
  'releaseId',
  'prompt',
  'model',
  'upstream',
  'keyId',
  'price',
] as const satisfies readonly Dimension[]
const SEGMENTS_MAX = 5

/**
 * The five that moved most, whatever the sign: by its own figure and by its share of the traffic together. Over all values of one
 * dimension they add up to the whole change; two dimensions tell the same change twice. A dimension with one value tells nothing.
 */
export function segmentsOf(windows: Windows, measure: Measure, minutes: Pair): Segment[] {
  return DIMENSIONS.flatMap((dimension) => byDimension(windows, measure, minutes, dimension))
    .filter(({ amount }) => amount !== 0)
    .sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount))
    .slice(0, SEGMENTS_MAX)
}

function byDimension(windows: Windows, measure: Measure, minutes: Pair, dimension: Dimension): Segment[] {
  const groups = groupPlaces(windows, [dimension])
  if (groups.length < 2) return []
  const amounts = amountsOf(groups, measure, minutes)
  return groups.flatMap(({ place }, index) => {
    const value = place[dimension]
    return value === undefined ? [] : [{ dimension, value, amount: amounts[index] ?? 0 }]
  })
}

function amountsOf(groups: readonly PlaceWindows[], { name, sum, count }: Measure, minutes: Pair): number[] {
  const sums = groups.map((group) => sumPair(group, sum))
  if (name === 'spend') return sums.map(changeOf)
  if (count === null) return sums.map((one) => changeOf(ratioPair(one, minutes)))
  const places = groups.map((group) => ({ count: sumPair(group, count), sum: sumPair(group, sum) }))
  return mixChange(places).map(({ mix, within }) => mix + within)
}
