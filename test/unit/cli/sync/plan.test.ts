import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type FileState,
  hasDrift,
  planSync,
  type RegistryState,
  type ReleaseState,
} from '../../../../src/cli/sync/plan.ts'

const file = (kind: 'prompt' | 'model', name: string, hash: string): FileState => ({ kind, name, hash })

/** `hashes` from version 1 on. */
function known(kind: 'prompt' | 'model', name: string, ...hashes: string[]): RegistryState {
  const versions = hashes.map((hash, at) => ({ version: at + 1, hash, by: 'ada' }))
  return { kind, name, versions: versions.toReversed() }
}

const ref = (name: string, version: number, hash: string) => ({ name, version, hash })
type Pinned = { prompt?: ReturnType<typeof ref>; models?: ReturnType<typeof ref>[]; production?: boolean }

function release(route: string, number: number, { prompt, models, production }: Pinned): ReleaseState {
  const targets = (models ?? [ref('mini', 1, 'm1')]).map((model) => ({ model, weight: null }))
  // Members that the plan knows nothing of are part of what makes two releases the same.
  const content = { route, parameters: { temperature: 0 }, retries: 2, prompt: prompt ?? null, targets }
  return { route, number, production: production ?? false, content }
}

describe('versions', () => {
  test('a file that the registry does not know is the first version', () => {
    const plan = planSync([file('prompt', 'support', 'a')], [], [])

    expect(plan.pushes).toEqual([
      { action: 'push', kind: 'prompt', name: 'support', version: 1, after: 0, afterBy: null },
    ])
    expect(hasDrift(plan)).toBe(true)
  })

  test('an edited file is the next version, and says whose version it comes after', () => {
    const plan = planSync([file('model', 'mini', 'c')], [known('model', 'mini', 'a', 'b')], [])

    expect(plan.pushes).toMatchObject([{ kind: 'model', version: 3, after: 2, afterBy: 'ada' }])
  })

  test('a file that is the newest version is counted and nothing else', () => {
    const plan = planSync([file('prompt', 'support', 'b')], [known('prompt', 'support', 'a', 'b')], [])

    expect(plan).toEqual({ pushes: [], releases: [], behind: [], noFile: [], mixed: [], unchanged: 1 })
    expect(hasDrift(plan)).toBe(false)
  })

  test('a file that is an older version is behind: not pushed, in no release, and a difference', () => {
    const own = release('support', 1, { prompt: ref('support', 1, 'a'), production: true })

    const plan = planSync(
      [file('prompt', 'support', 'b')],
      [known('prompt', 'support', 'a', 'b', 'c')],
      [own],
    )

    expect(plan.behind).toEqual([
      { action: 'behind', kind: 'prompt', name: 'support', file: 2, registry: 3, by: 'ada' },
    ])
    expect([...plan.pushes, ...plan.releases]).toEqual([])
    expect(hasDrift(plan)).toBe(true)
  })

  test('what only the registry has is named, and no difference', () => {
    const plan = planSync(
      [file('prompt', 'support', 'a')],
      [known('prompt', 'support', 'a'), known('prompt', 'old', 'x', 'y'), known('model', 'support', 'z')],
      [],
    )

    expect(plan.noFile).toEqual([
      { action: 'no_file', kind: 'prompt', name: 'old', version: 2 },
      { action: 'no_file', kind: 'model', name: 'support', version: 1 },
    ])
    expect(hasDrift(plan)).toBe(false)
  })
})

