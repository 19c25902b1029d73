/** Which targets a request may go to, in which order, and that a hidden model looks like one that does not exist. */

import { describe, expect, test } from 'vitest'
import { DEFAULT_GUARANTEE } from '../../../src/audit/guarantee.ts'
import { RequestError } from '../../../src/errors.ts'
import { planTargets } from '../../../src/gateway/plan.ts'
import type { Route, RouteTarget } from '../../../src/gateway/snapshot.ts'
import { answers, playedProvider, snapshotOf, TIMEOUTS, testKey, upstreamOf } from './parts.ts'

const provider = playedProvider([answers()])
const chatOnly = playedProvider([answers()], (operation) => operation === 'chat')
const UPSTREAMS = [upstreamOf('openai', provider), upstreamOf('claude', chatOnly)]

const target = (
  model: string,
  weight: number | null = null,
  more: Partial<RouteTarget> = {},
): RouteTarget => ({
  upstream: 'openai',
  model,
  weight,
  timeouts: {},
  ...more,
})
const routes = (...targets: RouteTarget[]): Map<string, Route> =>
  new Map([['answer', { name: 'answer', targets, retries: 1, guarantee: DEFAULT_GUARANTEE }]])

/** Mulberry32: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function refusal(act: () => unknown): Partial<RequestError> {
  try {
    act()
  } catch (error) {
    if (error instanceof RequestError) return { code: error.code, param: error.param, message: error.message }
    throw error
  }
  throw new Error('It was planned.')
}

const never = () => {
  throw new Error('Chance was asked.')
}

describe('a direct call', () => {
  test('goes to the upstream before the first slash with everything behind it', () => {
    const plan = planTargets(
      snapshotOf(UPSTREAMS),
      testKey(),
      { model: 'openai/a/b:c', operation: 'chat', unit: 'someone' },
      never,
    )

    expect(plan).toEqual({
      route: null,
      release: null,
      retries: 2,
      guarantee: DEFAULT_GUARANTEE,
      targets: [{ name: 'openai/a/b:c', upstream: UPSTREAMS[0], model: 'a/b:c', timeouts: TIMEOUTS }],
    })
  })

  test.each(['openai', 'openai/', '/m', 'nowhere/m', 'constructor/m', ''])('%j is no model', (model) => {
    expect(
      refusal(() =>
        planTargets(snapshotOf(UPSTREAMS), testKey(), { model, operation: 'chat', unit: 'someone' }, never),
      ),
    ).toMatchObject({
      code: 'model_not_found',
      param: 'model',
    })
  })
})

describe('a route', () => {
  test('without weights keeps the order of the file', () => {
    const snapshot = snapshotOf(UPSTREAMS, routes(target('a'), target('b'), target('c')))

    const plan = planTargets(
      snapshot,
      testKey(),
      { model: 'answer', operation: 'chat', unit: 'someone' },
      never,
    )

    expect(plan.targets.map(({ model }) => model)).toEqual(['a', 'b', 'c'])
    expect(plan).toMatchObject({ route: 'answer', retries: 1 })
  })

  test('with weights draws its first target in their proportion and keeps the rest as fallbacks', () => {
    const snapshot = snapshotOf(UPSTREAMS, routes(target('a', 90), target('b', 10), target('last')))
    const random = seeded(7)
    const draws = 10_000
    let firstA = 0

    for (let draw = 0; draw < draws; draw += 1) {
      const models = planTargets(
        snapshot,
        testKey(),
        { model: 'answer', operation: 'chat', unit: 'someone' },
        random,
      ).targets.map(({ model }) => model)
      expect(models.toSorted()).toEqual(['a', 'b', 'last'])
      expect(models[2]).toBe('last')
      if (models[0] === 'a') firstA += 1
    }

    // Five standard deviations of a binomial with p = 0.9 are 1.5 %.
    expect(firstA / draws).toBeGreaterThan(0.885)
    expect(firstA / draws).toBeLessThan(0.915)
  })

  test('lays the timeouts of a target over those of its upstream', () => {
    const snapshot = snapshotOf(UPSTREAMS, routes(target('a', null, { timeouts: { idleMs: 5 } })))

    const plan = planTargets(
      snapshot,
      testKey(),
      { model: 'answer', operation: 'chat', unit: 'someone' },
      never,
    )

    expect(plan.targets[0]?.timeouts).toEqual({ ...TIMEOUTS, idleMs: 5 })
  })

  test('leaves out targets that cannot do what is asked, and upstreams that are gone', () => {
    const snapshot = snapshotOf(
      UPSTREAMS,
      routes(target('a', null, { upstream: 'claude' }), target('b', null, { upstream: 'gone' }), target('c')),
    )

    const plan = planTargets(
      snapshot,
      testKey(),
      { model: 'answer', operation: 'embeddings', unit: 'someone' },
      never,
    )

    expect(plan.targets.map(({ model }) => model)).toEqual(['c'])
  })

  test('of which no target can do what is asked says so', () => {
    const snapshot = snapshotOf(UPSTREAMS, routes(target('a', null, { upstream: 'claude' })))

    expect(
      refusal(() =>
        planTargets(
          snapshot,
          testKey(),
          { model: 'answer', operation: 'embeddings', unit: 'someone' },
          never,
        ),
      ),
    ).toMatchObject({ code: 'unsupported_operation', param: 'model' })
  })
})

describe('a key that may not call a model', () => {
  test.each(['answer', 'openai/gpt'])('learns nothing about whether %j exists', (model) => {
    const key = testKey({ allowedRoutes: ['other-*'] })
    const wanted = { model, operation: 'chat', unit: 'someone' } as const
    const hidden = snapshotOf(UPSTREAMS, routes(target('a')))
    const missing = snapshotOf([], new Map())

    expect(refusal(() => planTargets(hidden, key, wanted, never))).toEqual(
      refusal(() => planTargets(missing, key, wanted, never)),
    )
  })

  test('is never pointed to one by a suggestion', () => {
    const snapshot = snapshotOf(UPSTREAMS, routes(target('a')))
    const wanted = { model: 'answr', operation: 'chat', unit: 'someone' } as const

    const open = refusal(() => planTargets(snapshot, testKey(), wanted, never))
    const closed = refusal(() => planTargets(snapshot, testKey({ allowedRoutes: ['x'] }), wanted, never))

    expect(open.message).toBe('No model "answr" for this key. Did you mean "answer"? GET /v1/models lists 1.')
    expect(closed.message).toBe('No model "answr" for this key. GET /v1/models lists 0.')
  })

  test('and a name of any length is shown short', () => {
    const wanted = { model: 'x'.repeat(100_000), operation: 'chat', unit: 'someone' } as const

    const { message } = refusal(() => planTargets(snapshotOf([]), testKey(), wanted, never))

    expect(message?.length).toBeLessThan(200)
  })
})
