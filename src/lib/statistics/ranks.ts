/** Ranks of a sample, for tests and measures that look at order alone. Pure. */

/**
 * Rank of each value from 1, lowest first; equal values share the mean of the ranks they take up (midranks). `ties` are the
 * sizes of those sets of equal values that hold more than one.
 */
export function midranks(values: readonly number[]): { ranks: number[]; ties: number[] } {
  const order = values.map((_, at) => at).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0))
  const ranks = new Array<number>(values.length).fill(0)
  const ties: number[] = []
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && values[order[to] ?? 0] === values[order[from] ?? 0]) to += 1
    for (const at of order.slice(from, to)) ranks[at] = (from + 1 + to) / 2
    if (to - from > 1) ties.push(to - from)
    from = to
  }
  return { ranks, ties }
}
