import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchClock } from '../../../src/audit/clock-watch.ts'
import type { EventRecord } from '../../../src/audit/record.ts'

const DAY_MS = 86_400_000
let wallMs = 0
let monotonicMs = 0
let events: EventRecord[] = []
let stop: () => void

/** A second passes; the wall clock may be set meanwhile. */
function second(setByMs = 0): void {
  wallMs += 1000 + setByMs
  monotonicMs += 1000
  vi.advanceTimersByTime(1000)
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  wallMs = Date.UTC(2026, 10, 25)
  monotonicMs = 5
  events = []
  const log = { event: async (record: EventRecord) => void events.push(record) }
  stop = watchClock(log, { nowMs: () => wallMs, monotonicMs: () => monotonicMs }, () => undefined)
})
afterEach(() => {
  stop()
  vi.useRealTimers()
})

test('a clock that is set by a day, forward or back, is on the log once each time', () => {
  second()
  second(DAY_MS)
  second()
  second(-DAY_MS)
  second()

  expect(events.map(({ kind, action, detail }) => [kind, action, detail])).toEqual([
    ['clock', 'clock.jumped', { jump_ms: DAY_MS }],
    ['clock', 'clock.jumped', { jump_ms: -DAY_MS }],
  ])
})

test('small corrections are not worth a record', () => {
  for (const correctionMs of [0, 40, -40, 200, 0]) second(correctionMs)

  expect(events).toEqual([])
})
