import { expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { judgeShift, liveShift, tellApart } from '../../../../src/monitoring/data/tell-apart.ts'

const clamp = (value: number) => Math.min(1, Math.max(0, value))
const normal = (random: () => number) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** A judge of shares with noise of 0.15 between two looks at one answer. */
function day(random: () => number, { lenient = 0, better = 0, sentinels = 100, live = 300 } = {}) {
  const truth = () => 0.3 + 0.4 * random()
  const says = (value: number, bonus = 0) => clamp(value + bonus + 0.15 * normal(random))
  const pairs = Array.from({ length: sentinels }, () => {
    const value = truth()
    return { before: says(value), after: says(value, lenient) }
  })
  const earlier = Array.from({ length: live }, () => says(truth()))
  const recent = Array.from({ length: live }, () => says(truth() + better, lenient))
  return tellApart({ judge: judgeShift(pairs).shift, live: liveShift(earlier, recent) }).verdict
}

function count(days: number, change: Parameters<typeof day>[1], seed: number): Record<string, number> {
  const random = seededRandom(seed)
  const counts: Record<string, number> = {}
  for (let at = 0; at < days; at += 1) {
    const verdict = day(random, change)
    counts[verdict] = (counts[verdict] ?? 0) + 1
  }
  return counts
}

test('a judge that gives a tenth more is told as judge drift on most days with a hundred sentinels', () => {
  expect(count(100, { lenient: 0.1 }, 1).judge_drift).toBeGreaterThanOrEqual(85)
})

test('better answers are told as model drift, and both as both', () => {
  expect(count(100, { better: 0.15 }, 2).model_drift).toBeGreaterThanOrEqual(85)
  expect(count(100, { lenient: 0.15, better: -0.15 }, 3).both).toBeGreaterThanOrEqual(75)
})

test('nothing is told of a judge and answers that stay', () => {
  expect(count(200, {}, 4).neither).toBeGreaterThanOrEqual(199)
})

test('few sentinels, and few live scores, are unknown', () => {
  expect(day(seededRandom(5), { sentinels: 29, lenient: 0.5 })).toBe('unknown')
  expect(day(seededRandom(5), { live: 49 })).toBe('unknown')
  expect(day(seededRandom(5), { live: 49, lenient: 0.3 })).toBe('judge_drift')
})

test('a judge without noise that gives exactly a tenth more agrees with nothing it said', () => {
  const pairs = Array.from({ length: 40 }, () => ({ before: 0.5, after: 0.625 }))
  expect(judgeShift(pairs)).toMatchObject({ agreement: 0, shift: { mean: 0.125, low: 0.125, high: 0.125 } })
  expect(judgeShift([])).toEqual({ agreement: null, shift: null })
})
