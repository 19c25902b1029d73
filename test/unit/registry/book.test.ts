import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contentOf } from '../../../src/registry/content.ts'
import { RegistryBook } from '../../../src/registry/releases/book.ts'
import type { RegistryData } from '../../../src/registry/releases/registry-data.ts'

const PROJECT = 'prj_default'
const MODEL = contentOf({ upstream: 'up', model: 'm-1', parameters: { temperature: 1 } })
const PROMPT = contentOf({ messages: [{ role: 'user', content: '{{q}}' }], variables: schema('q') })

function schema(...names: string[]): object {
  const properties = Object.fromEntries(names.map((name) => [name, { type: 'string' }]))
  return { type: 'object', required: names, properties }
}

function release(number: number, more: object = {}) {
  const { text, hash } = contentOf({
    route: 'answer',
    prompt: { name: 'p', version: 1, hash: PROMPT.hash },
    targets: [{ model: { name: 'm', version: 1, hash: MODEL.hash }, weight: null }],
    parameters: { seed: number },
    retries: 1,
    ...more,
  })
  return { id: `rel_${number}`, projectId: PROJECT, route: 'answer', number, hash, content: text }
}

function data(changes: Partial<RegistryData> = {}): RegistryData {
  return {
    version: '1',
    prompts: [{ projectId: PROJECT, name: 'p', version: 1, hash: PROMPT.hash, content: PROMPT.text }],
    models: [{ projectId: PROJECT, name: 'm', version: 1, hash: MODEL.hash, content: MODEL.text }],
    prices: [],
    shadows: [],
    releases: [release(1), release(2)],
    labels: [
      {
        projectId: PROJECT,
        route: 'answer',
        label: 'production',
        releaseId: 'rel_1',
        canaryReleaseId: 'rel_2',
        canaryWeight: 1000,
      },
    ],
    ...changes,
  }
}

describe('a book of releases', () => {
  test('gives a release whole: its prompt rendered, its targets with their upstream', () => {
    const found = new RegistryBook(data()).byNumber(PROJECT, 'answer', 2)

    expect(found).toMatchObject({
      id: 'rel_2',
      parameters: { seed: 2 },
      targets: [{ upstream: 'up', model: 'm-1', modelVersion: 'm@1', parameters: { temperature: 1 } }],
    })
    expect(found?.prompt()?.ref).toBe('p@1')
    expect(found?.prompt()?.compiled.render({ q: 'Why?' })).toEqual([{ role: 'user', content: 'Why?' }])
  })

  test('knows nothing of another project', () => {
    const book = new RegistryBook(data())

    expect(book.has('prj_other', 'answer')).toBe(false)
    expect(book.byNumber('prj_other', 'answer', 1)).toBeNull()
    expect(book.byLabel('prj_other', 'answer', 'production', 'u')).toBeNull()
    expect(book.byId('prj_other', 'rel_1')).toBeNull()
  })

  test('keeps one user on one side of a canary, and gives the canary its share', () => {
    const book = new RegistryBook(data())
    const sides = Array.from({ length: 20_000 }, (_none, user) => {
      const first = book.byLabel(PROJECT, 'answer', 'production', `user-${user}`)?.number
      expect(book.byLabel(PROJECT, 'answer', 'production', `user-${user}`)?.number).toBe(first)
      return first
    })

    const share = sides.filter((number) => number === 2).length / sides.length
    // A tenth, within five standard deviations of a binomial of 20,000.
    expect(Math.abs(share - 0.1)).toBeLessThan(5 * Math.sqrt((0.1 * 0.9) / 20_000))
  })

  test('serves everybody the stable release when there is no canary', () => {
    const labels = data().labels.map((label) => ({ ...label, canaryReleaseId: null, canaryWeight: null }))
    const book = new RegistryBook(data({ labels }))

    fc.assert(
      fc.property(fc.string(), (unit) => book.byLabel(PROJECT, 'answer', 'production', unit)?.number === 1),
    )
  })

  test('refuses to serve a release whose ingredient is another than it pins', () => {
    const models = data().models.map((model) => ({ ...model, hash: 'f'.repeat(64) }))
    const book = new RegistryBook(data({ models }))

    expect(() => book.byNumber(PROJECT, 'answer', 1)).toThrow(/pins m@1, which is not there/)
  })
})
