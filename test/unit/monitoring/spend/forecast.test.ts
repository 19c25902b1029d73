import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../../src/lib/random.ts'
import { type Forecast, forecastMonth } from '../../../../src/monitoring/spend/forecast.ts'

const DAY_MS = 86_400_000
/** Ten days are over, twenty and this one are left. */
const NOW = Date.parse('2026-11-11T00:00:00Z')
const END = Date.parse('2026-12-01T00:00:00Z')
const LEFT = 20

const forecast = (
  days: readonly number[],
  changes: { nowMs?: number; endMs?: number; spent?: bigint } = {},
): Forecast => forecastMonth({ days, nowMs: NOW, endMs: END, spent: 0n, random: seededRandom(5), ...changes })
const known = (given: Forecast) => {
  if (given.kind !== 'forecast') throw new Error(given.reason)
  return given
}

/** A level, weekends at a third of it, and noise that lasts from day to day as `memory` says; all micro-USD. */
function madeUp(random: () => number, { days, memory }: { days: number; memory: number }): number[] {
  const gauss = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  let noise = gauss()
  return Array.from({ length: days }, (_, index) => {
    noise = memory * noise + Math.sqrt(1 - memory ** 2) * gauss()
    const weekday = (NOW / DAY_MS - (days - LEFT) + index) % 7
    return Math.max(0, (weekday < 2 ? 30e6 : 90e6) + 15e6 * noise)
  })
}

function coverage(historyDays: number, memory: number): number {
  const random = seededRandom(historyDays * 100 + memory * 10)
  let held = 0
  const series = 100
  for (let one = 0; one < series; one += 1) {
    const all = madeUp(random, { days: historyDays + LEFT, memory })
    const truth = all.slice(historyDays).reduce((sum, value) => sum + value, 0)
    const { low, high } = known(forecast(all.slice(0, historyDays)))
    if (Number(low) <= truth && truth <= Number(high)) held += 1
  }
  return held / series
}

describe('a forecast', () => {
  test('of days that are all alike is exact', () => {
    const { total, low, high, days, seasonal } = known(
      forecast(
        Array.from({ length: 28 }, () => 5e6),
        { spent: 50_000_000n },
      ),
    )

    expect([total, low, high, days, seasonal]).toEqual([150_000_000n, 150_000_000n, 150_000_000n, 28, true])
  })

  test('counts the quiet days that are to come', () => {
    // 2026-11-11 is a Wednesday: of the 20 days left six are at a weekend.
    const days = Array.from({ length: 28 }, (_, index) =>
      [2, 3].includes((NOW / DAY_MS - 28 + index) % 7) ? 0 : 1e6,
    )

    expect(known(forecast(days)).total).toBe(14_000_000n)
  })

  test('counts of today what is left of it', () => {
    const days = Array.from({ length: 28 }, () => 8e6)

    expect(known(forecast(days, { nowMs: END - DAY_MS / 4, spent: 7n })).total).toBe(2_000_007n)
  })

  test('is refused with less than a week, and for a month that is over', () => {
    expect(forecast([1, 2, 3, 4, 5, 6])).toEqual({ kind: 'refused', reason: 'too_few_days' })
    expect(
      forecast(
        Array.from({ length: 28 }, () => 1),
        { endMs: NOW },
      ),
    ).toEqual({ kind: 'refused', reason: 'over' })
  })

  test('is the same with the same seed, and never below what was spent', () => {
    const days = Array.from({ length: 10 }, (_, index) => (index === 3 ? 1e9 : 0))

    expect(forecast(days)).toEqual(forecast(days))
    expect(known(forecast(days, { spent: 9n })).low).toBe(9n)
  })

  test.each([
    [28, 0, 0.75],
    [14, 0, 0.75],
    [8, 0, 0.75],
    [28, 0.5, 0.65],
  ])('of %i days whose noise lasts %d holds what came about as often as it says', (days, memory, least) => {
    expect(coverage(days, memory)).toBeGreaterThanOrEqual(least)
  })
})
