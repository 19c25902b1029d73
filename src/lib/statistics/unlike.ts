/** How far two samples of one column are apart, as statistics of labels for `permutationTest`. Pure. */

import type { LabelStatistic } from './permutation.ts'

/**
 * Cramér's V of the table of sample and category: √(χ² / n), as one side of the table has two rows (Cramér 1946, Mathematical
 * Methods of Statistics, section 21.9). 0 for samples alike, 1 for ones without a common category; Cohen (1988, section 7.2) calls
 * 0.1 small. Categories are whole numbers from 0.
 */
export function cramersV(categories: Int32Array): LabelStatistic {
  const size = categories.reduce((most, category) => Math.max(most, category + 1), 0)
  const totals = new Float64Array(size)
  for (const category of categories) totals[category] = (totals[category] ?? 0) + 1
  const firsts = new Float64Array(size)
  return (labels) => {
    firsts.fill(0)
    let first = 0
    labels.forEach((label, at) => {
      if (label !== 1) return
      first += 1
      const category = categories[at] ?? 0
      firsts[category] = (firsts[category] ?? 0) + 1
    })
    const share = first / labels.length
    if (share === 0 || share === 1) return 0
    let chi = 0
    totals.forEach((total, category) => {
      if (total > 0) chi += ((firsts[category] ?? 0) - total * share) ** 2 / (total * share * (1 - share))
    })
    return Math.sqrt(chi / labels.length)
  }
}

/** The largest distance between the two samples' distribution functions, 0…1 (Smirnov 1939; Conover, Practical Nonparametric Statistics, 1999, section 6.3). */
export function smirnovDistance(values: Float64Array): LabelStatistic {
  const order = Int32Array.from(values, (_, at) => at).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0))
  return (labels) => {
    let first = 0
    for (const label of labels) first += label
    const second = labels.length - first
    let [seen, seenFirst, largest] = [0, 0, 0]
    for (let place = 0; place < order.length; place += 1) {
      const at = order[place] ?? 0
      seen += 1
      seenFirst += labels[at] ?? 0
      if (values[order[place + 1] ?? -1] === values[at]) continue
      largest = Math.max(largest, Math.abs(seenFirst / first - (seen - seenFirst) / second))
    }
    return largest
  }
}

/** Difference of the two samples' Shannon entropies in bits, without its sign. `hits`: of each item, the categories that it counts to. */
export function entropyDifference(hits: readonly Int32Array[]): LabelStatistic {
  const size = hits.reduce((most, of) => of.reduce((top, one) => Math.max(top, one + 1), most), 0)
  const counts = [new Float64Array(size), new Float64Array(size)] as const
  return (labels) => {
    for (const of of counts) of.fill(0)
    labels.forEach((label, at) => {
      const of = label === 1 ? counts[0] : counts[1]
      for (const hit of hits[at] ?? []) of[hit] = (of[hit] ?? 0) + 1
    })
    return Math.abs(entropyOf(counts[0]) - entropyOf(counts[1]))
  }
}

/** Bits; 0 of nothing (Shannon 1948, section 6). */
export function entropyOf(counts: Float64Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.reduce((sum, count) => {
    const share = count / total
    return share > 0 ? sum - share * Math.log2(share) : sum
  }, 0)
}

/** Length of the difference of the two samples' means, squared. */
export function centroidShift(cells: Float64Array, width: number): LabelStatistic {
  const total = new Float64Array(width)
  cells.forEach((value, at) => {
    total[at % width] = (total[at % width] ?? 0) + value
  })
  const sum = new Float64Array(width)
  return (labels) => {
    sum.fill(0)
    let first = 0
    for (let row = 0; row < labels.length; row += 1) {
      if (labels[row] !== 1) continue
      first += 1
      const from = row * width
      for (let at = 0; at < width; at += 1) sum[at] = (sum[at] as number) + (cells[from + at] as number)
    }
    const second = labels.length - first
    return sum.reduce((squares, of, at) => squares + (of / first - ((total[at] ?? 0) - of) / second) ** 2, 0)
  }
}
