/** The breaker: a sick upstream is left alone, probed once, and never hit harder for being sick. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Breaker, createBreaker } from '../../../src/gateway/breaker.ts'
import { handClock } from './parts.ts'

function fail(breaker: Breaker, target: string, times: number): void {
  for (let at = 0; at < times; at += 1) {
    breaker.begin(target, false)
    breaker.failed(target)
  }
}

describe('a circuit', () => {
  test('is closed for a target nobody has called', () => {
    expect(createBreaker(handClock()).waitMs('a')).toBe(0)
  })

  test('opens at the fifth failure in a row, for five seconds, for this target alone', () => {
    const clock = handClock()
    const breaker = createBreaker(clock)

    fail(breaker, 'a', 4)
    expect(breaker.waitMs('a')).toBe(0)
    fail(breaker, 'a', 1)

    expect(breaker.waitMs('a')).toBe(5000)
    expect(breaker.waitMs('b')).toBe(0)
    clock.advance(1500)
    expect(breaker.waitMs('a')).toBe(3500)
  })

  test('a success in between starts the count again', () => {
    const breaker = createBreaker(handClock())

    fail(breaker, 'a', 4)
    breaker.succeeded('a')
    fail(breaker, 'a', 4)

    expect(breaker.waitMs('a')).toBe(0)
  })

  test('lets one probe through after its time, and nobody else while it runs', () => {
    const clock = handClock()
    const breaker = createBreaker(clock)
    fail(breaker, 'a', 5)
    clock.advance(5000)

    expect(breaker.waitMs('a')).toBe(0)
    breaker.begin('a', false)

    expect(breaker.waitMs('a')).toBeGreaterThan(0)
    clock.advance(60_000)
    expect(breaker.waitMs('a')).toBeGreaterThan(0)
  })

  test.each([
    ['succeeds', (breaker: Breaker) => breaker.succeeded('a'), [0, 0]],
    ['fails', (breaker: Breaker) => breaker.failed('a'), [5000, 0]],
    ['says nothing (the client left)', (breaker: Breaker) => breaker.released('a'), [0, 0]],
  ])('after a probe that %s it is open or closed accordingly', (_name, end, [now, later]) => {
    const clock = handClock()
    const breaker = createBreaker(clock)
    fail(breaker, 'a', 5)
    clock.advance(5000)
    breaker.begin('a', false)

    end(breaker)

    expect(breaker.waitMs('a')).toBe(now)
    clock.advance(5000)
    expect(breaker.waitMs('a')).toBe(later)
  })

  test('a probe that failed opens it again at once, without five more', () => {
    const clock = handClock()
    const breaker = createBreaker(clock)
    fail(breaker, 'a', 5)
    clock.advance(5000)

    fail(breaker, 'a', 1)

    expect(breaker.waitMs('a')).toBe(5000)
  })
})

describe('retries', () => {
  test('are a fifth of the first attempts and what was saved, at most, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 500 }), (calls) => {
        const breaker = createBreaker(handClock())
        let first = 0
        let retries = 0

        for (const isRetry of calls) {
          const allowed = breaker.begin('a', isRetry)
          if (!isRetry) first += 1
          else if (allowed) retries += 1
          if (!isRetry) expect(allowed).toBe(true)
        }

        expect(retries).toBeLessThanOrEqual(first * 0.2 + 10 + 1e-9)
      }),
    )
  })

  test('in a storm of failures every request may not be tried twice', () => {
    const breaker = createBreaker(handClock())
    let retries = 0

    for (let request = 0; request < 1000; request += 1) {
      breaker.begin('a', false)
      for (let retry = 0; retry < 2; retry += 1) if (breaker.begin('a', true)) retries += 1
    }

    expect(1000 + retries).toBeLessThanOrEqual(1000 * 1.2 + 10)
    expect(retries).toBeGreaterThan(190)
  })

  test('what is saved up has an end', () => {
    const breaker = createBreaker(handClock())
    for (let request = 0; request < 10_000; request += 1) breaker.begin('a', false)

    const allowed = Array.from({ length: 20 }, () => breaker.begin('a', true)).filter(Boolean)

    expect(allowed).toHaveLength(10)
  })
})

describe('what is remembered', () => {
  test('is bounded: of more targets than 10,000 the oldest is forgotten', () => {
    const breaker = createBreaker(handClock())
    fail(breaker, 'first', 5)
    fail(breaker, 'second', 5)

    for (let other = 0; other < 9_999; other += 1) breaker.begin(`other-${other}`, false)

    expect(breaker.waitMs('first')).toBe(0)
    expect(breaker.waitMs('second')).toBe(5000)
  })

  test('is told as the targets that are not called for now', () => {
    const clock = handClock()
    const breaker = createBreaker(clock)
    fail(breaker, 'a', 5)
    fail(breaker, 'b', 4)

    expect(breaker.open()).toEqual(['a'])
    clock.advance(5000)
    expect(breaker.open()).toEqual([])
  })
})
