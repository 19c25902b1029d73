/** Logistic regression for the reader's benchmark. Pure. */

/** Logistic regression with a little ridge, by gradient steps over the whole set; classes weighted to even shares. */
export function fitLogistic(
  rows: readonly (readonly number[])[],
  labels: readonly boolean[],
  weights: readonly number[],
  balanced: boolean,
): number[] {
  const width = rows[0]?.length ?? 0
  const beta = new Array<number>(width).fill(0)
  const velocity = new Array<number>(width).fill(0)
  const positives = labels.reduce((sum, label, at) => sum + (label ? (weights[at] ?? 0) : 0), 0)
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  const share = (label: boolean) => (balanced ? all / (2 * (label ? positives : all - positives)) : 1)
  for (let step = 0; step < 4000; step += 1) {
    const gradient = beta.map((value, at) => (at === 0 ? 0 : 0.002 * value))
    rows.forEach((row, at) => {
      const label = labels[at] ?? false
      const score = row.reduce((sum, value, column) => sum + value * (beta[column] ?? 0), 0)
      const error = ((1 / (1 + Math.exp(-score)) - (label ? 1 : 0)) * (weights[at] ?? 0) * share(label)) / all
      row.forEach((value, column) => {
        gradient[column] = (gradient[column] ?? 0) + error * value
      })
    })
    gradient.forEach((value, at) => {
      velocity[at] = 0.9 * (velocity[at] ?? 0) - 0.5 * value
      beta[at] = (beta[at] ?? 0) + (velocity[at] ?? 0)
    })
  }
  return beta.map((value) => Math.round(value * 1000) / 1000)
}
