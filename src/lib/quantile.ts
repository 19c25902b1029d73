/** Quantiles of a sample. Pure. */

/**
 * The quantile `share` (0…1) of the values, null of none. Between two values it interpolates: type 7 of Hyndman and
 * Fan, "Sample Quantiles in Statistical Packages" (1996), which R, NumPy and spreadsheets use unless told otherwise.
 *
 * @example quantile([1, 2, 3, 4], 0.5) // 2.5
 */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * Math.min(1, Math.max(0, share))
  const below = sorted[Math.floor(place)]
  const above = sorted[Math.ceil(place)]
  if (below === undefined || above === undefined) return null
  return below + (above - below) * (place - Math.floor(place))
}
