/** Figures of monitoring as people read them, in three digits. Pure. */

/** `$0.000122`, `4.2 %`, `1830 ms`, `12 requests/min`, `310` by the unit; the plain figure for a unit that has no sign. */
export function amountText(value: number, unit: string | null): string {
  const short = Number(value.toPrecision(3))
  if (unit === 'micro_usd') return `${value < 0 ? '-' : ''}$${Number((Math.abs(value) / 1e6).toPrecision(3))}`
  if (unit === 'share') return `${Number((value * 100).toPrecision(3))} %`
  if (unit === 'ms') return `${short} ms`
  return unit === 'a_minute' ? `${short} requests/min` : String(short)
}
