/** The bootstrap of sums: groups drawn with replacement, a statistic of each draw's column sums. What is no sum: draws.ts. */

/** A number in [0, 1) at each call; `seededRandom` gives the same ones for the same seed. */
export type Random = () => number

/** What is added up when groups are drawn: `columns` numbers for each group, group after group. */
export type Table = { columns: number; cells: Float64Array }

/** Columns of equal length, one number for each group, as the table that is drawn from. */
export function tableOf(...columns: readonly Float64Array[]): Table {
  const groups = columns[0]?.length ?? 0
  const cells = new Float64Array(groups * columns.length)
  columns.forEach((column, at) => {
    for (let group = 0; group < groups; group += 1) cells[group * columns.length + at] = column[group] ?? 0
  })
  return { columns: columns.length, cells }
}

/**
 * Draws as many groups as there are, with replacement, `resamples` times, and gives the statistic of each draw in the order
 * drawn. The statistic sees the drawn groups' column sums, in one array that is used again. Work: resamples × groups ×
 * columns. (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993; whole groups: Davison and Hinkley, "Bootstrap
 * Methods and their Application", 1997, section 3.8.)
 */
export function resample(
  { columns, cells }: Table,
  statistic: (sums: Float64Array) => number,
  { random, resamples }: { random: Random; resamples: number },
): Float64Array {
  const groups = cells.length / columns
  const sums = new Float64Array(columns)
  const drawn = new Float64Array(resamples)
  for (let draw = 0; draw < resamples; draw += 1) {
    sums.fill(0)
    for (let step = 0; step < groups; step += 1) {
      const from = Math.floor(random() * groups) * columns
      for (let at = 0; at < columns; at += 1) sums[at] = (sums[at] ?? 0) + (cells[from + at] ?? 0)
    }
    drawn[draw] = statistic(sums)
  }
  return drawn
}
