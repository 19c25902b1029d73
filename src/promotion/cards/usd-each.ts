/** What one of many cost, finer than a micro-USD: rounding a cheap answer to nought would say that it is free. Pure. */

const MICRO_USD = 1_000_000n
const DIGITS = 12

/** USD as decimal text with at most 12 decimals, cut off; null where there is nothing to divide among. */
export function usdEach(microUsd: bigint, count: number): string | null {
  if (count === 0) return null
  const pico = (microUsd * MICRO_USD) / BigInt(count)
  const digits = pico.toString().padStart(DIGITS + 1, '0')
  const fraction = digits.slice(-DIGITS).replace(/0+$/, '')
  return `${digits.slice(0, -DIGITS)}${fraction === '' ? '' : `.${fraction}`}`
}
