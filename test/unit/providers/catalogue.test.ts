/** Model lists: read in the background, kept while fresh, and an upstream that fails keeps its last list. */

import { expect, test } from 'vitest'
import { createCatalogue } from '../../../src/providers/catalogue.ts'
import type { Provider, UpstreamModel } from '../../../src/providers/provider.ts'
import { handClock, playedProvider } from '../gateway/parts.ts'

const MODEL: UpstreamModel = { id: 'm', ownedBy: 'lab', created: 0 }

function listing(list: () => Promise<readonly UpstreamModel[]>): Provider & { reads: number } {
  const provider = { ...playedProvider([]), reads: 0 }
  provider.listModels = () => {
    provider.reads += 1
    return list()
  }
  return provider
}

test('a look never waits: it gives what is known and starts the reading', async () => {
  const lab = listing(async () => [MODEL])
  const catalogue = createCatalogue(() => new Map([['lab', lab]]), handClock())

  expect(catalogue.peek()).toMatchObject([{ upstream: 'lab', models: [] }])
  catalogue.peek()

  expect(await catalogue.refresh()).toMatchObject([{ upstream: 'lab', models: [MODEL], problem: null }])
  expect(lab.reads).toBe(1)
})

test('a list is read again after a minute; when that fails the old one stays, with the reason', async () => {
  const clock = handClock()
  let broken = false
  const lab = listing(() => (broken ? Promise.reject(new Error('It is down.')) : Promise.resolve([MODEL])))
  const catalogue = createCatalogue(() => new Map([['lab', lab]]), clock)
  await catalogue.refresh()

  broken = true
  clock.advance(60_000)
  await catalogue.refresh()
  expect(lab.reads).toBe(1)
  clock.advance(1)

  expect(await catalogue.refresh()).toMatchObject([{ models: [MODEL], problem: 'It is down.' }])
})

test('an upstream that a reload took away is gone, and a huge list is cut', async () => {
  const huge = listing(async () => Array.from({ length: 6000 }, () => MODEL))
  let providers = new Map<string, Provider>([['lab', huge]])
  const catalogue = createCatalogue(() => providers, handClock())

  expect((await catalogue.refresh())[0]?.models).toHaveLength(5000)
  providers = new Map()

  expect(await catalogue.refresh()).toEqual([])
})
