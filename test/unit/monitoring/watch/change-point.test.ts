/** When a change began, of made-up shifts. */

import { describe, expect, test } from 'vitest'
import { quantile } from '../../../../src/lib/quantile.ts'
import { seededRandom } from '../../../../src/lib/random.ts'
import { changeBegan, type Deviation } from '../../../../src/monitoring/watch/change-point.ts'
import { gaussian } from '../../../support/simulated-traffic.ts'

const of = (values: readonly number[]): Deviation[] =>
  values.map((deviation, timeMs) => ({ timeMs, deviation }))
const UP = { change: 'level', side: 'up' } as const

test('is the first point after the sum was last at zero, as worked by hand', () => {
  // Sums with k = 0.5 + …: 0, 0.5, 0 (it falls back), 0, then 0.9, 1.8, 2.7.
  expect(changeBegan(of([0, 1, -1, 0, 1.4, 1.4, 1.4]), UP)).toBe(4)
  expect(changeBegan(of([0, 1, -1, 0, -1.4, -1.4, -1.4]), { ...UP, side: 'down' })).toBe(4)
})

test('is the newest point where nothing went that way before it, and unknown without points', () => {
  expect(changeBegan(of([0, 0, 0]), UP)).toBe(2)
  expect(changeBegan(of([0.9, 0.8, 0.9, 30]), { change: 'jump', side: 'up' })).toBe(3)
  expect(changeBegan([], UP)).toBeNull()
})

describe('of 200 made-up changes', () => {
  const SHIFT_AT = 300
  /** How many points off, in absolute value: half of the estimates, and nine in ten. */
  const errorsOf = (
    length: number,
    change: 'level' | 'spread',
    shifted: (noise: number, after: number) => number,
  ) => {
    const errors = Array.from({ length: 200 }, (_, seed) => {
      const noise = gaussian(seededRandom(seed))
      const values = Array.from({ length: SHIFT_AT + length }, (__, at) =>
        at < SHIFT_AT ? noise() : shifted(noise(), at - SHIFT_AT),
      )
      return Math.abs((changeBegan(of(values), { change, side: 'up' }) ?? 0) - SHIFT_AT)
    })
    return [0.5, 0.9].map((share) => quantile(errors, share) ?? Number.NaN)
  }

  test.each<[string, number, 'level' | 'spread', (noise: number, after: number) => number, number, number]>([
    ['a shift of one deviation, 40 points ago', 40, 'level', (noise) => noise + 1, 5, 20],
    ['a shift of three deviations, 12 points ago', 12, 'level', (noise) => noise + 3, 1, 2],
    ['deviations three times as large, 30 points ago', 30, 'spread', (noise) => 3 * noise, 2, 10],
    [
      'a creep of two deviations over 288 points',
      288,
      'level',
      (noise, after) => noise + after / 144,
      150,
      250,
    ],
  ])('%s is dated within some points', (_name, length, change, shifted, half, most) => {
    const [median, tenth] = errorsOf(length, change, shifted)

    expect(median).toBeLessThanOrEqual(half)
    expect(tenth).toBeLessThanOrEqual(most)
  })
})
