/** What a mirrored call can cost at most, in figures that can be reckoned by hand. */

import { describe, expect, test } from 'vitest'
import { planRelease } from '../../../../src/gateway/plan.ts'
import { parseBody } from '../../../../src/gateway/request.ts'
import { estimateCall, isFree, unpricedTargets } from '../../../../src/gateway/shadows/estimate.ts'
import { bodyBytes, playedProvider, snapshotOf, upstreamOf } from '../parts.ts'
import { bookWith, PRICE } from './parts.ts'

function estimate(
  body: object,
  { prices = [PRICE], dialect = 'openai' }: { prices?: (typeof PRICE)[]; dialect?: 'openai' | 'local' } = {},
) {
  const upstream = upstreamOf('up', { ...playedProvider([]), dialect })
  const registry = bookWith(undefined, { prices })
  const release = registry.byId('prj_default', 'rel_2')
  if (release === null) throw new Error('There is no candidate.')
  const snapshot = { ...snapshotOf([upstream]), registry }
  const sent = parseBody('chat', bodyBytes(body))
  const { targets } = planRelease(snapshot, release, { model: 'answer', operation: 'chat' }, () => 0)
  return {
    bytes: BigInt(sent.bytes.length),
    unpriced: unpricedTargets(snapshot, 'prj_default', release, 0),
    free: isFree(snapshot, 'prj_default', release, 0),
    ...{ estimate: estimateCall(registry, { projectId: 'prj_default', targets, release, sent, atMs: 0 }) },
  }
}

describe('a call costs at most', () => {
  test('a token for each byte that goes in, and as many as were allowed come out', () => {
    const { bytes, estimate: found, unpriced } = estimate({ max_tokens: 100 })

    // 1 micro-USD a token in, 2 a token out.
    expect(found).toEqual({ microUsd: bytes + 200n, unpriced: false })
    expect(unpriced).toEqual([])
  })

  test('that for every choice it asks for, and 4,096 tokens out where nobody says', () => {
    const many = estimate({ max_tokens: 50, max_completion_tokens: 100, n: 3 })
    const open = estimate({})

    expect(many.estimate.microUsd).toBe(many.bytes + 600n)
    expect(open.estimate.microUsd).toBe(open.bytes + 8192n)
  })

  test('the dearest way its tokens may fall: written to a cache, and reasoned', () => {
    const dear = { ...PRICE, figures: { ...PRICE.figures, cacheWrite: '1250000', reasoning: '4000000' } }
    const { bytes, estimate: found } = estimate({ max_tokens: 100 }, { prices: [dear] })

    // 1.25 micro-USD a byte, rounded half up, and 4 a token out.
    expect(found.microUsd).toBe((bytes * 125n + 50n) / 100n + 400n)
  })

  test('nobody knows what without a price, which is never nothing', () => {
    const { estimate: found, unpriced } = estimate({}, { prices: [] })

    expect(found).toEqual({ microUsd: 0n, unpriced: true })
    expect(unpriced).toEqual(['up/new-1'])
  })

  test('nothing in this process', () => {
    const { estimate: found, unpriced } = estimate({}, { prices: [], dialect: 'local' })

    expect(found).toEqual({ microUsd: 0n, unpriced: false })
    expect(unpriced).toEqual([])
  })
})

describe('a release is free', () => {
  const zero = { input: '0', output: '0' }
  test.each<[string, boolean, Record<string, string>]>([
    ['where text costs nothing', true, zero],
    ['where every figure is nothing', true, { ...zero, cacheWrite: '0', perRequest: '0' }],
    ['not where a part costs something', false, { ...zero, reasoning: '1' }],
    ['not where a call does', false, { ...zero, perRequest: '1' }],
    ['not where nobody knows what comes out of it costs', false, { input: '0' }],
  ])('%s', (_where, free, figures) => {
    expect(estimate({}, { prices: [{ ...PRICE, figures }] }).free).toBe(free)
  })

  test('in this process, and not without a price', () => {
    const frees = [estimate({}, { prices: [], dialect: 'local' }), estimate({}, { prices: [] })]

    expect(frees.map(({ free }) => free)).toEqual([true, false])
  })
})
