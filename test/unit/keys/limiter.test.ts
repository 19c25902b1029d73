import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLimiter, emptyLog, RATE_WINDOW_MS, rateHeaders, takeRate } from '../../../src/keys/limiter.ts'

const steps = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 300 })

test('no window of a minute ever holds more requests than the limit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), steps, (limit, gapsMs) => {
      const log = emptyLog()
      const admittedMs: number[] = []
      let nowMs = 0
      for (const gapMs of gapsMs) {
        nowMs += gapMs / 10
        if (takeRate(log, limit, nowMs) === 0) admittedMs.push(nowMs)
      }

      for (const [at, startMs] of admittedMs.entries()) {
        const inWindow = admittedMs.slice(at).filter((ms) => ms < startMs + RATE_WINDOW_MS)
        expect(inWindow.length).toBeLessThanOrEqual(limit)
      }
    }),
  )
})

test('retryAfterMs is exact: a millisecond earlier is refused, then is admitted', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), steps, (limit, gapsMs) => {
      const log = emptyLog()
      let nowMs = 0
      for (const gapMs of gapsMs) {
        nowMs += gapMs / 100
        const waitMs = takeRate(log, limit, nowMs)
        if (waitMs === 0) continue
        expect(takeRate(structuredClone(log), limit, nowMs + waitMs - 1.001)).toBeGreaterThan(0)
        expect(takeRate(structuredClone(log), limit, nowMs + waitMs)).toBe(0)
      }
    }),
  )
})

test('a sender at an even pace gets all of the limit', () => {
  const log = emptyLog()

  const refused = Array.from({ length: 600 * 3 }, (_, at) => takeRate(log, 600, at * 100)).filter(
    (ms) => ms > 0,
  )

  expect(refused).toEqual([])
})

test('a very large limit is held with a bounded memory', () => {
  const log = emptyLog()

  let admitted = 0
  for (let at = 0; at < 120_000; at += 1) if (takeRate(log, 100_000, at / 10) === 0) admitted += 1

  expect(admitted).toBe(100_000)
  expect(log.moments.length).toBeLessThanOrEqual(1100)
})

test('running requests never exceed the concurrency and never go below zero', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat({ max: 9 }), { maxLength: 200 }),
      (concurrency, moves) => {
        const limiter = createLimiter()
        const releases: (() => void)[] = []
        for (const move of moves) {
          if (move < 5) {
            const admission = limiter.admit('vk_a', { rpm: null, concurrency }, 0)
            if (admission.admitted) releases.push(admission.release)
          } else {
            // Releasing twice is what a careless caller does.
            const release = releases[move % Math.max(1, releases.length)]
            release?.()
            release?.()
          }
          expect(limiter.running('vk_a')).toBeGreaterThanOrEqual(0)
          expect(limiter.running('vk_a')).toBeLessThanOrEqual(concurrency)
        }
      },
    ),
  )
})

test('a request refused for concurrency does not count against the minute', () => {
  const limiter = createLimiter()
  limiter.admit('vk_a', { rpm: 2, concurrency: 1 }, 0)

  const refused = limiter.admit('vk_a', { rpm: 2, concurrency: 1 }, 1)

  expect(refused).toMatchObject({ admitted: false, reason: 'concurrency_limit_exceeded' })
  expect(refused.rate).toEqual({ limit: 2, remaining: 1, resetMs: 59_999 })
})

test('keys that went quiet are forgotten', () => {
  const limiter = createLimiter()
  for (let at = 0; at < 10_000; at += 1) {
    const admission = limiter.admit(`vk_${at}`, { rpm: 10, concurrency: 1 }, 0)
    if (admission.admitted) admission.release()
  }

  for (let at = 0; at < 5000; at += 1) limiter.admit('vk_busy', { rpm: null, concurrency: null }, 61_000)

  expect(limiter.size).toBe(1)
})

test('the rate headers read as the OpenAI API writes them', () => {
  expect(rateHeaders({ limit: 600, remaining: 599, resetMs: 1234.2 })).toEqual({
    'x-ratelimit-limit-requests': '600',
    'x-ratelimit-remaining-requests': '599',
    'x-ratelimit-reset-requests': '1.235s',
  })
})
