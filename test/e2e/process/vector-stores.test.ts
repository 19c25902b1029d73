/** The life of a vector store in a gateway as a user starts it: with its own database, worker and queue. */

import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'

let gateway: RunningGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.stop())

test('the official client uploads, waits, searches and deletes, and the log has the search', async () => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.appKey, maxRetries: 0 })
  const files = await Promise.all([
    toFile(Buffer.from('# Returns\n\nShoes may be returned within thirty days.'), 'returns.md'),
    toFile(Buffer.from('Every lamp has a warranty of five years.'), 'lamps.txt'),
  ])

  const store = await client.vectorStores.create({ name: 'Shop' })
  const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, { files })
  const single = await client.vectorStores.files.uploadAndPoll(
    store.id,
    await toFile(Buffer.from('An invoice is due after fourteen days.'), 'invoice.txt'),
  )
  const found = await client.vectorStores.search(store.id, { query: 'How long is the warranty of a lamp?' })

  expect(batch).toMatchObject({ status: 'completed', file_counts: { completed: 2 } })
  expect(single.status).toBe('completed')
  expect(found.data[0]?.filename).toBe('lamps.txt')
  const admin = { headers: { authorization: `Bearer ${gateway.adminKey}` } }
  await expect
    .poll(
      async () => {
        const answer = await fetch(`${gateway.url}/api/requests?limit=5`, admin)
        const { data } = (await answer.json()) as { data: { operation: string; index: string | null }[] }
        return data.filter(({ operation }) => operation === 'vector_store_search').map(({ index }) => index)
      },
      { timeout: 15_000 },
    )
    .toEqual([`${store.id.replace('_', '-')}@2`])
  expect(await client.vectorStores.delete(store.id)).toMatchObject({ deleted: true })
  await expect
    .poll(
      async () => {
        const answer = await fetch(`${gateway.url}/api/indexes?limit=50`, admin)
        const { data } = (await answer.json()) as { data: { state: string }[] }
        return data.map(({ state }) => state)
      },
      { timeout: 15_000 },
    )
    .toEqual(['dropped', 'dropped'])
})
