/** The detector over made-up series: what it finds, what it leaves alone, and what it takes of broken points. */

import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import {
  type Change,
  type Detector,
  newDetector,
  observe,
  SETTINGS,
  stateAt,
} from '../../../../src/monitoring/detectors/detector.ts'

const STEP_MS = 300_000
const WEEK = 2016
const DAY = 288
const CHANGE_AT = 2 * WEEK

function gaussian(seed: number): () => number {
  const random = seededRandom(seed)
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** The alerts of `count` points, five minutes apart. */
function alertsOf(count: number, valueAt: (at: number) => number, settings = SETTINGS.strict) {
  const detector = newDetector()
  const alerts: { at: number; change: Change }[] = []
  for (let at = 0; at < count; at += 1) {
    const reading = observe(detector, { timeMs: at * STEP_MS, value: valueAt(at) }, settings)
    if (reading.taken && reading.alerted) alerts.push({ at, change: reading.change })
  }
  return { alerts, detector }
}

describe('a change after two quiet weeks is found', () => {
  const noise = gaussian(1)
  test.each<[string, (at: number) => number, number]>([
    ['a level shift of 2 deviations, in 3 hours', (at) => noise() + (at < CHANGE_AT ? 0 : 2), 36],
    [
      'a creep of 2 deviations in a day, in that day',
      (at) => noise() + (2 * Math.max(0, at - CHANGE_AT)) / DAY,
      DAY,
    ],
    ['a spike of one point, at that point', (at) => noise() + (at === CHANGE_AT ? 25 : 0), 0],
    ['a deviation three times as large, in 4 hours', (at) => noise() * (at < CHANGE_AT ? 1 : 3), 48],
    ['the end of a constant, at once', (at) => (at < CHANGE_AT ? 0 : 0.05), 0],
  ])('%s', (_name, valueAt, within) => {
    const { alerts } = alertsOf(CHANGE_AT + DAY, valueAt)
    const [first] = alerts.filter(({ at }) => at >= CHANGE_AT)

    // The budget of two weeks.
    expect(alerts.filter(({ at }) => at < CHANGE_AT).length).toBeLessThanOrEqual(2)
    expect((first?.at ?? Number.POSITIVE_INFINITY) - CHANGE_AT).toBeLessThanOrEqual(within)
  })

  test('beneath a daily season that is larger than the change', () => {
    const noise = gaussian(7)
    const season = (at: number) => 10 * Math.sin((2 * Math.PI * at) / DAY)
    const { alerts } = alertsOf(CHANGE_AT + DAY, (at) => season(at) + noise() + (at < CHANGE_AT ? 0 : 5))

    expect(alerts.filter(({ at }) => at > WEEK && at < CHANGE_AT)).toEqual([])
    expect(alerts.filter(({ at }) => at >= CHANGE_AT)).not.toEqual([])
  })
})

describe('100 quiet weeks stay within an alert a week, and the one that is free', () => {
  const random = seededRandom(5)
  const noise = gaussian(9)
  let previous = 0
  test.each<[string, () => number]>([
    ['normal', noise],
    ['log-normal', () => Math.exp(noise())],
    [
      'autocorrelated',
      () => {
        previous = 0.9 * previous + noise()
        return previous
      },
    ],
    ['one in a hundred', () => (random() < 0.01 ? 1 : 0)],
  ])('%s noise', (_name, valueAt) => {
    expect(alertsOf(100 * WEEK, valueAt, SETTINGS.loose).alerts.length).toBeLessThanOrEqual(101)
  })
})

test('a season that begins to count has no data until it is known for 100 points', () => {
  const noise = gaussian(3)
  const detector = newDetector()
  const states: string[] = []
  for (let at = 0; at < 5 * DAY; at += 1) {
    const value = 10 * Math.sin((2 * Math.PI * at) / DAY) + noise()
    states.push(observe(detector, { timeMs: at * STEP_MS, value }, SETTINGS.strict).state)
  }

  expect(detector.season.shown).toBe('day')
  expect(states.filter((state, at) => at > 100 && state === 'no_data').length).toBeGreaterThanOrEqual(99)
  expect(states.at(-1)).not.toBe('no_data')
})

describe('never alarmed', () => {
  test.each([0, 1, -7.5, 45, 1e150, 1e-300])('by a constant %d', (constant) => {
    const { alerts, detector } = alertsOf(2 * WEEK, () => constant)

    expect(alerts).toEqual([])
    expect(stateAt(detector, 2 * WEEK * STEP_MS)).toBe('ok')
  })

  test('by the last digit of a constant', () => {
    expect(alertsOf(WEEK, (at) => 45 + (at % 97 === 0 ? 1e-9 : 0)).alerts).toEqual([])
  })
})

describe('points out of order', () => {
  function filled(): Detector {
    const noise = gaussian(2)
    return alertsOf(200, noise).detector
  }
  const newestMs = 199 * STEP_MS

  test.each([
    ['NaN', { timeMs: newestMs + 1, value: Number.NaN }, 'not_finite'],
    ['infinity', { timeMs: newestMs + 1, value: Number.NEGATIVE_INFINITY }, 'not_finite'],
    ['a time that is none', { timeMs: Number.NaN, value: 1 }, 'not_finite'],
    ['what cannot be squared', { timeMs: newestMs + 1, value: 1e200 }, 'too_large'],
    ['a time told twice', { timeMs: newestMs, value: 1 }, 'not_later'],
    ['a clock that went back', { timeMs: newestMs - DAY * STEP_MS, value: 1 }, 'not_later'],
  ] as const)('%s: refused with the reason, and nothing changed', (_name, point, refusal) => {
    const detector = filled()
    const before = structuredClone(detector)

    expect(observe(detector, point, SETTINGS.strict)).toEqual({ taken: false, state: 'ok', refusal })
    expect(detector).toEqual(before)
  })

  test('wild finite values leave finite numbers behind', () => {
    const random = seededRandom(4)
    const { detector } = alertsOf(WEEK, () => (random() - 0.5) * 10 ** (300 * (random() - 0.5)))

    expect(numbersOf(detector).every(Number.isFinite)).toBe(true)
  })

  test('a gap ends an alert and makes the charts begin anew', () => {
    const noise = gaussian(2)
    const { detector } = alertsOf(WEEK + 50, (at) => noise() + (at < WEEK ? 0 : 6))
    const endMs = (WEEK + 49) * STEP_MS
    expect(stateAt(detector, endMs)).toBe('alert')
    expect(stateAt(detector, endMs + 21 * STEP_MS)).toBe('no_data')

    const reading = observe(detector, { timeMs: endMs + DAY * STEP_MS, value: 0 }, SETTINGS.strict)

    expect(reading).toMatchObject({ taken: true, state: 'ok', alerted: false })
  })
})

test('there is no data until 100 points are known', () => {
  const detector = newDetector()
  const states = Array.from(
    { length: 102 },
    (_, at) => observe(detector, { timeMs: at * STEP_MS, value: at % 7 }, SETTINGS.strict).state,
  )

  expect(states.slice(0, 100).every((state) => state === 'no_data')).toBe(true)
  expect(states.slice(100)).toEqual(['ok', 'ok'])
  expect(stateAt(newDetector(), 0)).toBe('no_data')
})

test('the same as JSON in between, and never more than 2,260 numbers', () => {
  const noise = gaussian(8)
  const values = Array.from({ length: 3 * WEEK }, (_, at) => noise() + (at > 2 * WEEK ? 1 : 0))
  const whole = alertsOf(values.length, (at) => values[at] ?? 0).detector
  let kept = newDetector()
  for (const [at, value] of values.entries()) {
    if (at % 500 === 0) kept = JSON.parse(JSON.stringify(kept)) as Detector
    observe(kept, { timeMs: at * STEP_MS, value }, SETTINGS.strict)
  }

  expect(kept).toEqual(whole)
  expect(numbersOf(newDetector()).length).toBeLessThanOrEqual(2260)
  expect(numbersOf(whole).length).toBeLessThanOrEqual(2260)
})

function numbersOf(value: unknown): number[] {
  if (typeof value === 'number') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersOf) : []
}
