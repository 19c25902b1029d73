/** The small pure parts: ids, units, nearest names, backoff, secrets, sleeping, JSON kinds. */

import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { backoffMs } from '../../../src/lib/backoff.ts'
import { idTimeMs, newId, uuidv7 } from '../../../src/lib/ids.ts'
import { isJsonObject } from '../../../src/lib/json.ts'
import { nearest } from '../../../src/lib/nearest.ts'
import { Secret } from '../../../src/lib/secret.ts'
import { sleep } from '../../../src/lib/sleep.ts'
import { parseDurationMs, parseSizeBytes } from '../../../src/lib/units.ts'

describe('ids', () => {
  test('are unique and sort in the order they were made, also within one millisecond', () => {
    const nowMs = Date.UTC(2040, 0, 1)
    const ids = Array.from({ length: 10_000 }, () => newId('req', nowMs))

    expect(new Set(ids).size).toBe(10_000)
    expect(ids.toSorted()).toEqual(ids)
    expect(ids[0]).toMatch(/^req_[0-9a-hjkmnp-tv-z]{26}$/)
  })

  test('stay in order when the clock goes back', () => {
    const before = newId('req', Date.UTC(2041, 0, 1))

    expect(newId('req', Date.UTC(2040, 6, 1)) > before).toBe(true)
  })

  test('give back the time they were made at', () => {
    const nowMs = Date.UTC(2050, 0, 1)

    expect(idTimeMs('vk', newId('vk', nowMs))).toBe(nowMs)
  })

  test('are UUIDs of version 7', () => {
    const bytes = uuidv7(Date.UTC(2060, 0, 1))

    expect([(bytes[6] ?? 0) >> 4, (bytes[8] ?? 0) >> 6]).toEqual([7, 2])
  })

  test.each([
    '',
    'req_',
    'vk_00000000000000000000000000',
    'req_0000000000000000000000000u',
    'req_80000000000000000000000000',
  ])('%j is no request id', (text) => expect(idTimeMs('req', text)).toBeNull())
})

describe('durations and sizes', () => {
  test.each([
    ['250ms', 250],
    ['1.5s', 1500],
    ['2 m', 120_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['5', null],
    ['-1s', null],
    ['1 parsec', null],
    ['1constructor', null],
    ['', null],
  ])('the duration %j', (text, ms) => expect(parseDurationMs(text)).toBe(ms))

  test.each([
    ['512KiB', 524_288],
    ['1kB', 1000],
    ['1.5GiB', 1_610_612_736],
    ['16mib', null],
    ['16', null],
  ])('the size %j', (text, bytes) => expect(parseSizeBytes(text)).toBe(bytes))
})

describe('the nearest name', () => {
  test.each([
    ['gpt4o', ['openai/gpt-4o', 'openai/o3'], 'openai/gpt-4o'],
    ['prot', ['port', 'host'], 'port'],
    ['base_ulr', ['base_url', 'key'], 'base_url'],
    ['quantum', ['port', 'host'], null],
    ['x', [], null],
  ])('to %j among %j is %j', (name, known, meant) => expect(nearest(name, known)).toBe(meant))
})

describe('backoff', () => {
  test('lies between nothing and its ceiling, which doubles and ends', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, chance) => {
          const ms = backoffMs(attempt, () => chance)

          expect(ms).toBeGreaterThanOrEqual(0)
          expect(ms).toBeLessThanOrEqual(Math.min(2000, 100 * 2 ** attempt))
        },
      ),
    )
  })
})

describe('a secret', () => {
  test('is itself only when it is revealed', () => {
    const secret = new Secret('hunter2', 'env:KEY')
    const shown = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true }),
    ]

    expect(shown.join()).not.toContain('hunter2')
    expect(Object.values(secret)).toEqual(['env:KEY'])
    expect(secret.reveal()).toBe('hunter2')
  })
})

describe('sleeping', () => {
  test('ends at once for a signal that has aborted, or aborts', async () => {
    const aborted = new AbortController()
    const waiting = sleep(86_400_000, aborted.signal)
    aborted.abort()

    await waiting
    await sleep(86_400_000, aborted.signal)
  })

  test('ends by itself', async () => {
    await sleep(1, new AbortController().signal)
  })
})

test.each([
  [{}, true],
  [[], false],
  [null, false],
  ['{}', false],
])('%j is a JSON object: %s', (value, is) => {
  expect(isJsonObject(value)).toBe(is)
})
