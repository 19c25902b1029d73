import { expect, test } from 'vitest'
import { Rate } from '../../../src/cli/rate.ts'

test('a rate is told after a second, with what is left, and begins again with each phase', () => {
  let nowMs = 0
  const rate = new Rate(() => nowMs)

  expect(rate.text('embedding', 100, 500)).toBe('')
  nowMs = 500
  expect(rate.text('embedding', 150, 500)).toBe('')
  nowMs = 2_000
  expect(rate.text('embedding', 200, 500)).toBe('50/s  6 s left')
  expect(rate.text('embedding', 200, null)).toBe('50/s')
  nowMs = 2_400
  expect(rate.text('asking', 10, 20)).toBe('')
  nowMs = 4_400
  expect(rate.text('asking', 12, 20)).toBe('1.0/s  8 s left')
})

test('a rate says how fast it goes now, not since the beginning', () => {
  let nowMs = 0
  const rate = new Rate(() => nowMs)
  for (let second = 0; second <= 60; second += 1) {
    nowMs = second * 1000
    rate.text('embedding', second, 1000)
  }
  for (let second = 61; second <= 100; second += 1) {
    nowMs = second * 1000
    rate.text('embedding', 60 + (second - 60) * 10, 1000)
  }

  expect(rate.text('embedding', 460, 1000)).toBe('10/s  54 s left')
})
