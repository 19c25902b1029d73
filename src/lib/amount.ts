/** Figures of monitoring as people read them, by their unit, in three digits. Pure. */

const DIGITS = 3

/** `$0.000122`, `4.2 %`, `1830 ms`, `12 requests/min`, `310`; the plain figure for a unit that has no sign, `-` for null. */
export function levelText(value: number | null, unit: string | null): string {
  if (value === null) return '-'
  const size = sizeText(Math.abs(value), unit)
  return value < 0 && !isNought(size) ? `−${size}` : size
}

/** What a level moved by, with its sign: `+$0.000019`, `−1.2 points` of a share; nought has none. */
export function amountText(value: number, unit: string | null): string {
  const size =
    unit === 'share' ? `${shortNumber(Math.abs(value) * 100)} points` : sizeText(Math.abs(value), unit)
  if (isNought(size)) return size
  return `${value < 0 ? '−' : '+'}${size}`
}

function sizeText(size: number, unit: string | null): string {
  if (unit === 'micro_usd') return `$${shortNumber(size / 1e6)}`
  if (unit === 'share') return `${shortNumber(size * 100)} %`
  if (unit === 'ms') return `${shortNumber(size)} ms`
  return unit === 'a_minute' ? `${shortNumber(size)} requests/min` : shortNumber(size)
}

function isNought(text: string): boolean {
  return !/[1-9]/.test(text)
}

/** Never in powers of ten. */
function shortNumber(value: number): string {
  return value.toLocaleString('en-US', { useGrouping: false, maximumSignificantDigits: DIGITS })
}
