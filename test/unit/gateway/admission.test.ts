/** Limits of a key as a caller meets them: headers on success, a precise wait on refusal, places given back. */

import { describe, expect, test } from 'vitest'
import { LimitError } from '../../../src/errors.ts'
import { createAdmission } from '../../../src/gateway/admission.ts'
import { createLimiter } from '../../../src/keys/limiter.ts'
import { handClock, testKey } from './parts.ts'

const NO_DEFAULTS = { rpm: null, concurrency: null }

function refused(act: () => unknown): LimitError {
  try {
    act()
  } catch (error) {
    if (error instanceof LimitError) return error
    throw error
  }
  throw new Error('It was admitted.')
}

describe('a key without limits', () => {
  test('is admitted without headers, however often', () => {
    const admission = createAdmission(createLimiter(), () => NO_DEFAULTS, handClock())

    for (let request = 0; request < 5000; request += 1)
      expect(admission.acquire(testKey()).headers).toEqual({})
  })
})

describe('a rate limit', () => {
  test('is shown on every answer and names the wait when it is reached', () => {
    const clock = handClock()
    const admission = createAdmission(createLimiter(), () => NO_DEFAULTS, clock)
    const key = testKey({ rpm: 2 })

    const first = admission.acquire(key)
    clock.advance(20_000)
    const second = admission.acquire(key)
    const error = refused(() => admission.acquire(key))

    expect(first.headers).toEqual({
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '1',
      'x-ratelimit-reset-requests': '60s',
    })
    expect(second.headers).toMatchObject({ 'x-ratelimit-remaining-requests': '0' })
    expect(error).toMatchObject({ code: 'rate_limit_exceeded', status: 429 })
    expect(error.message).toContain('"shop" may send 2 requests a minute')
    expect(error.headers).toMatchObject({
      'retry-after': '40',
      'retry-after-ms': '40000',
      'x-ratelimit-remaining-requests': '0',
    })
  })

  test('admits exactly when it said it would, and not earlier', () => {
    const clock = handClock()
    const admission = createAdmission(createLimiter(), () => NO_DEFAULTS, clock)
    const key = testKey({ rpm: 1 })
    admission.acquire(key)
    const waitMs = Number(refused(() => admission.acquire(key)).headers['retry-after-ms'])

    clock.advance(waitMs - 1)
    refused(() => admission.acquire(key))
    clock.advance(1)

    expect(() => admission.acquire(key)).not.toThrow()
  })
})

describe('a limit of requests at once', () => {
  test('gives the place back once, on release', () => {
    const admission = createAdmission(createLimiter(), () => NO_DEFAULTS, handClock())
    const key = testKey({ concurrency: 1 })
    const { release } = admission.acquire(key)

    const error = refused(() => admission.acquire(key))
    release()
    release()
    admission.acquire(key)

    expect(error).toMatchObject({ code: 'concurrency_limit_exceeded', status: 429 })
    refused(() => admission.acquire(key))
  })

  test('does not cost the rate of a request that was refused for it', () => {
    const admission = createAdmission(createLimiter(), () => NO_DEFAULTS, handClock())
    const key = testKey({ rpm: 2, concurrency: 1 })
    const { release } = admission.acquire(key)

    refused(() => admission.acquire(key))
    release()

    expect(admission.acquire(key).headers).toMatchObject({ 'x-ratelimit-remaining-requests': '0' })
  })
})

describe('the default for apps', () => {
  test('holds for apps that name no limit of their own, as it stands at the moment', () => {
    let rpm = 1
    const admission = createAdmission(createLimiter(), () => ({ rpm, concurrency: null }), handClock())

    admission.acquire(testKey())
    refused(() => admission.acquire(testKey()))
    rpm = 2

    expect(() => admission.acquire(testKey())).not.toThrow()
  })

  test('neither holds for a key with its own limit nor for other roles', () => {
    const admission = createAdmission(createLimiter(), () => ({ rpm: 1, concurrency: 1 }), handClock())
    const own = testKey({ id: 'vk_own', rpm: 3, concurrency: 5 })
    const engineer = testKey({ id: 'vk_engineer', roles: ['engineer'] })

    for (let request = 0; request < 3; request += 1) {
      admission.acquire(own)
      admission.acquire(engineer)
    }

    expect(admission.acquire(engineer).headers).toEqual({})
    refused(() => admission.acquire(own))
  })
})
