import { expect, test } from 'vitest'
import { Rate } from '../../../src/cli/rate.ts'

test('a rate is told after a second, with what is left, and begins again with each phase', () => {
  let nowMs = 0
  const rate = new Rate(() => nowMs)

  expect(rate.text('embedding', 100, 500)).toBe('')
  nowMs = 500
  expect(rate.text('embedding', 150, 500)).toBe('')
  nowMs = 2_000
  expect(rate.text('embedding', 200, 500)).toBe('50/s  6.00 s left')
  expect(rate.text('embedding', 200, null)).toBe('50/s')
  nowMs = 2_400
  expect(rate.text('asking', 10, 20)).toBe('')
  nowMs = 4_400
  expect(rate.text('asking', 12, 20)).toBe('1.0/s  8.00 s left')
})
