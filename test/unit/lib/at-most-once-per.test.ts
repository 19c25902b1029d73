import { expect, test } from 'vitest'
import { atMostOncePer } from '../../../src/lib/at-most-once-per.ts'

test('an answer is kept for its time, asked once however many wait, and a failure is kept as long', async () => {
  let nowMs = 0
  let asked = 0
  const ask = atMostOncePer({ monotonicMs: () => nowMs }, 1000, async () => {
    asked += 1
    if (asked === 2) throw new Error('away')
    return asked
  })

  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1])
  nowMs = 999
  expect(await ask()).toBe(1)
  nowMs = 1000
  await expect(ask()).rejects.toThrow('away')
  await expect(ask()).rejects.toThrow('away')
  nowMs = 2000
  expect(await ask()).toBe(3)
})
