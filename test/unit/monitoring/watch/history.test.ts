import { expect, test } from 'vitest'
import { keptSince } from '../../../../src/monitoring/rollups/retention.ts'
import { historyStep } from '../../../../src/monitoring/watch/history.ts'

const DAY_MS = 86_400_000
const NOW = Date.parse('2026-11-20T12:00:00Z')
const KEPT = keptSince(NOW, { minuteDays: 8, hourDays: 90, dayDays: 730 })

test.each([
  [2, 1, 'minute'],
  [8, 7, 'minute'],
  [9, 8, 'hour'],
  [30, 0, 'hour'],
  [31, 0, 'day'],
  [90, 89, 'hour'],
  [91, 90, 'day'],
  [900, 899, 'day'],
])('a window from %d to %d days ago is read by what is fine enough and still kept', (from, to, level) => {
  const window = { fromMs: NOW - from * DAY_MS, toMs: NOW - to * DAY_MS, kept: KEPT }

  expect(historyStep(window).level).toBe(level)
})

test('where nobody knows what is kept the length alone decides', () => {
  const window = { fromMs: NOW - 900 * DAY_MS, toMs: NOW - 899 * DAY_MS, kept: keptSince(NOW, null) }

  expect(historyStep(window).level).toBe('minute')
})
