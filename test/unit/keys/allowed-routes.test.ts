import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allowsRoute, isRoutePattern, routesOutside } from '../../../src/keys/allowed-routes.ts'

test.each([
  [null, 'anything', true],
  [['support-*'], 'support-answer', true],
  [['support-*'], 'sales-answer', false],
  [['openai/*'], 'openai/gpt-4o', true],
  [['openai/*'], 'openai-eu/gpt-4o', false],
  [['support-answer'], 'support-answer-2', false],
  [['*'], 'openai/gpt-4o', true],
  [[], 'support-answer', false],
  [['support-*'], 'support-answer@staging', false],
  [['support-answer@*'], 'support-answer@staging', true],
  [['vertex/*'], 'vertex/claude@20240229', true],
])('patterns %j asked for %s: %s', (patterns, name, allowed) => {
  expect(allowsRoute(patterns, name)).toBe(allowed)
})

test.each(['', 'a*b', '**', 'a b', '*a'])('%j is not a pattern', (pattern) => {
  expect(isRoutePattern(pattern)).toBe(false)
})

test('what a subset allows, the whole allows', () => {
  const pattern = fc.stringMatching(/^[ab@/]{0,4}\*?$/)
  fc.assert(
    fc.property(
      fc.array(pattern, { maxLength: 3 }),
      fc.array(pattern, { maxLength: 3 }),
      fc.stringMatching(/^[ab@/]{0,6}$/),
      (allowed, wanted, name) => {
        fc.pre(routesOutside(allowed, wanted).length === 0 && allowsRoute(wanted, name))
        expect(allowsRoute(allowed, name)).toBe(true)
      },
    ),
  )
})
