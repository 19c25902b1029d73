/** Figures of a verdict as people read them: the same digits in every report. Pure. */

import type { Gate } from '../runs/gates.ts'
import type { ScorerVerdict } from '../runs/verdict.ts'

export type Scale = ScorerVerdict['values']

type Interval = { estimate: number; low: number; high: number }

const NO_ESTIMATE = '-'
const RULES: Readonly<Record<Gate['rule'], string>> = {
  at_least: 'at least',
  at_most: 'at most',
  not_worse_by: 'not worse by',
  observed_at_least: 'of these at least',
  flips_at_most: 'flips at most',
}

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

/** `not worse by 0.02`. */
export function demandText({ rule, bar, perturbation }: Pick<Gate, 'rule' | 'bar' | 'perturbation'>): string {
  const by = perturbation === undefined ? '' : ` by ${perturbation}`
  return `${RULES[rule]} ${Number(bar.toPrecision(4))}${by}`
}

/** Ends without their leading nought, as journals set them. */
function intervalText({ estimate, low, high }: Interval, text: (value: number) => string): string {
  const end = (value: number) => text(value).replace(/^([+-]?)0(?=\.)/, '$1')
  return `${text(estimate)} [${end(low)} ${end(high)}]`
}
