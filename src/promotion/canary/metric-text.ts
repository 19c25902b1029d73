/** A watched metric's figures as people read them. Pure. */

import type { Harm } from './harm.ts'
import type { Seen } from './metrics.ts'
import type { Watch } from './plan.ts'

/** `6.0 % of 300 requests`, `p95 812 ms of 300 requests`, `$0.001200 of 300 requests`, `0.81 of 40 scores`. */
export function seenText(watch: Watch, { estimate, n }: Seen): string {
  const of = watch.kind === 'score' ? 'scores' : 'requests'
  return estimate === null ? `nothing of 0 ${of}` : `${valueText(watch, estimate)} of ${count(n)} ${of}`
}

/** `0.8 to 9.1 points`, `12 % to 80 %`, `0.02 to 0.14`; an end that is not known yet says so. */
export function harmText(watch: Watch, { low, high }: Pick<Harm, 'low' | 'high'>): string {
  return `${marginText(watch, low)} to ${marginText(watch, high)}`
}

/** A harm or a margin: `1.0 points`, `20 %`, `0.05`. */
export function marginText({ kind }: Watch, value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞'
  if (kind === 'share') return `${(100 * value).toFixed(1)} points`
  return kind === 'score' ? value.toFixed(3) : `${(100 * value).toFixed(0)} %`
}

const NUMBERS = new Intl.NumberFormat('en')

/** `12,345`. */
export function count(value: number): string {
  return NUMBERS.format(value)
}

function valueText(watch: Watch, value: number): string {
  switch (watch.kind) {
    case 'share':
      return `${(100 * value).toFixed(1)} %`
    case 'quantile':
      return `p${Number((100 * watch.quantile).toFixed(3))} ${Number(value.toPrecision(3))} ms`
    case 'mean':
      return `$${(value / 1e6).toFixed(6)}`
    case 'score':
      return value.toFixed(3)
  }
}
