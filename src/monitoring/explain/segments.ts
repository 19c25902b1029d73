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

/** Of the part of the largest one; what is below says nothing beside it. */
const LEAST_PART = 0.01

/**
 * The five that moved most, whatever the sign: by its own figure and by its share of the traffic together. Over all values of one
 * dimension they add up to the whole change; two dimensions tell the same change twice. A dimension with one value tells nothing.
 */
export function segmentsOf(windows: Windows, measure: Measure, minutes: Pair): Segment[] {
  const segments = DIMENSIONS.flatMap((dimension) => byDimension(windows, measure, minutes, dimension)).sort(
    (a, b) => Math.abs(b.amount) - Math.abs(a.amount),
  )
  const least = LEAST_PART * Math.abs(segments[0]?.amount ?? 0)
  return segments.filter(({ amount }) => Math.abs(amount) > least).slice(0, SEGMENTS_MAX)
}

function byDimension(windows: Windows, measure: Measure, minutes: Pair, dimension: Dimension): Segment[] {
  const groups = groupPlaces(windows, [dimension])
  if (groups.length < 2) return []
  return amountsOf(groups, measure, minutes).flatMap(({ place, amount }) => {
    const value = place[dimension]
    return value === undefined ? [] : [{ dimension, value, amount }]
  })
}

function amountsOf(groups: readonly PlaceWindows[], { name, sum, count }: Measure, minutes: Pair) {
  const summed = groups.map((group) => ({ ...group, sum: sumPair(group, sum) }))
  if (count !== null) {
    const counted = summed.map((group) => ({ ...group, count: sumPair(group, count) }))
    return mixChange(counted).map(({ place, mix, within }) => ({ place, amount: mix + within }))
  }
  const isPerMinute = name !== 'spend'
  return summed.map(({ place, sum }) => ({
    place,
    amount: changeOf(isPerMinute ? ratioPair(sum, minutes) : sum),
  }))
}
