/** Money is a bigint of micro-USD. No floating point anywhere: a text becomes an exact amount or is refused. */

const MICRO_PER_USD = 1_000_000n
const FRACTION_DIGITS = 6
/** A quadrillion dollars; longer texts are not amounts. */
const MAX_WHOLE_DIGITS = 15

/**
 * Micro-USD of a decimal text such as `2.5`, `0.000123` or `$10`. null when it is not one, is negative, or is finer
 * than a micro-USD: an amount that would have to be rounded is not the amount that was meant.
 */
export function parseUsd(text: string): bigint | null {
  const match = /^\$?(\d+)(?:\.(\d+))?$/.exec(text.trim())
  const whole = match?.[1]
  if (whole === undefined || whole.length > MAX_WHOLE_DIGITS) return null
  const fraction = (match?.[2] ?? '').replace(/0+$/, '')
  if (fraction.length > FRACTION_DIGITS) return null
  return BigInt(whole) * MICRO_PER_USD + BigInt(fraction.padEnd(FRACTION_DIGITS, '0'))
}

/** The shortest exact decimal text, as the wire carries it: `2.5`, `0.000123`, `10`. */
export function usdText(microUsd: bigint): string {
  const { sign, whole, fraction } = parts(microUsd)
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`
}

/** As people read it: `$0.000123`, `$2.50`, `-$1.00`. Exact, with two decimals at least. */
export function formatUsd(microUsd: bigint): string {
  const { sign, whole, fraction } = parts(microUsd)
  return `${sign}$${whole}.${fraction.padEnd(2, '0')}`
}

function parts(microUsd: bigint): { sign: string; whole: string; fraction: string } {
  const size = microUsd < 0n ? -microUsd : microUsd
  return {
    sign: microUsd < 0n ? '-' : '',
    whole: (size / MICRO_PER_USD).toString(),
    fraction: (size % MICRO_PER_USD).toString().padStart(FRACTION_DIGITS, '0').replace(/0+$/, ''),
  }
}
