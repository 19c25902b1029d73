/** /v1/models and /v1/models/{id}. */
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { refusedUrl } from '../support/upstream.ts'
import { type Contract, startContract } from './support/harness.ts'

const NARROW = 'narrow-secret-0123456789-0123456789-x'

let contract: Contract

beforeAll(async () => {
  const nowhere = await refusedUrl()
  contract = await startContract({
    upstream: { models: ['gpt-x', 'org/deep/model', '100%25-name', 'ünï'] },
    settings: (up) => ({
      upstreams: { up, nowhere: { dialect: 'openai', base_url: nowhere } },
      routes: { support: { targets: ['up/gpt-x'] } },
      keys: [{ name: 'narrow', secret: 'env:CONTRACT_NARROW', roles: ['app'], routes: ['support'] }],
    }),
    env: { CONTRACT_NARROW: NARROW },
  })
})
afterAll(() => contract?.close())

test('lists routes first and then every upstream’s models, in OpenAI’s shape', async () => {
  const list = await contract.client().models.list()

  expect(list.data[0]).toEqual({ id: 'support', object: 'model', created: 0, owned_by: 'aval' })
  expect(list.data).toContainEqual({
    id: 'up/gpt-x',
    object: 'model',
    created: 1_700_000_000,
    owned_by: 'upstream',
  })
  for (const model of list.data) {
    expect(model).toEqual({
      id: expect.any(String),
      object: 'model',
      created: expect.any(Number),
      owned_by: expect.any(String),
    })
  }
})

test('an upstream that is down does not take the list with it', async () => {
  const list = await contract.client().models.list()

  expect(list.data.some((model) => model.id === 'up/gpt-x')).toBe(true)
  expect(list.data.some((model) => model.id.startsWith('nowhere/'))).toBe(false)
})

test.each(['support', 'up/gpt-x', 'up/org/deep/model', 'up/100%25-name', 'up/ünï'])(
  '%s is found by its id, escaped or not',
  async (id) => {
    const model = await contract.client().models.retrieve(id)

    expect(model).toMatchObject({ id, object: 'model' })
  },
)

test('slashes may stand in the address as they are, with and without /v1', async () => {
  const { url, appKey } = contract.gateway
  for (const path of ['/v1/models/up/org/deep/model', '/models/up/gpt-x', '/v1/models/up/gpt-x/']) {
    const answer = await fetch(url + path, { headers: { authorization: `Bearer ${appKey}` } })
    expect(answer.status, path).toBe(200)
  }
})

test('an unknown id is a NotFoundError that suggests the nearest', async () => {
  const error = await contract
    .client()
    .models.retrieve('suport')
    .catch((cause: unknown) => cause)

  expect(error).toBeInstanceOf(OpenAI.NotFoundError)
  expect(error).toMatchObject({ code: 'model_not_found', param: 'model' })
  expect((error as Error).message).toContain('Did you mean "support"?')
})

test('a percent sign that escapes nothing is a 404, not a crash', async () => {
  const { url, appKey } = contract.gateway
  const answer = await fetch(`${url}/v1/models/%25`, { headers: { authorization: `Bearer ${appKey}` } })

  expect(answer.status).toBe(404)
})

test('a key sees only what it may call', async () => {
  const list = await contract.client({ apiKey: NARROW }).models.list()

  expect(list.data.map((model) => model.id)).toEqual(['support'])
})

test('without a key there is no list', async () => {
  const answer = await fetch(`${contract.gateway.url}/v1/models`)

  expect(answer.status).toBe(401)
  expect(await answer.json()).toMatchObject({ error: { code: 'invalid_api_key' } })
})

test('deleting a model is not offered', async () => {
  const error = await contract
    .client()
    .models.delete('support')
    .catch((cause: unknown) => cause)

  expect(error).toMatchObject({ status: 405, code: 'method_not_allowed' })
})
