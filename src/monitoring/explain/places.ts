/** The rows of two windows, put together by where they belong. Pure. */

import type { Figures, Place } from '../rollups/figures.ts'
import type { Dimension } from '../rollups/read.ts'
import type { Pair } from './midpoint.ts'

export type PlaceRow = { place: Partial<Place>; figures: Figures }
/** What a window before and one after counted, place by place. */
export type Windows = { before: readonly PlaceRow[]; after: readonly PlaceRow[] }
/** Of one place, or of all that share what they are grouped by. */
export type PlaceWindows = { place: Partial<Place> } & Windows

/** In the order in which they are first met. What a row does not say (places left out) is a value of its own, apart from null. */
export function groupPlaces(windows: Windows, dimensions: readonly Dimension[]): PlaceWindows[] {
  type Group = { place: Partial<Place>; before: PlaceRow[]; after: PlaceRow[] }
  const groups = new Map<string, Group>()
  for (const side of ['before', 'after'] as const) {
    for (const row of windows[side]) {
      const key = JSON.stringify(
        dimensions.map((dimension) => (row.place[dimension] === undefined ? [] : [row.place[dimension]])),
      )
      const place = Object.fromEntries(dimensions.map((dimension) => [dimension, row.place[dimension]]))
      const group: Group = groups.get(key) ?? { place, before: [], after: [] }
      groups.set(key, group)
      group[side].push(row)
    }
  }
  return [...groups.values()]
}

/** A figure of either window, over all of its rows. */
export function sumPair(windows: Windows, figure: (figures: Figures) => number): Pair {
  const sum = (rows: readonly PlaceRow[]) => rows.reduce((total, row) => total + figure(row.figures), 0)
  return { before: sum(windows.before), after: sum(windows.after) }
}
