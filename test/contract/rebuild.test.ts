/** What went upstream, made again from the log: held against the bytes that the upstream itself received. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, hello, startContract } from './support/harness.ts'
import { startVendor, type Vendor } from './support/vendor.ts'

let contract: Contract
let vendor: Vendor

beforeAll(async () => {
  vendor = await startVendor('anthropic')
  contract = await startContract({
    settings: (up) => ({
      upstreams: {
        up,
        quiet: { ...up, stream_usage: false },
        chatty: { ...up, responses: 'translate' },
        anthropic: { dialect: 'anthropic', base_url: vendor.url, key: 'env:CONTRACT_VENDOR_KEY' },
      },
      routes: {
        sturdy: { targets: ['up/broken?status=500', 'up/whole'], retries: 0 },
      },
    }),
    env: { CONTRACT_VENDOR_KEY: 'vendor-key-0123456789' },
  })
})
afterAll(async () => {
  await contract?.close()
  await vendor?.close()
})

type Rebuilt = {
  state: string
  reason: string | null
  sent_digest: string | null
  rebuilt_digest: string | null
  body: string | null
}

async function rebuild(mark: string, query = '') {
  const row = await contract.row(mark)
  const answer = await fetch(`${contract.gateway.url}/api/requests/${row.id}/rebuild${query}`, {
    headers: { authorization: `Bearer ${contract.gateway.adminKey}` },
  })
  return { row, rebuilt: (await answer.json()) as Rebuilt, status: answer.status }
}

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')

describe('the bytes of', () => {
  test.each([
    ['a plain request, spacing and order as the caller wrote them', 'up', 'plain', {}],
    ['a stream whose usage we asked for', 'up', 'asked', { stream: true }],
    ['a stream of an upstream that refuses the wish', 'quiet', 'unasked', { stream: true }],
    [
      'a stream whose caller asks for usage',
      'up',
      'both',
      { stream: true, stream_options: { include_usage: true } },
    ],
  ])('%s are rebuilt', async (_what, upstream, model, more) => {
    const body = `{ "temperature":0.10,  "model":"${upstream}/${model}","messages":${JSON.stringify(hello)}${JSON.stringify(more).replace('{', ',').replace(',}', '}')}`
    const { mark } = await contract.post('/v1/chat/completions', body)

    const { rebuilt, row } = await rebuild(mark)

    const [sent] = contract.upstream.calls(model)
    expect(rebuilt).toMatchObject({ state: 'equal', reason: null, attempt: 1, upstream, model })
    expect(rebuilt.body).toBe(sent?.body.toString())
    expect(rebuilt.sent_digest).toBe(sha256(sent?.body ?? ''))
    expect(rebuilt.rebuilt_digest).toBe(rebuilt.sent_digest)
    expect(row.attempts).toMatchObject([{ sent_digest: rebuilt.sent_digest }])
  })

  test('a request to Anthropic are rebuilt through the same translation', async () => {
    const { mark } = await contract.post('/v1/chat/completions', {
      model: 'anthropic/text',
      messages: hello,
      max_tokens: 100,
    })

    const { rebuilt } = await rebuild(mark)

    expect(rebuilt).toMatchObject({ state: 'equal', upstream: 'anthropic' })
    expect(JSON.parse(rebuilt.body ?? '')).toMatchObject({ model: 'text', max_tokens: 100 })
    expect(sha256(rebuilt.body ?? '')).toBe(rebuilt.sent_digest)
  })

  test('a Responses request over chat completions are rebuilt as the chat request it became', async () => {
    const { mark } = await contract.post('/v1/responses', { model: 'chatty/response', input: 'Say hello' })

    const { rebuilt } = await rebuild(mark)

    expect(rebuilt.state).toBe('equal')
    expect(rebuilt.body).toBe(contract.upstream.calls('response')[0]?.body.toString())
  })

  test('each attempt are rebuilt by its number', async () => {
    const { mark } = await contract.post('/v1/chat/completions', { model: 'sturdy', messages: hello })

    const first = await rebuild(mark, '?attempt=1')
    const last = await rebuild(mark)
    const none = await rebuild(mark, '?attempt=3')

    expect(first.rebuilt).toMatchObject({ state: 'equal', model: 'broken?status=500' })
    expect(last.rebuilt).toMatchObject({ state: 'equal', attempt: 2, model: 'whole' })
    expect(first.rebuilt.sent_digest).not.toBe(last.rebuilt.sent_digest)
    expect(none).toMatchObject({ status: 404, rebuilt: { error: { param: 'attempt' } } })
  })

  test('what a local model answered are not, because nothing was sent', async () => {
    const { mark } = await contract.post('/v1/chat/completions', { model: 'local/reader', messages: hello })

    const { rebuilt } = await rebuild(mark)

    expect(rebuilt).toMatchObject({ state: 'not_rebuilt', sent_digest: null, body: null })
    expect(rebuilt.reason).toContain('nothing left this process')
  })
})
