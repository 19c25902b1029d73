/** Exact splits of a change into its factors, at their midpoints. Pure. */

/** A figure in a window before and in a window after. */
export type Pair = { before: number; after: number }

export function midpoint({ before, after }: Pair): number {
  return (before + after) / 2
}

export function changeOf({ before, after }: Pair): number {
  return after - before
}

/**
 * What each of two factors has in the change of their product: its own change times the other's midpoint. The two add up to the change,
 * nothing remains; before and after swapped give the same with the other sign; zeros are figures as any other. Bennet's indicator
 * (J. Royal Statistical Society 83 (1920) 455–462), which for two factors is the Shapley value.
 */
export function productChange(first: Pair, second: Pair): { first: number; second: number } {
  return { first: changeOf(first) * midpoint(second), second: midpoint(first) * changeOf(second) }
}

/**
 * `sum / count` of either window. Where one of them has none it is what the other has, so that what was not there did not change: its
 * coming or going is told by its share of the traffic alone. 0 where neither has.
 */
export function ratioPair(sum: Pair, count: Pair): Pair {
  const before = count.before === 0 ? null : sum.before / count.before
  const after = count.after === 0 ? null : sum.after / count.after
  return { before: before ?? after ?? 0, after: after ?? before ?? 0 }
}
