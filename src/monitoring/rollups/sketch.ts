/** How a figure was spread: a mergeable sketch that gives every quantile within 1 %, as few bytes beside its minute. */

import datadog from '@datadog/sketches-js'

/**
 * DDSketch: Masson, Rim and Lee, <https://doi.org/10.14778/3352063.3352135>. Of values that are not negative; whatever the number of
 * values, it has at most 1,385 bins.
 */
export type Sketch = InstanceType<typeof datadog.DDSketch>

/** Of a quantile, as a share of it. */
const RELATIVE_ACCURACY = 0.01
/** Values below are 0, values above are this one: 10^12 apart are ln(10^12) / ln(1.01 / 0.99) bins. */
const LEAST = 1e-4
const MOST = 1e8

export function newSketch(): Sketch {
  return new datadog.DDSketch({ relativeAccuracy: RELATIVE_ACCURACY })
}

/** Changes `sketch` by `weight` values of this size; one that is negative or no finite number is left out. */
export function learn(sketch: Sketch, value: number, weight = 1): void {
  if (!Number.isFinite(value) || value < 0 || weight < 1) return
  sketch.accept(value < LEAST ? 0 : Math.min(value, MOST), weight)
}

/** Changes `sketch` by all that `other` holds. */
export function learnAll(sketch: Sketch, other: Sketch): void {
  sketch.merge(other)
}

/** The value that `share` (0…1) of all are at most, within 1 %; null of none. */
export function quantileOf(sketch: Sketch, share: number): number | null {
  return sketch.count === 0 ? null : sketch.getValueAtQuantile(share)
}

/** Zeros, then for each bin that is not empty how far it is from the one before and how many it holds; empty for none. */
export function sketchToBytes(sketch: Sketch): Buffer {
  if (sketch.count === 0) return Buffer.alloc(0)
  const numbers = [sketch.zeroCount]
  let last = 0
  for (const [key, count] of binsOf(sketch)) {
    numbers.push(zigzag(key - last), count)
    last = key
  }
  return Buffer.from(numbers.flatMap(varint))
}

/** Throws RangeError for bytes that `sketchToBytes` did not write. */
export function sketchFromBytes(bytes: Uint8Array): Sketch {
  const sketch = newSketch()
  const [zeros = 0, ...numbers] = numbersOf(bytes)
  if (numbers.length % 2 !== 0) throw new RangeError('A sketch ends within a bin.')
  sketch.zeroCount = zeros
  let key = 0
  for (let at = 0; at < numbers.length; at += 2) {
    key += unzigzag(numbers[at] ?? 0)
    sketch.store.add(key, numbers[at + 1] ?? 0)
  }
  sketch.count = zeros + sketch.store.count
  return sketch
}

function* binsOf({ store }: Sketch): Generator<[key: number, count: number]> {
  if (store.count === 0) return
  for (let key = store.minKey; key <= store.maxKey; key += 1) {
    const count = store.bins[key - store.offset] ?? 0
    if (count > 0) yield [key, count]
  }
}

/** Small for small numbers of either sign: 0, −1, 1, −2 … are 0, 1, 2, 3 …. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** Base 128, the least significant first (LEB128). Up to 2^53: shifts would end at 2^31. */
function varint(value: number): number[] {
  const bytes = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
  return bytes
}

function numbersOf(bytes: Uint8Array): number[] {
  const numbers = []
  let [value, scale] = [0, 1]
  for (const byte of bytes) {
    value += (byte % 128) * scale
    scale *= 128
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('A sketch holds a number above 2^53.')
    if (byte >= 128) continue
    numbers.push(value)
    ;[value, scale] = [0, 1]
  }
  if (scale !== 1) throw new RangeError('A sketch ends within a number.')
  return numbers
}