describe('releases', () => {
  const prompts = [known('prompt', 'support', 'a')]
  const edited = [file('prompt', 'support', 'b')]

  test('of every route that pins an older version begin with what production serves', () => {
    const plan = planSync(edited, prompts, [
      release('b', 1, { prompt: ref('support', 1, 'a') }),
      release('a', 2, { prompt: ref('support', 1, 'a'), models: [ref('trial', 1, 't')] }),
      release('a', 1, { prompt: ref('support', 1, 'a'), production: true }),
      release('c', 1, { prompt: ref('other', 1, 'o') }),
      release('d', 1, {}),
    ])

    expect(plan.releases).toMatchObject([
      {
        route: 'a',
        release: 3,
        from: 1,
        changes: [{ kind: 'prompt', name: 'support', from: 1, to: 2 }],
        models: null,
      },
      { route: 'b', release: 2, from: 1, prompt: 'support' },
    ])
  })

  test('pin a new prompt and a new model at once, and keep order and weights', () => {
    const base = release('a', 12, {
      prompt: ref('support', 1, 'a'),
      models: [ref('other', 3, 'o'), ref('mini', 1, 'm1')],
    })

    const plan = planSync(
      [...edited, file('model', 'mini', 'm2')],
      [...prompts, known('model', 'mini', 'm1')],
      [base],
    )

    expect(plan.releases).toMatchObject([
      {
        release: 13,
        changes: [
          { kind: 'prompt', to: 2 },
          { kind: 'model', name: 'mini', from: 1, to: 2 },
        ],
        models: [
          { name: 'other', version: 3, weight: null },
          { name: 'mini', version: 2, weight: null },
        ],
      },
    ])
  })

  test('that are there already and wait for their label are not planned again', () => {
    const plan = planSync(
      [file('prompt', 'support', 'b')],
      [known('prompt', 'support', 'a', 'b')],
      [
        release('a', 2, { prompt: ref('support', 2, 'b') }),
        release('a', 1, { prompt: ref('support', 1, 'a'), production: true }),
      ],
    )

    expect(plan).toMatchObject({ releases: [], unchanged: 1 })
  })

  test('of a version that was pushed without one are made up for', () => {
    const own = release('a', 1, { prompt: ref('support', 1, 'a'), production: true })

    const plan = planSync([file('prompt', 'support', 'b')], [known('prompt', 'support', 'a', 'b')], [own])

    expect(plan).toMatchObject({ pushes: [], releases: [{ release: 2, changes: [{ from: 1, to: 2 }] }] })
  })

  test('never go back to an older version than they have', () => {
    const own = release('a', 1, { prompt: ref('support', 9, 'z'), production: true })

    expect(planSync(edited, prompts, [own]).releases).toEqual([])
  })

  test('that compare two versions of a model are named and left alone', () => {
    const own = release('a', 4, { models: [ref('mini', 1, 'm1'), ref('mini', 2, 'm2')] })
    const models = [known('model', 'mini', 'm1', 'm2')]

    const plan = planSync([file('model', 'mini', 'm3')], models, [own])

    expect(plan.mixed).toEqual([{ action: 'mixed', route: 'a', release: 4, model: 'mini' }])
    expect(plan.releases).toEqual([])
  })
})

test('after a plan was carried out there is nothing left to do, whatever files and registry were', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const hash = fc.constantFrom('h1', 'h2', 'h3', 'h4')
  const history = fc.uniqueArray(hash, { minLength: 1, maxLength: 4 })
  const files = fc.uniqueArray(fc.record({ name, hash }), { selector: (one) => one.name })
  const registry = fc.uniqueArray(fc.record({ name, history }), { selector: (one) => one.name })

  fc.assert(
    fc.property(files, registry, fc.array(fc.nat(3), { maxLength: 3 }), (written, had, pins) => {
      const inFiles = written.map((one) => file('prompt', one.name, one.hash))
      const versions = had.map((one) => known('prompt', one.name, ...one.history))
      const releases = had.flatMap((one, at) => {
        const version = Math.min((pins[at] ?? 0) + 1, one.history.length)
        return [release(one.name, 1, { prompt: ref(one.name, version, one.history[version - 1] ?? '') })]
      })
      const plan = planSync(inFiles, versions, releases)

      const after = carriedOut(inFiles, versions, releases, plan)
      const again = planSync(inFiles, after.versions, after.releases)

      expect([...again.pushes, ...again.releases]).toEqual([])
      expect(again.behind).toEqual(plan.behind)
    }),
  )
})

/** What the server makes of a plan. */
function carriedOut(
  files: readonly FileState[],
  versions: readonly RegistryState[],
  releases: readonly ReleaseState[],
  plan: ReturnType<typeof planSync>,
): { versions: RegistryState[]; releases: ReleaseState[] } {
  const hashOf = (name: string) => files.find((one) => one.name === name)?.hash ?? ''
  const names = new Set([...versions, ...plan.pushes].map((one) => one.name))
  return {
    versions: [...names].map((name) => {
      const old = versions.find((one) => one.name === name)?.versions ?? []
      const pushed = plan.pushes.filter((one) => one.name === name)
      const added = pushed.map(({ version }) => ({ version, hash: hashOf(name), by: 'sync' }))
      return { kind: 'prompt', name, versions: [...added, ...old] }
    }),
    releases: [
      ...releases,
      ...plan.releases.map(({ route, release: number, prompt, changes }) =>
        release(route, number, { prompt: ref(prompt ?? '', changes[0]?.to ?? 0, hashOf(prompt ?? '')) }),
      ),
    ],
  }
}
