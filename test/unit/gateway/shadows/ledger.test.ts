/** The budget of a shadow: reserved before, settled after, never exceeded by one process, and never without news of the others. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLedger } from '../../../../src/gateway/shadows/ledger.ts'
import { othersSpent, served } from './parts.ts'

const shadow = served({ budget: 100n })

function learned(others = 0n) {
  const ledger = createLedger()
  ledger.learn(shadow.id, othersSpent(others), 0)
  return ledger
}

describe('a budget', () => {
  test('gives nothing before it is known what others spent, nor long after', () => {
    const ledger = createLedger()

    expect(ledger.reserve(shadow, 1n, 0)).toBe(false)
    ledger.learn(shadow.id, othersSpent(0n), 0)
    expect(ledger.reserve(shadow, 1n, 30_000)).toBe(true)
    expect(ledger.reserve(shadow, 1n, 30_001)).toBe(false)
  })

  test('counts what others spent, what is under way, and what was spent', () => {
    const ledger = learned(40n)

    expect(ledger.reserve(shadow, 50n, 0)).toBe(true)
    expect(ledger.reserve(shadow, 11n, 0)).toBe(false)
    ledger.settle(shadow.id, 50n, 10n)
    expect(ledger.reserve(shadow, 50n, 0)).toBe(true)
    expect(ledger.reserve(shadow, 1n, 0)).toBe(false)
  })

  test('keeps a reservation whose cost nobody told, and says so', () => {
    const ledger = learned()
    ledger.reserve(shadow, 60n, 0)
    ledger.settle(shadow.id, 60n, 'unknown')

    expect(ledger.reserve(shadow, 41n, 0)).toBe(false)
    expect(ledger.tallyOf(shadow.id)).toMatchObject({ held: 60n, dropped: 0, skipped: 0 })
  })

  test('is spent when more than half is gone and a request does not fit, and not for a giant before that', () => {
    const ledger = learned()

    expect(ledger.reserve(shadow, 101n, 0)).toBe(false)
    expect(ledger.isSpent(shadow)).toBe(false)
    ledger.learn(shadow.id, othersSpent(60n), 0)
    expect(ledger.isSpent(shadow)).toBe(false)
    expect(ledger.reserve(shadow, 41n, 0)).toBe(false)
    expect(ledger.isSpent(shadow)).toBe(true)
  })

  test('is spent when it is reached, and waits for what is under way', () => {
    const ledger = learned(55n)
    ledger.reserve(shadow, 45n, 0)

    expect(ledger.reserve(shadow, 1n, 0)).toBe(false)
    expect(ledger.isSpent(shadow)).toBe(false)
    ledger.settle(shadow.id, 45n, 45n)
    expect(ledger.isSpent(shadow)).toBe(true)
  })

  test('has news until what was counted is told, and again when more is', () => {
    const ledger = learned()
    ledger.count(shadow.id, 'dropped')
    const tally = ledger.tallyOf(shadow.id)
    ledger.count(shadow.id, 'dropped')
    ledger.told(shadow.id, tally)
    const between = ledger.news()
    ledger.told(shadow.id, ledger.tallyOf(shadow.id))

    expect([tally.dropped, between, ledger.news()]).toEqual([1, [shadow.id], []])
  })

  test('is never exceeded by calls that cost no more than was reserved', () => {
    const call = fc.record({ upper: fc.bigInt(0n, 40n), part: fc.integer({ min: 0, max: 100 }) })
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), fc.bigInt(0n, 100n), (calls, others) => {
        const ledger = learned(others)
        let spent = others
        const underWay: typeof calls = []
        const settle = (): void => {
          const one = underWay.shift()
          if (one === undefined) return
          const cost = (one.upper * BigInt(one.part)) / 100n
          ledger.settle(shadow.id, one.upper, cost)
          spent += cost
        }
        for (const one of calls) {
          if (ledger.reserve(shadow, one.upper, 0)) underWay.push(one)
          if (underWay.length > 3) settle()
        }
        while (underWay.length > 0) settle()
        expect(spent <= 100n).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})
