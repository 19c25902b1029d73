/** Figures of benches with their intervals, as tables show them. */

export function figure(value: number): string {
  return value.toFixed(3)
}

export function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`
}

export function ends(
  { low, high }: { low: number; high: number },
  format: (value: number) => string,
): string {
  return `[${format(low)}, ${format(high)}]`
}
