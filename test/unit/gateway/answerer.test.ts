/** Who answers to a name: the same as long as nothing changed, another one when anything did, and nobody where nobody can tell. */

import { describe, expect, test } from 'vitest'
import { DEFAULT_GUARANTEE } from '../../../src/audit/guarantee.ts'
import { answererOf } from '../../../src/gateway/answerer.ts'
import type { Snapshot, Upstream } from '../../../src/gateway/snapshot.ts'
import { RegistryBook } from '../../../src/registry/releases/book.ts'
import { EMPTY_REGISTRY } from '../../../src/registry/releases/registry-data.ts'
import { releaseContent } from '../../../src/registry/releases/release-content.ts'
import { answers, playedProvider, snapshotOf, testKey, upstreamOf } from './parts.ts'

const provider = playedProvider([answers()])
const local = { ...provider, dialect: 'local' as const }
const up = (more: Partial<Upstream> = {}) => upstreamOf('up', provider, { identity: 'address 1', ...more })
const others = [upstreamOf('local', local), upstreamOf('other', provider)]
const key = { ...testKey(), projectId: 'prj_a' }
const who = (model: string, snapshot: Snapshot = snapshotOf([up(), ...others])) =>
  answererOf(snapshot, key, model)

const MODEL = { name: 'm', version: 1, hash: 'hash of m' }
function withRelease(parameters: Record<string, number>, upstreams: Upstream[] = [up()]): Snapshot {
  const content = releaseContent({
    route: 'support',
    prompt: null,
    targets: [{ model: MODEL, weight: null }],
    parameters,
    retries: 0,
  })
  const projectId = 'prj_a'
  const release = {
    id: 'rel_1',
    projectId,
    route: 'support',
    number: 3,
    hash: content.hash,
    content: content.text,
  }
  const label = { projectId, route: 'support', label: 'production', releaseId: 'rel_1' }
  const registry = new RegistryBook({
    ...EMPTY_REGISTRY,
    models: [{ ...MODEL, projectId, content: JSON.stringify({ upstream: 'up', model: 'm' }) }],
    releases: [release],
    labels: [{ ...label, canaryReleaseId: null, canaryWeight: null }],
  })
  return { ...snapshotOf(upstreams), registry }
}

describe('who answers', () => {
  test('a model of an upstream stays the same as long as both lead to the same', () => {
    const one = who('up/m')

    expect(one).toMatch(/^[0-9a-f]{64}$/)
    expect(who('up/m')).toBe(one)
    expect(who('up/n')).not.toBe(one)
    expect(who('up/m', snapshotOf([up({ identity: 'address 2' })]))).not.toBe(one)
    expect(who('up/m', snapshotOf([up({ timeouts: { ...up().timeouts, totalMs: 1 } })]))).toBe(one)
  })

  test('a release by its number is all of its ingredients, and where their upstreams lead to', () => {
    const one = who('support@r3', withRelease({ temperature: 0 }))

    expect(one).toMatch(/^[0-9a-f]{64}$/)
    expect(who('support@r3', withRelease({ temperature: 0 }))).toBe(one)
    expect(who('support@r3', withRelease({ temperature: 1 }))).not.toBe(one)
    expect(who('support@r3', withRelease({ temperature: 0 }, [up({ identity: 'address 2' })]))).not.toBe(one)
  })

  test.each([
    ['a label, which moves', 'support@production', withRelease({})],
    ['a route, which is a label', 'support', withRelease({})],
    [
      'a route of aval.yaml, which is changed by whoever edits it',
      'answer',
      snapshotOf(
        [up()],
        new Map([
          [
            'answer',
            {
              name: 'answer',
              targets: [{ upstream: 'up', model: 'm', weight: null, timeouts: {} }],
              retries: 1,
              guarantee: DEFAULT_GUARANTEE,
            },
          ],
        ]),
      ),
    ],
    ['a model that runs here, out of a folder', 'local/reader', snapshotOf([up(), ...others])],
    ['an upstream that is not configured', 'gone/m', snapshotOf([up()])],
    ['a release that is not there', 'support@r9', withRelease({})],
  ])('nobody can tell of %s', (_what, model, snapshot) => {
    expect(who(model, snapshot)).toBeNull()
  })
})
