import { expect, test } from 'vitest'
import { scopeOf } from '../../../../src/cli/ci/scope.ts'
import { CANDIDATE, suiteFile } from '../../../support/check-outcome.ts'

const mixed = { action: 'mixed', route: 'two', release: 4, model: 'mini' } as const

test('suites that are named leave every other changed route out, and nobody has to make a release of it', () => {
  const idle = { ...CANDIDATE, route: 'idle', changes: [], isServed: false }
  const scope = scopeOf({ candidates: [CANDIDATE, idle], mixed: [mixed] }, [suiteFile('three')], true)

  expect(scope).toEqual({ measured: [], leftOut: ['answers', 'two'], unasked: [], mixed: [] })
})

test('a route with one model in several versions needs a person when a named suite asks it, or none was named', () => {
  const plan = { candidates: [], mixed: [mixed] }

  expect(scopeOf(plan, [suiteFile('two@staging')], true)).toMatchObject({ leftOut: [], mixed: [mixed] })
  expect(scopeOf(plan, [], false)).toMatchObject({ leftOut: [], mixed: [mixed] })
})

test('a changed route that nobody is served is measured when a suite asks it, and else said to be unasked', () => {
  const unserved = { ...CANDIDATE, isServed: false }
  const plan = { candidates: [unserved], mixed: [] }
  const suite = suiteFile('answers')

  expect(scopeOf(plan, [suite], false)).toMatchObject({ measured: [{ suites: [suite] }], unasked: [] })
  expect(scopeOf(plan, [], false)).toMatchObject({ measured: [], unasked: [unserved] })
  expect(scopeOf(plan, [], true)).toMatchObject({ unasked: [], leftOut: ['answers'] })
})
