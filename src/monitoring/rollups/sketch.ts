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

/** How many values each bin holds; `ZERO_BIN` is that of 0. What a sketch is while it grows, at a tenth of the cost. */
export type Bins = Map<number, number>

/** Below the bin of every value that is not 0. */
const ZERO_BIN = -10_000

const { mapping } = newSketch()

/** What `learn` does to a sketch. */
export function learnBin(bins: Bins, value: number, weight = 1): void {
  if (!Number.isFinite(value) || value < 0 || weight < 1) return
  const bin = value < LEAST ? ZERO_BIN : mapping.key(Math.min(value, MOST))
  bins.set(bin, (bins.get(bin) ?? 0) + weight)
}

/** What `learnAll` does to a sketch. */
export function learnBins(bins: Bins, other: Bins): void {
  for (const [bin, count] of other) bins.set(bin, (bins.get(bin) ?? 0) + count)
}

/**
 * How many bins, how many zeros, then for each bin but that of 0 how far it is from the one before and how many it holds; nothing for
 * none. Two such texts one after another are one of their union, so a database merges them without understanding them.
 */
export function binsToBytes(bins: Bins): Buffer {
  if (bins.size === 0) return EMPTY
  const zeros = bins.get(ZERO_BIN) ?? 0
  const keys = [...bins.keys()].filter((key) => key !== ZERO_BIN)
  if (keys.length > 1) keys.sort((one, other) => one - other)
  const bytes: number[] = []
  putNumber(bytes, keys.length)
  putNumber(bytes, zeros)
  let last = 0
  for (const key of keys) {
    putNumber(bytes, zigzag(key - last))
    putNumber(bytes, bins.get(key) ?? 0)
    last = key
  }
  return Buffer.from(bytes)
}

const EMPTY = Buffer.alloc(0)

/** The bins of all that was written one after another. Throws RangeError for bytes that are none of `binsToBytes`. */
export function binsFromBytes(bytes: Uint8Array): Bins {
  const bins: Bins = new Map()
  readBins(bytes, (bin, count) => bins.set(bin, (bins.get(bin) ?? 0) + count))
  return bins
}

/** Changes `sketch` by all that the bytes hold. Throws RangeError for bytes that are none of `binsToBytes`. */
export function learnBytes(sketch: Sketch, bytes: Uint8Array): void {
  readBins(bytes, (bin, count) => {
    if (bin === ZERO_BIN) sketch.zeroCount += count
    else sketch.store.add(bin, count)
    sketch.count += count
  })
}

function readBins(bytes: Uint8Array, take: (bin: number, count: number) => void): void {
  const reader = { bytes, at: 0 }
  while (reader.at < bytes.length) {
    const count = takeNumber(reader)
    const zeros = takeNumber(reader)
    if (zeros > 0) take(ZERO_BIN, zeros)
    let key = 0
    for (let bin = 0; bin < count; bin += 1) {
      key += unzigzag(takeNumber(reader))
      take(key, takeNumber(reader))
    }
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
function putNumber(bytes: number[], value: number): void {
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
}

function takeNumber(reader: { bytes: Uint8Array; at: number }): number {
  let [value, scale] = [0, 1]
  for (;;) {
    const byte = reader.bytes[reader.at]
    if (byte === undefined) throw new RangeError('A sketch ends too early.')
    reader.at += 1
    value += (byte % 128) * scale
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('A sketch holds a number above 2^53.')
    if (byte < 128) return value
    scale *= 128
  }
}
