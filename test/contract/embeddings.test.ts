/** /v1/embeddings through the openai client: formats, sizes, order. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { embeddingOf } from '../support/openai-wire-data.ts'
import { type Contract, startContract } from './support/harness.ts'

let contract: Contract

beforeAll(async () => {
  contract = await startContract()
})
afterAll(() => contract?.close())

let serial = 0
const ownModel = () => {
  serial += 1
  return `embed-${serial}`
}

const create = (body: object) =>
  contract.client().embeddings.create({ model: 'up/mock', input: 'x', ...body } as never)

test('floats and base64 hold the same vector, and usage is logged', async () => {
  const floats = await create({ input: 'one two', encoding_format: 'float' })
  const mark = contract.lastMark()
  const encoded = await contract.post('/v1/embeddings', {
    model: 'up/mock',
    input: 'one two',
    encoding_format: 'base64',
  })

  const bytes = Buffer.from(encoded.json.data[0].embedding, 'base64')
  const decoded = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4))
  expect(decoded).toEqual(floats.data[0]?.embedding)
  expect(decoded).toEqual([...embeddingOf('one two', 8)])
  expect(await contract.row(mark)).toMatchObject({
    operation: 'embeddings',
    outcome: 'completed',
    input_tokens: 2,
    output_tokens: null,
    finish_reason: null,
  })
})

test('the client’s own choice of base64 is decoded by it without a loss', async () => {
  const answer = await create({ input: 'decoded by the client' })

  expect(answer.data[0]?.embedding).toEqual([...embeddingOf('decoded by the client', 8)])
})

test('encoding_format and dimensions are sent on only when they were given', async () => {
  const bare = ownModel()
  const full = ownModel()
  await contract.post('/v1/embeddings', { model: `up/${bare}`, input: 'x' })
  const answer = await create({
    model: `up/${full}`,
    input: 'x',
    dimensions: 3,
    encoding_format: 'float',
    user: 'u',
  })

  expect(contract.upstream.calls(bare)[0]?.json).toEqual({ model: bare, input: 'x' })
  expect(contract.upstream.calls(full)[0]?.json).toEqual({
    model: full,
    input: 'x',
    dimensions: 3,
    encoding_format: 'float',
    user: 'u',
  })
  expect(answer.data[0]?.embedding).toHaveLength(3)
})

test.each([
  ['a text', 'hello'],
  ['texts', ['a', 'b']],
  ['token numbers', [1, 2, 3]],
  ['several lists of token numbers', [[1, 2], [3]]],
])('%s as input pass as they are', async (_, input) => {
  const model = ownModel()

  const answer = await create({ model: `up/${model}`, input })

  expect(contract.upstream.calls(model)[0]?.json?.input).toEqual(input)
  expect(answer.data).toHaveLength(Array.isArray(input) && typeof input[0] !== 'number' ? input.length : 1)
})

test('a batch of 2,048 large vectors keeps its order, and its usage is found in the tail', async () => {
  const input = Array.from({ length: 2048 }, (_, at) => `text ${at}`)

  const answer = await create({ input, dimensions: 256, encoding_format: 'float' })

  expect(answer.data.map((item) => item.index)).toEqual(input.map((_, at) => at))
  for (const at of [0, 1, 1023, 2047]) {
    expect(answer.data[at]?.embedding).toEqual([...embeddingOf(`text ${at}`, 256)])
  }
  const row = await contract.row(contract.lastMark())
  expect(row).toMatchObject({ outcome: 'completed', input_tokens: 4096 })
  expect(row.response_bytes).toBeGreaterThan(2_000_000)
})

test('a large answer that is cut is a 502, not half a batch', async () => {
  const model = ownModel()
  const whole = Buffer.from(`{"object":"list","data":[${'0.1,'.repeat(100_000)}`)
  contract.upstream.on(model, { body: whole, contentType: 'application/json' })

  const error = await create({ model: `up/${model}`, input: 'x' }).catch((cause: unknown) => cause)

  expect(error).toMatchObject({ status: 502, code: 'upstream_malformed' })
})
