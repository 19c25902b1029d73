/** What `aval eval run` makes of its flags about earlier answers, and how it says what is there. */

import { describe, expect, test } from 'vitest'
import { cacheOf, takenOverText } from '../../../src/cli/commands/evals/taken-over.ts'

describe('the flags about earlier answers', () => {
  test.each([
    ['nothing', {}, undefined, {}],
    ['nothing beside a suite that says so', {}, true, {}],
    ['--cache', { cache: true }, undefined, { cache: true }],
    ['--cache beside an age in the suite', { cache: true }, { max_age: '2d' }, {}],
    ['--no-cache beside an age in the suite', { cache: false }, { max_age: '2d' }, { cache: false }],
    ['--max-age', { maxAge: '12h' }, undefined, { cache: { max_age: '12h' } }],
    [
      '--max-age beside an age in the suite',
      { maxAge: '12h' },
      { max_age: '2d' },
      { cache: { max_age: '12h' } },
    ],
  ])('%s', (_what, flags, own, suite) => {
    expect(cacheOf(flags, own)).toEqual(suite)
  })

  test('--no-cache with an age is a mistake', () => {
    expect(() => cacheOf({ cache: false, maxAge: '1d' }, true)).toThrow(/Leave one out/)
  })
})

describe('what is there beforehand', () => {
  const there = { answers: 38, of: 40, max_age_s: 7 * 86_400 }
  const unknown = { answers: null, of: null, max_age_s: 7 * 86_400 }
  const anew = 'nothing of what may be another model tomorrow: those that run here, routes of aval.yaml'

  test.each([
    ['nothing is taken over', [null], null],
    [
      'a run and a baseline that is measured already',
      [there, null],
      '38 of 40 answers are there, not older than 7 d',
    ],
    ['a run and its baseline', [there, there], '76 of 80 answers are there, not older than 7 d'],
    ['nobody can tell who answers', [unknown], anew],
    ['of one of two', [there, unknown], `38 of 40 answers are there, not older than 7 d; ${anew}`],
  ])('%s', (_what, plans, text) => {
    expect(takenOverText(plans)).toBe(text)
  })
})
