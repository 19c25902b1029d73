/** /v1/moderations and /v1/rerank: bytes through, one row each. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Contract, startContract } from './support/harness.ts'

let contract: Contract

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({
      upstreams: { up, claude: { dialect: 'anthropic', base_url: up.base_url, key: up.key } },
    }),
  })
})
afterAll(() => contract?.close())

test('moderations answer through the openai client', async () => {
  const answer = await contract
    .client()
    .moderations.create({ model: 'up/mock', input: ['a good text', 'a bad text'] })

  expect(answer.results.map((result) => result.flagged)).toEqual([false, true])
  expect(await contract.row(contract.lastMark())).toMatchObject({
    operation: 'moderations',
    outcome: 'completed',
    status: 200,
    input_tokens: null,
  })
})

test('moderations take parts, too', async () => {
  const answer = await contract.client().moderations.create({
    model: 'up/parts',
    input: [
      { type: 'text', text: 'bad' },
      { type: 'image_url', image_url: { url: 'https://x.example/a.png' } },
    ],
  })

  expect(answer.results[0]?.flagged).toBe(true)
})

test('moderations need a model, because it names the upstream', async () => {
  const answer = await contract.post('/v1/moderations', { input: 'x' })

  expect(answer.status).toBe(400)
  expect(answer.json.error).toMatchObject({ code: 'missing_required_parameter', param: 'model' })
})

test('rerank keeps the order of the upstream, its scores and its unknown fields', async () => {
  const body = {
    model: 'up/rank',
    query: 'red shoes',
    documents: ['blue hat', 'red shoes', 'red hat'],
    top_n: 2,
  }

  const answer = await contract.post('/v1/rerank', { ...body, return_documents: true, x: 1e21 })

  expect(answer.json.results).toEqual([
    { index: 1, relevance_score: 1 },
    { index: 2, relevance_score: 0.5 },
  ])
  expect(answer.json.meta).toEqual({ billed_units: { search_units: 1 } })
  expect(contract.upstream.calls('rank')[0]?.json).toMatchObject({ model: 'rank', return_documents: true })
  expect(await contract.row(answer.mark)).toMatchObject({ operation: 'rerank', outcome: 'completed' })
})

test.each(['/v1/moderations', '/v1/rerank', '/v1/completions'])(
  '%s of an upstream whose dialect lacks it is a 400 that says so',
  async (path) => {
    const answer = await contract.post(path, {
      model: 'claude/some-model',
      input: 'x',
      prompt: 'x',
      query: 'x',
      documents: ['x'],
    })

    expect(answer.status).toBe(400)
    expect(answer.json.error).toMatchObject({ code: 'unsupported_operation', param: 'model' })
    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'rejected', attempts: [] })
  },
)
