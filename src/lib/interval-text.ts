/** Figures of a verdict as people read them: the same digits in every report and on every screen. Pure. */

/** What a scorer's values may be: 0 or 1, 0…1, or anything with a unit of its own. */
export type Scale = 'binary' | 'share' | 'unbounded'

type Interval = { estimate: number; low: number; high: number }

const NO_ESTIMATE = '-'

/** Three decimals for shares, four significant digits for what has a unit of its own. */
export function valueText(scale: Scale, value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞'
  const text = scale === 'unbounded' ? String(Number(value.toPrecision(4))) : value.toFixed(3)
  return /^-[0.]+$/.test(text) ? text.slice(1) : text
}

/** With its sign, `+0.029`; nought has none. */
export function signedText(scale: Scale, value: number): string {
  const text = valueText(scale, value)
  return /^-|^[0.]+$/.test(text) ? text : `+${text}`
}

/** `0.912 [.890 .934]`. */
export function estimateText(scale: Scale, interval: Interval | null): string {
  return interval === null ? NO_ESTIMATE : intervalText(interval, (value) => valueText(scale, value))
}

/** `+0.029 [+.008 +.051]`. */
export function differenceText(scale: Scale, interval: Interval | null): string {
  return interval === null ? NO_ESTIMATE : intervalText(interval, (value) => signedText(scale, value))
}

/** `p < 0.001`, `p 0.012`. */
export function probabilityText(p: number | null): string {
  if (p === null) return NO_ESTIMATE
  return p < 0.001 ? 'p < 0.001' : `p ${p.toFixed(3)}`
}

/** Ends without their leading nought, as journals set them. */
function intervalText({ estimate, low, high }: Interval, text: (value: number) => string): string {
  const end = (value: number) => text(value).replace(/^([+-]?)0(?=\.)/, '$1')
  return `${text(estimate)} [${end(low)} ${end(high)}]`
}
