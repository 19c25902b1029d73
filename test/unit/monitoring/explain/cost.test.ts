/** Why traffic costs more: worked by hand, the injected cause named, and every part of a random change accounted for. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { causesOf } from '../../../../src/monitoring/explain/causes.ts'
import { measureOf } from '../../../../src/monitoring/explain/measures.ts'
import type { PlaceRow, Windows } from '../../../../src/monitoring/explain/places.ts'
import { figuresOf, row } from '../../../support/place-rows.ts'

const DAY = { before: 1440, after: 1440 }

function explained(
  metric: 'cost_per_request' | 'spend',
  before: readonly PlaceRow[],
  after: readonly PlaceRow[],
) {
  const measure = measureOf(metric)
  if (measure === null) throw new Error(metric)
  return causesOf(measure, { before, after }, DAY, figuresOf)
}

const mini = { model: 'gpt-4o-mini', price: 'price_mini' }
const large = { model: 'gpt-4o', price: 'price_large' }
/** 150 + 120 = 270 micro-USD. */
const usual = { requests: 1000, input: 1000, output: 200 }

describe('cost per request', () => {
  const amounts = (before: readonly PlaceRow[], after: readonly PlaceRow[]) => {
    const { causes, unknowns, base, difference } = explained('cost_per_request', before, after)
    const found = Object.fromEntries(
      causes.map(({ cause, amount }) => [cause, Math.round(amount * 1e6) / 1e6]),
    )
    return { base, difference, unknowns, causes: found }
  }

  test('by longer answers is output tokens, whatever the number of requests', () => {
    expect(amounts([row(mini, usual)], [row(mini, { ...usual, requests: 10, output: 300 })])).toEqual({
      base: 270,
      difference: 60,
      causes: { output_tokens: 60 },
      unknowns: [],
    })
  })

  test('by a dearer price is price, told apart from the tokens that changed with it', () => {
    // At the midpoints: 250 tokens times 0.12 and 1000 times 0.03; 100 tokens times 0.66.
    expect(
      amounts([row(mini, usual)], [row({ ...mini, price: 'price_mini_2' }, { ...usual, output: 300 })])
        .causes,
    ).toEqual({ output_tokens: 66, price: 60 })
  })

  test('by traffic that moved to a dearer model is mix', () => {
    // 270 and 4500: a tenth moved.
    const half = (requests: number) => ({ ...usual, requests })
    expect(
      amounts([row(mini, half(900)), row(large, half(100))], [row(mini, half(800)), row(large, half(200))]),
    ).toEqual({ base: 693, difference: 423, causes: { mix: 423 }, unknowns: [] })
  })

  test('by a model that took the place of another is mix, though its answers are longer too', () => {
    expect(amounts([row(mini, usual)], [row(large, { ...usual, output: 300 })]).causes).toEqual({ mix: 5230 })
  })

  test('by fewer tokens read from the cache is cached input, by more of them both', () => {
    expect(amounts([row(mini, { ...usual, cached: 800 })], [row(mini, usual)]).causes).toEqual({
      cached_input: 60,
    })
    // Mean figure of an input token: 0.09 and 0.15, their midpoint 0.12, times 500; 1250 tokens times 0.06.
    expect(
      amounts([row(mini, { ...usual, cached: 800 })], [row(mini, { ...usual, input: 1500 })]).causes,
    ).toEqual({ input_tokens: 60, cached_input: 75 })
  })

  test('by reasoning names it apart from what is read', () => {
    expect(
      amounts([row(mini, usual)], [row(mini, { ...usual, output: 500, reasoning: 300 })]).causes,
    ).toEqual({ reasoning_tokens: 180 })
  })

  test('that tokens do not tell, such as images, is other', () => {
    expect(amounts([row(mini, usual)], [row(mini, { ...usual, cost: 300 })]).causes).toEqual({ other: 30 })
  })

  test('at figures that are gone is not guessed: one price leaves tokens, two leave either', () => {
    const gone = { ...mini, price: 'price_gone' }
    const [was, is] = [row(gone, { ...usual, cost: 270 }), row(gone, { ...usual, output: 300, cost: 330 })]
    const unknowns = [{ reason: 'price_figures', requests: 2000 }]
    expect(amounts([was], [is])).toMatchObject({ causes: { tokens: 60 }, unknowns })
    expect(amounts([was], [row(mini, { ...usual, output: 300 })])).toMatchObject({
      causes: { tokens_or_price: 60 },
      unknowns,
    })
  })

  test('says how many requests it does not know, and nothing of a window without any that are known', () => {
    const unpriced = row({ model: 'own', price: null }, { requests: 7, input: 10, cost: null })
    expect(amounts([row(mini, usual), unpriced], [row(mini, usual)]).unknowns).toEqual([
      { reason: 'unpriced', requests: 7 },
    ])
    expect(amounts([row(mini, usual)], [unpriced])).toEqual({
      base: 270,
      difference: 0,
      causes: {},
      unknowns: [
        { reason: 'no_traffic_after', requests: 0 },
        { reason: 'unpriced', requests: 7 },
      ],
    })
  })
})

