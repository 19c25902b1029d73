/** What every function of this folder refuses to compute with: a RangeError that names it, never a quiet NaN. */

/** Throws RangeError naming the first value that is NaN or infinite. */
export function requireFinite(name: string, values: readonly number[]): void {
  const at = values.findIndex((value) => !Number.isFinite(value))
  if (at !== -1) throw new RangeError(`${name}[${at}] is ${values[at]}, which is no finite number.`)
}

/** Throws RangeError unless each value is finite and within 0…1. */
export function requireShares(name: string, values: readonly number[]): void {
  requireFinite(name, values)
  const at = values.findIndex((value) => value < 0 || value > 1)
  if (at !== -1) throw new RangeError(`${name}[${at}] is ${values[at]}, which is not within 0 and 1.`)
}

/** Throws RangeError unless the value lies between 0 and 1 and is neither, as a confidence or a power must. */
export function requireProbability(name: string, value: number): void {
  if (!(value > 0 && value < 1)) throw new RangeError(`${name} is ${value}, which is not between 0 and 1.`)
}

/** Throws RangeError unless the value is finite and above 0. */
export function requirePositive(name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value)))
    throw new RangeError(`${name} is ${value}, which is not above 0.`)
}

/** Throws RangeError unless the value is a whole number from `least` to `most`. */
export function requireWhole(
  name: string,
  value: number,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): void {
  if (!(Number.isInteger(value) && value >= least && value <= most)) {
    throw new RangeError(`${name} is ${value}, which is no whole number from ${least} to ${most}.`)
  }
}

/** Throws RangeError unless both lists have the same length. */
export function requirePairs(first: readonly unknown[], second: readonly unknown[]): void {
  if (first.length !== second.length) {
    throw new RangeError(`A run of ${first.length} values and one of ${second.length} have no pairs.`)
  }
}
