import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Bins,
  binsFromBytes,
  binsToBytes,
  learn,
  learnAll,
  learnBin,
  learnBins,
  learnBytes,
  newSketch,
  quantileOf,
} from '../../../../src/monitoring/rollups/sketch.ts'

const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { maxLength: 60 })
const SHARES = [0, 0.1, 0.5, 0.95, 1]

const binsOf = (all: readonly number[]): Bins => {
  const bins: Bins = new Map()
  for (const value of all) learnBin(bins, value)
  return bins
}
const sketchOf = (all: readonly number[]) => {
  const sketch = newSketch()
  for (const value of all) learn(sketch, value)
  return sketch
}
const quantiles = (sketch: ReturnType<typeof newSketch>) => [
  sketch.count,
  ...SHARES.map((share) => quantileOf(sketch, share)),
]
const read = (bytes: Uint8Array) => {
  const sketch = newSketch()
  learnBytes(sketch, bytes)
  return sketch
}

describe('a sketch', () => {
  test('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(values, (all) => {
        expect(binsFromBytes(binsToBytes(binsOf(all)))).toEqual(binsOf(all))
        expect(quantiles(read(binsToBytes(binsOf(all))))).toEqual(quantiles(sketchOf(all)))
      }),
    )
  })

  test('is the union of two when their bytes, their bins or they themselves come together', () => {
    fc.assert(
      fc.property(values, values, (some, others) => {
        const union = quantiles(sketchOf([...some, ...others]))
        const bins = binsOf(some)
        learnBins(bins, binsOf(others))
        const sketch = sketchOf(some)
        learnAll(sketch, sketchOf(others))

        expect(
          quantiles(read(Buffer.concat([binsToBytes(binsOf(some)), binsToBytes(binsOf(others))]))),
        ).toEqual(union)
        expect(quantiles(read(binsToBytes(bins)))).toEqual(union)
        expect(quantiles(sketch)).toEqual(union)
      }),
    )
  })

  test('gives every quantile within 1 %', () => {
    const all = Array.from({ length: 5001 }, (_, index) => 1.003 ** index)
    const sketch = read(binsToBytes(binsOf(all)))

    for (const share of [0, 0.01, 0.5, 0.95, 0.99, 1]) {
      const exact = all[Math.floor(share * 5000)] ?? Number.NaN
      expect(Math.abs((quantileOf(sketch, share) ?? 0) / exact - 1)).toBeLessThanOrEqual(0.01 + 1e-9)
    }
  })

  test('takes 5 bytes of one value, none of nothing, and has no quantile then', () => {
    expect(binsToBytes(binsOf([1240]))).toHaveLength(5)
    expect(binsToBytes(new Map())).toHaveLength(0)
    expect(quantileOf(newSketch(), 0.5)).toBeNull()
  })

  test('leaves out what is no size, and counts what is given many times', () => {
    const bins = binsOf([Number.NaN, -1, Number.POSITIVE_INFINITY])
    learnBin(bins, 0, 3)
    learnBin(bins, 5, 2 ** 40)

    expect(quantiles(read(binsToBytes(bins))).slice(0, 2)).toEqual([2 ** 40 + 3, 0])
  })

  test.each([
    ['ends within a number', [1, 0, 200]],
    ['ends within a bin', [2, 0, 4, 1]],
    ['holds a number above 2^53', Array.from({ length: 9 }, () => 255)],
  ])('that %s is refused', (_why, bytes) => {
    expect(() => binsFromBytes(Uint8Array.from(bytes))).toThrow(RangeError)
  })
})
