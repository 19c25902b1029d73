/** Shares and means: what changed within the places, what moved between them, and which part of the traffic it was. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { causesOf } from '../../../../src/monitoring/explain/causes.ts'
import { measureOf } from '../../../../src/monitoring/explain/measures.ts'
import { mixChange } from '../../../../src/monitoring/explain/mix.ts'
import { groupPlaces, type PlaceRow, type Windows } from '../../../../src/monitoring/explain/places.ts'
import { segmentsOf } from '../../../../src/monitoring/explain/segments.ts'
import { newFigures, type Place } from '../../../../src/monitoring/rollups/figures.ts'
import { row } from '../../../support/place-rows.ts'

const HOUR = { before: 60, after: 60 }

function measured(metric: string) {
  const measure = measureOf(metric)
  if (measure === null) throw new Error(metric)
  return measure
}

function explained(metric: string, windows: Windows) {
  return causesOf(measured(metric), windows, HOUR, () => null)
}

function failing(
  place: Partial<Place>,
  completed: number,
  failed: { timeout?: number; upstream_error?: number },
): PlaceRow {
  const figures = newFigures()
  const { timeout = 0, upstream_error = 0 } = failed
  Object.assign(figures.outcomes, { completed, timeout, upstream_error })
  figures.requests = completed + timeout + upstream_error
  return { place: { upstream: 'openai', model: 'gpt-4o', keyId: 'vk_1', ...place }, figures }
}

describe('a share of errors', () => {
  test('names the error that became more frequent, where no traffic moved', () => {
    const before = [failing({}, 980, { timeout: 10, upstream_error: 10 })]
    const after = [failing({}, 900, { timeout: 90, upstream_error: 10 })]
    expect(explained('error_rate', { before, after })).toMatchObject({
      base: 0.02,
      causes: [{ cause: 'timeout', amount: expect.closeTo(0.08, 12) }],
    })
  })

  test('names the traffic that moved to the upstream with more of them, where none became worse', () => {
    const at = (share: number) => [
      failing({}, 99 * (10 - share), { timeout: 10 - share }),
      failing({ upstream: 'azure' }, 80 * share, { timeout: 20 * share }),
    ]
    expect(explained('error_rate', { before: at(1), after: at(5) }).causes).toEqual([
      { cause: 'mix', amount: expect.closeTo(0.076, 12) },
    ])
  })
})

test('longer questions of one app are its own, and those of an app that came are mix', () => {
  const [web, batch] = [{ keyId: 'vk_web' }, { keyId: 'vk_batch' }]
  const before = [row(web, { requests: 100, input: 100, output: 5, cost: null })]
  const after = [
    row(web, { requests: 100, input: 120, output: 5, cost: null }),
    row(batch, { requests: 100, input: 1000, output: 5, cost: null }),
  ]
  // Web's share is 3/4 at the midpoint: 15. The rest of the 460 came with the other.
  expect(explained('input_tokens', { before, after }).causes).toEqual([
    { cause: 'mix', amount: expect.closeTo(445, 9) },
    { cause: 'input_tokens', amount: expect.closeTo(15, 9) },
  ])
})

describe('the split of a mean', () => {
  const pair = fc.record({ before: fc.nat(1000), after: fc.nat(1000) })
  const place = fc.tuple(pair, pair).map(([count, mean]) => ({
    count,
    sum: { before: count.before * mean.before, after: count.after * mean.after },
  }))

  test('adds up for random places, and those that come or go have no part within', () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 9 }), (places) => {
        const total = (of: 'count' | 'sum', side: 'before' | 'after') =>
          places.reduce((sum, one) => sum + one[of][side], 0)
        fc.pre(total('count', 'before') > 0 && total('count', 'after') > 0)
        const changes = mixChange(places)
        const sum = changes.reduce((all, { within, mix }) => all + within + mix, 0)
        const difference =
          total('sum', 'after') / total('count', 'after') - total('sum', 'before') / total('count', 'before')
        expect(sum).toBeCloseTo(difference, 8)
        for (const [index, { within }] of changes.entries()) {
          const count = places[index]?.count
          if (count?.before === 0 || count?.after === 0) expect(within).toBe(0)
        }
      }),
      { seed: 13, numRuns: 200 },
    )
  })
})

test('sums that nothing was counted of are in the change too, as mix', () => {
  const figure = fc.integer({ min: 0, max: 1_000 })
  const pair = fc.record({ before: figure, after: figure })
  const counts = fc.constantFrom({ before: 0, after: 3 }, { before: 5, after: 0 }, { before: 0, after: 0 })
  const odd = fc.record({ sum: pair, count: counts })
  const whole = fc.record({
    sum: pair,
    count: fc.record({ before: fc.integer({ min: 1, max: 50 }), after: fc.integer({ min: 1, max: 50 }) }),
  })
  fc.assert(
    fc.property(fc.array(odd, { maxLength: 4 }), whole, (odds, one) => {
      const places = [...odds, one]
      const total = (of: 'sum' | 'count', side: 'before' | 'after') =>
        places.reduce((all, place) => all + place[of][side], 0)
      const meanOf = (side: 'before' | 'after') => total('sum', side) / total('count', side)
      const parts = mixChange(places).reduce((all, { within, mix }) => all + within + mix, 0)
      expect(parts).toBeCloseTo(meanOf('after') - meanOf('before'), 6)
    }),
    { seed: 29, numRuns: 200 },
  )
})

test('what a row does not say is a place of its own, apart from none', () => {
  const value = fc.constantFrom(undefined, null, 'vk_1', 'undefined', 'null')
  fc.assert(
    fc.property(fc.array(value, { maxLength: 12 }), (values) => {
      const rows = values.map((keyId) =>
        row(keyId === undefined ? {} : { keyId }, { requests: 1, cost: null }),
      )
      const groups = groupPlaces(
        {
          before: rows.map((one, at) => ({
            ...one,
            place: values[at] === undefined ? {} : { keyId: values[at] },
          })),
          after: [],
        },
        ['keyId'],
      )
      expect(groups.map(({ place }) => place.keyId)).toEqual([...new Set(values)])
    }),
    { seed: 31, numRuns: 100 },
  )
})

describe('segments', () => {
  const cost = measured('cost_per_request')

  test('name the release and the model that moved most, and add up over the values of one dimension', () => {
    const mini = { model: 'gpt-4o-mini', price: 'price_mini' }
    const before = [row({ ...mini, releaseId: 'rel_13' }, { requests: 100, input: 1000, output: 200 })]
    const after = [
      row({ ...mini, releaseId: 'rel_13' }, { requests: 50, input: 1000, output: 200 }),
      row({ ...mini, releaseId: 'rel_14' }, { requests: 50, input: 1000, output: 700 }),
    ]
    const segments = segmentsOf({ before, after }, cost, HOUR)

    // 270 before, 420 after; the mean of both windows is 345.
    expect(segments).toEqual([
      { dimension: 'releaseId', value: 'rel_14', amount: 112.5 },
      { dimension: 'releaseId', value: 'rel_13', amount: 37.5 },
    ])
  })

  test('are five at most, and none where every dimension has one value', () => {
    const rows = (add: number) =>
      Array.from({ length: 9 }, (_, at) =>
        row({ keyId: `vk_${at}`, price: 'price_mini' }, { requests: 10, input: 100, output: 10 + at * add }),
      )
    expect(segmentsOf({ before: rows(0), after: rows(5) }, cost, HOUR).map(({ value }) => value)).toEqual([
      'vk_8',
      'vk_7',
      'vk_6',
      'vk_5',
      'vk_4',
    ])
    expect(segmentsOf({ before: rows(0).slice(0, 1), after: rows(5).slice(0, 1) }, cost, HOUR)).toEqual([])
  })

  test('of how much is asked are requests a minute', () => {
    const requests = measured('requests_per_minute')
    const before = [
      row({ keyId: 'vk_1' }, { requests: 60, cost: null }),
      row({ keyId: 'vk_2' }, { requests: 60, cost: null }),
    ]
    const after = [
      row({ keyId: 'vk_1' }, { requests: 60, cost: null }),
      row({ keyId: 'vk_2' }, { requests: 240, cost: null }),
    ]
    expect(explained('requests_per_minute', { before, after }).causes).toEqual([
      { cause: 'volume', amount: 3 },
    ])
    expect(segmentsOf({ before, after }, requests, HOUR)).toEqual([
      { dimension: 'keyId', value: 'vk_2', amount: 3 },
    ])
  })
})
