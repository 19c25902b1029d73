/** Figures of watched metrics as people read them, by their unit. */

import { formatDuration } from './format.ts'

const DIGITS = 3

/** A level: `$0.00027`, `1.24 s`, `2.0 %`, `0.83`, `1250`, `12.5 a minute`. */
export function levelText(value: number, unit: string): string {
  if (unit === 'ms') return value < 100 ? `${shortNumber(value)} ms` : formatDuration(value)
  if (unit === 'share') return `${(value * 100).toFixed(1)} %`
  if (unit === 'micro_usd') return `$${shortNumber(value / 1e6)}`
  return unit === 'a_minute' ? `${shortNumber(value)} a minute` : shortNumber(value)
}

/** What a level moved by, with its sign. */
export function amountText(value: number, unit: string): string {
  const sign = value < 0 ? '−' : '+'
  const size = Math.abs(value)
  return `${sign}${unit === 'share' ? `${(size * 100).toFixed(1)} points` : levelText(size, unit)}`
}

/** Three digits that count, never in powers of ten. */
function shortNumber(value: number): string {
  return Number(value.toPrecision(DIGITS)).toLocaleString('en-US', {
    useGrouping: false,
    maximumSignificantDigits: DIGITS,
  })
}
