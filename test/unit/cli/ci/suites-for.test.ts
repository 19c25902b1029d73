import { expect, test } from 'vitest'
import { suitesFor, unmetBy } from '../../../../src/cli/ci/suites-for.ts'
import { suiteFile } from '../../../support/check-outcome.ts'

test('a route needs the suites that ask it, by whichever pointer, and no model’s or recorded ones', () => {
  const subjects = ['answers', 'answers@staging', 'answers@r3', 'other', 'openai/answers', 'recorded']
  const files = subjects.map((subject) => suiteFile(subject))

  expect(suitesFor('answers', files).map(({ name }) => name)).toEqual([
    'answers',
    'answers@staging',
    'answers@r3',
  ])
})

test('a suite that a policy demands is met by a file of its name that asks the route, and by nothing else', () => {
  const policy = { route: 'answers', policy: 'careful' }
  const demand = { ...policy, suites: ['first', 'second', 'third', 'fourth'] }
  const files = [
    suiteFile('answers@staging', 'first'),
    suiteFile('other', 'second'),
    suiteFile('recorded', 'third'),
    suiteFile('answers', 'fifth'),
  ]

  expect(unmetBy(demand, files)).toEqual([
    { ...policy, suite: 'second', asks: 'other' },
    { ...policy, suite: 'third', asks: 'recorded' },
    { ...policy, suite: 'fourth', asks: null },
  ])
  expect(unmetBy({ ...policy, suites: [] }, files)).toEqual([])
})