describe('the largest cause of spend a fifth higher', () => {
  const before = [row(mini, { ...usual, requests: 800 }), row(large, { ...usual, requests: 200 })]
  test.each([
    [
      'output_tokens',
      [
        row(mini, { ...usual, requests: 800, output: 310 }),
        row(large, { ...usual, requests: 200, output: 280 }),
      ],
    ],
    [
      'price',
      [
        row({ ...mini, price: 'price_mini_2' }, { ...usual, requests: 800 }),
        row(large, { ...usual, requests: 200 }),
      ],
    ],
    ['mix', [row(mini, { ...usual, requests: 743 }), row(large, { ...usual, requests: 257 })]],
    ['volume', [row(mini, { ...usual, requests: 960 }), row(large, { ...usual, requests: 240 })]],
    [
      'input_tokens',
      [
        row(mini, { ...usual, requests: 800, input: 1300 }),
        row(large, { ...usual, requests: 200, input: 1300 }),
      ],
    ],
  ] as const)('is %s where that was injected', (cause, after) => {
    expect(explained('spend', before, after).causes[0]?.cause).toBe(cause)
  })
})

describe('every part of a random change', () => {
  const place = fc.record({
    upstream: fc.constantFrom('openai', 'azure'),
    model: fc.constantFrom('gpt-4o-mini', 'gpt-4o', null),
    price: fc.constantFrom('price_mini', 'price_mini_2', 'price_large', 'price_gone', null),
  })
  const count = fc.oneof(fc.constant(0), fc.nat(5000))
  const rows = fc.array(
    fc
      .tuple(
        place,
        fc.record({
          requests: count,
          input: count,
          cached: count,
          output: count,
          reasoning: count,
          cost: count,
        }),
      )
      .map(([where, { cost, input, output, ...call }]) =>
        row(where, {
          ...call,
          input: input + call.cached,
          output: output + call.reasoning,
          ...(where.price === null ? { cost: null } : { cost }),
        }),
      ),
    { maxLength: 8 },
  )
  const total = (windows: Windows['before']) =>
    windows.reduce((sum, { figures }) => sum + figures.costMicroUsd, 0n)

  test('of spend adds up to the difference, to the micro-USD', () => {
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        const { causes, difference } = explained('spend', before, after)
        for (const { amount } of causes) expect(Number.isSafeInteger(amount)).toBe(true)
        const sum = causes.reduce((all, { amount }) => all + BigInt(amount), 0n)
        expect(sum).toBe(total(after) - total(before))
        expect(BigInt(difference)).toBe(sum)
      }),
      { seed: 9, numRuns: 400 },
    )
  })

  test('of the cost of a request adds up to its difference, and swapped windows only swap the sign', () => {
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        const forth = explained('cost_per_request', before, after)
        const back = new Map(
          explained('cost_per_request', after, before).causes.map(({ cause, amount }) => [cause, amount]),
        )
        if (forth.unknowns.some(({ reason }) => reason.startsWith('no_traffic'))) return
        const sum = forth.causes.reduce((all, { amount }) => all + amount, 0)
        expect(sum).toBeCloseTo(forth.difference, 5)
        for (const { cause, amount } of forth.causes) expect(back.get(cause) ?? 0).toBeCloseTo(-amount, 5)
      }),
      { seed: 10, numRuns: 400 },
    )
  })

  test('is told by tokens and figures alone where they say the whole cost', () => {
    const exact = fc.array(
      fc
        .tuple(
          fc.constantFrom(mini, { ...mini, price: 'price_mini_2' }, large),
          fc.record({
            requests: fc.integer({ min: 1, max: 900 }),
            input: count,
            cached: count,
            output: count,
            reasoning: count,
          }),
        )
        .map(([where, call]) =>
          row(where, { ...call, input: call.input + call.cached, output: call.output + call.reasoning }),
        ),
      { minLength: 1, maxLength: 6 },
    )
    fc.assert(
      fc.property(exact, exact, (before, after) => {
        const other = explained('cost_per_request', before, after).causes.find(
          ({ cause }) => cause === 'other',
        )
        // Each row's cost is a whole number: at most half a micro-USD a row and window.
        expect(Math.abs(other?.amount ?? 0)).toBeLessThan(6)
      }),
      { seed: 11, numRuns: 200 },
    )
  })
})
