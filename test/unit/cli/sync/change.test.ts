import { describe, expect, test } from 'vitest'
import {
  type FileState,
  planChange,
  type RegistryState,
  type ReleaseState,
} from '../../../../src/cli/sync/plan.ts'

const file = (name: string, hash: string, kind: 'prompt' | 'model' = 'prompt'): FileState => ({
  kind,
  name,
  hash,
})
/** Versions `a`, `b`, … of a name, as many as there are letters. */
function known(name: string, hashes: string, kind: 'prompt' | 'model' = 'prompt'): RegistryState {
  const versions = [...hashes].map((hash, at) => ({ version: at + 1, hash, by: 'ada' }))
  return { kind, name, versions: versions.toReversed() }
}
function release(number: number, version: number, hash: string, production = false): ReleaseState {
  const prompt = { name: 'support', version, hash }
  return { route: 'answers', number, production, content: { prompt, targets: [] } }
}
const served = release(1, 1, 'a', true)

describe('a change of files', () => {
  test('that the label serves already has no candidate', () => {
    const plan = planChange([file('support', 'a')], [known('support', 'a')], [served])

    expect(plan).toEqual({ pushes: [], candidates: [], mixed: [], kept: [] })
  })

  test('is a version and a candidate against the release that the label serves', () => {
    const plan = planChange([file('support', 'x')], [known('support', 'a')], [served])

    expect(plan.pushes).toMatchObject([{ name: 'support', version: 2 }])
    expect(plan.candidates).toMatchObject([{ release: 2, from: 1, isThere: false, isServed: true }])
  })

  test('is found again after another change pushed a newer version of the same prompt', () => {
    const releases = [served, release(2, 2, 'b'), release(3, 3, 'c')]

    const plan = planChange([file('support', 'b')], [known('support', 'abc')], releases)

    expect(plan.pushes).toEqual([])
    expect(plan.candidates).toMatchObject([
      { release: 2, from: 1, changes: [{ name: 'support', from: 1, to: 2 }], isThere: true },
    ])
  })

  test('does not go back to an older version than the label serves, and says so', () => {
    const own = release(4, 3, 'c', true)

    const plan = planChange([file('support', 'a')], [known('support', 'abc')], [own])

    expect(plan.candidates).toEqual([])
    expect(plan.kept).toEqual([{ route: 'answers', kind: 'prompt', name: 'support', file: 1, pinned: 3 }])
  })

  test('of a route that the label does not serve is its newest release, also once it has been made', () => {
    const first = planChange([file('support', 'b')], [known('support', 'a')], [release(1, 1, 'a')])
    const again = planChange(
      [file('support', 'b')],
      [known('support', 'ab')],
      [release(1, 1, 'a'), release(2, 2, 'b')],
    )

    expect(first.candidates).toMatchObject([{ release: 2, isServed: false, isThere: false }])
    expect(again.candidates).toMatchObject([{ release: 2, isServed: false, isThere: true, changes: [] }])
  })

  test('needs a person where a release compares versions of a model whose file was edited, and only there', () => {
    const model = (version: number, hash: string) => ({ name: 'mini', version, hash })
    const targets = [model(1, 'a'), model(2, 'b')].map((one) => ({ model: one, weight: 50 }))
    const own = { route: 'answers', number: 1, production: true, content: { prompt: null, targets } }

    const edited = planChange([file('mini', 'x', 'model')], [known('mini', 'ab', 'model')], [own])
    const same = planChange([file('mini', 'b', 'model')], [known('mini', 'ab', 'model')], [own])

    expect(edited.mixed).toEqual([{ action: 'mixed', route: 'answers', release: 1, model: 'mini' }])
    expect(same.mixed).toEqual([])
  })
})
