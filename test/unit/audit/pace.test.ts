/** When the shipper rests: only while requests need the processor, and never so long that rows get old. */

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { restMs, watchLoad } from '../../../src/audit/pace.ts'
import { Progress } from '../../../src/audit/progress.ts'

test('a gateway with time to spare lets rows go at full speed', () => {
  expect(restMs({ busy: false, oldestSeconds: 0, workedMs: 40 })).toBe(0)
})

test('a busy gateway gets three quarters of the time', () => {
  expect(restMs({ busy: true, oldestSeconds: 1, workedMs: 40 })).toBe(120)
})

test('no rest is longer than half a second', () => {
  expect(restMs({ busy: true, oldestSeconds: 1, workedMs: 5000 })).toBe(500)
})

test('rows that get old are shipped whatever else happens', () => {
  expect(restMs({ busy: true, oldestSeconds: 14.9, workedMs: 40 })).toBeGreaterThan(0)
  expect(restMs({ busy: true, oldestSeconds: 15, workedMs: 40 })).toBe(0)
})

test('an event loop that never rests is seen as busy, by the other thread too, and an idle one is not', async () => {
  const progress = new Progress()
  const seen = new Progress(progress.memory)
  const stop = watchLoad(progress)

  const busy: boolean[] = []
  for (let turn = 0; turn < 40 && !seen.busy; turn += 1) {
    const until = performance.now() + 25
    while (performance.now() < until);
    await new Promise(setImmediate)
  }
  busy.push(seen.busy)
  for (let turn = 0; turn < 100 && seen.busy; turn += 1) await sleep(50)
  busy.push(seen.busy)
  stop()

  expect(busy).toEqual([true, false])
})
