/** Items that belong together, such as the questions about one document: easy or hard together, so one draw, not many. */

/** For each value the group that it belongs to; left out, each value is a group of its own. */
export type Groups = readonly string[] | undefined

/** The sum of each group's values and how many it has, in the order in which groups first appear. */
export type GroupSums = { sums: Float64Array; counts: Float64Array }

/** Throws RangeError when there is not one group for each value. */
export function sumsOf(values: readonly number[], groups: Groups): GroupSums {
  const { places, size } = placesOf(values.length, groups)
  const sums = new Float64Array(size)
  const counts = new Float64Array(size)
  values.forEach((value, at) => {
    const place = places[at] ?? 0
    sums[place] = (sums[place] ?? 0) + value
    counts[place] = (counts[place] ?? 0) + 1
  })
  return { sums, counts }
}

/** For each of `count` items the number of its group, 0…size−1. Throws RangeError when there is not one group for each. */
export function placesOf(count: number, groups: Groups): { places: Int32Array; size: number } {
  if (groups === undefined) return { places: Int32Array.from({ length: count }, (_, at) => at), size: count }
  if (groups.length !== count) throw new RangeError(`${groups.length} groups for ${count} values.`)
  const seen = new Map<string, number>()
  const places = Int32Array.from(groups, (group) => {
    const place = seen.get(group) ?? seen.size
    seen.set(group, place)
    return place
  })
  return { places, size: seen.size }
}
