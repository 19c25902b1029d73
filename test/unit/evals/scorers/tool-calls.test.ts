import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { prepareScorer } from '../../../../src/evals/scorers/registry.ts'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

const call = (name: string, parameters: unknown = {}) => ({ name, arguments: JSON.stringify(parameters) })
const tools = { weather: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }

describe('tool-calls-valid', () => {
  test.each([
    ['arguments that fit', [call('weather', { city: 'Porto' })], 1],
    ['arguments that do not', [call('weather', { city: 5 })], 0],
    ['one wrong call among right ones', [call('weather', { city: 'A' }), call('weather')], 0],
    ['arguments that are no JSON', [{ name: 'weather', arguments: '{"city":' }], 0],
    ['a tool nobody knows', [call('wether', { city: 'A' })], 0],
    ['no call', [], 0],
  ])('%s', async (_what, toolCalls, value) => {
    expect(await scoreOf('tool-calls-valid', { tools }, { toolCalls })).toBe(value)
  })

  test('names the nearest tool for one that is not known', async () => {
    const outcome = await judgeSample('tool-calls-valid', { tools }, { toolCalls: [call('wether')] })

    expect(outcome.reason).toContain('The nearest one is "weather"')
  })

  test('takes empty arguments for an empty object', async () => {
    const toolCalls = [{ name: 'now', arguments: '' }]

    expect(await scoreOf('tool-calls-valid', { tools: { now: { type: 'object' } } }, { toolCalls })).toBe(1)
  })

  test('refuses a schema with a mistake and names the tool', () => {
    expect(() =>
      prepareScorer({ kind: 'tool-calls-valid', settings: { tools: { a: { typ: 'x' } } } }),
    ).toThrow(/tools\.a: typ/)
  })
})

describe('tool-calls-match', () => {
  const expected = [
    { name: 'search', arguments: { q: 'a', k: 1 } },
    { type: 'function', function: { name: 'open', arguments: '{"id": 7}' } },
  ]

  test.each([
    ['the same calls', [call('search', { k: 1, q: 'a' }), call('open', { id: 7 })], {}, 1],
    ['another order', [call('open', { id: 7 }), call('search', { k: 1, q: 'a' })], {}, 0],
    [
      'another order, where it does not count',
      [call('open', { id: 7 }), call('search', { k: 1, q: 'a' })],
      { order: 'any' },
      1,
    ],
    ['another value', [call('search', { k: 2, q: 'a' }), call('open', { id: 7 })], {}, 0],
    ['one call too few', [call('search', { k: 1, q: 'a' })], {}, 0],
    [
      'one call too many',
      [call('search', { k: 1, q: 'a' }), call('open', { id: 7 }), call('open', { id: 7 })],
      { order: 'any' },
      0,
    ],
  ])('%s', async (_what, toolCalls, settings, value) => {
    expect(await scoreOf('tool-calls-match', settings, { toolCalls, expected })).toBe(value)
  })

  test('an expected name takes any arguments; an empty list expects that nothing is called', async () => {
    const toolCalls = [call('search', { q: 'x' })]

    expect(await scoreOf('tool-calls-match', { value: 'search' }, { toolCalls })).toBe(1)
    expect(await scoreOf('tool-calls-match', { value: [] }, { toolCalls })).toBe(0)
    expect(await scoreOf('tool-calls-match', { value: [] }, {})).toBe(1)
  })

  test('a call that any arguments would do for is left to those that fit nothing else', async () => {
    const value = ['search', { name: 'search', arguments: { q: 'a' } }]
    const toolCalls = [call('search', { q: 'a' }), call('search', { q: 'b' })]

    expect(await scoreOf('tool-calls-match', { value, order: 'any' }, { toolCalls })).toBe(1)
  })

  test('what is no call is an error and not a failed answer', async () => {
    expect(await scoreOf('tool-calls-match', {}, { expected: [5] })).toBe('error')
    expect(await scoreOf('tool-call-f1', {}, { expected: { tool: 'x' } })).toBe('error')
  })
})

describe('tool-call-f1', () => {
  test.each([
    ['all of them', ['a', 'b'], ['b', 'a'], 1],
    ['one of two, and one that was not wanted', ['a', 'b'], ['a', 'c'], 0.5],
    ['one of three', ['a', 'b', 'c'], ['a'], 0.5],
    ['twice is once', ['a'], ['a', 'a'], 1],
    ['none of them', ['a'], ['b'], 0],
    ['no call', ['a'], [], 0],
    ['nothing expected, nothing called', [], [], 1],
    ['nothing expected, something called', [], ['a'], 0],
  ])('by name: %s', async (_what, expected, called, value) => {
    const toolCalls = called.map((name) => call(name))

    expect(await scoreOf('tool-call-f1', {}, { toolCalls, expected })).toBeCloseTo(value as number, 12)
  })

  test('by name and arguments tells calls with other values apart', async () => {
    const expected = [call('a', { x: 1, y: 2 }), call('a', { x: 2 })]
    const toolCalls = [call('a', { y: 2, x: 1 }), call('a', { x: 3 })]

    expect(await scoreOf('tool-call-f1', { by: 'name-and-arguments' }, { toolCalls, expected })).toBe(0.5)
    expect(await scoreOf('tool-call-f1', {}, { toolCalls, expected })).toBe(1)
  })

  test('lies between 0 and 1 and is the same when called and expected change sides', async () => {
    const names = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(names, names, async (one, other) => {
        const forward = await scoreOf(
          'tool-call-f1',
          {},
          { toolCalls: one.map((name) => call(name)), expected: other },
        )
        const back = await scoreOf(
          'tool-call-f1',
          {},
          { toolCalls: other.map((name) => call(name)), expected: one },
        )

        expect(forward).toBe(back)
        expect(forward).toBeGreaterThanOrEqual(0)
        expect(forward).toBeLessThanOrEqual(1)
      }),
      { numRuns: 50, seed: 7 },
    )
  })
})
