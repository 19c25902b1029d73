/** The caller's own limits: 429 with everything a client needs to come back, a place given back however a call ends. */
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Contract, eventually, hello, startContract } from './support/harness.ts'

const RATED = 'rated-secret-0123456789-0123456789-xy'
const SINGLE = 'single-secret-0123456789-0123456789-x'

let contract: Contract

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({
      upstreams: { up },
      keys: [
        { name: 'rated', secret: 'env:CONTRACT_RATED', roles: ['app'], rpm: 5 },
        { name: 'single', secret: 'env:CONTRACT_SINGLE', roles: ['app'], concurrency: 1 },
      ],
    }),
    env: { CONTRACT_RATED: RATED, CONTRACT_SINGLE: SINGLE },
  })
})
afterAll(() => contract?.close())

const PATH = '/v1/chat/completions'
const chat = (model = 'up/mock') => ({ model, messages: hello })

test('a rate is counted down in headers and ends in a 429 with Retry-After; a refused body counts, too', async () => {
  const answers = []
  for (let at = 0; at < 4; at += 1) answers.push(await contract.post(PATH, chat(), { key: RATED }))
  const wrong = await contract.post(PATH, '{', { key: RATED })
  const refused = await contract.post(PATH, chat(), { key: RATED })
  const row = await contract.row(refused.mark)

  expect(answers.map((answer) => answer.headers.get('x-ratelimit-remaining-requests'))).toEqual([
    '4',
    '3',
    '2',
    '1',
  ])
  expect(answers[0]?.headers.get('x-ratelimit-limit-requests')).toBe('5')
  expect(wrong.headers.get('x-ratelimit-remaining-requests')).toBe('0')
  expect(refused.status).toBe(429)
  expect(refused.json.error).toMatchObject({ code: 'rate_limit_exceeded', type: 'rate_limit_error' })
  expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0')
  expect(refused.headers.get('x-ratelimit-reset-requests')).toMatch(/^\d+(\.\d+)?s$/)
  const seconds = Number(refused.headers.get('retry-after'))
  const milliseconds = Number(refused.headers.get('retry-after-ms'))
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(60)
  expect(Math.ceil(milliseconds / 1000)).toBe(seconds)
  expect(row).toMatchObject({
    outcome: 'rejected',
    status: 429,
    error_code: 'rate_limit_exceeded',
    attempts: [],
  })
})

test('it is a RateLimitError in the openai client', async () => {
  const error = await contract
    .client({ apiKey: RATED })
    .chat.completions.create(chat())
    .catch((cause: unknown) => cause)

  expect(error).toBeInstanceOf(OpenAI.RateLimitError)
})

test('a key without limits has no rate headers of ours', async () => {
  contract.upstream.on('no-rates', {
    headers: { 'x-ratelimit-limit-requests': '', 'x-ratelimit-remaining-requests': '' },
  })
  const answer = await contract.post(PATH, chat('up/no-rates'))

  expect(answer.headers.get('x-ratelimit-reset-requests')).toBeNull()
})

test('a second call at once is refused, and a caller who leaves gives the place back', async () => {
  const leave = new AbortController()
  const first = contract
    .post(PATH, chat('up/hold?hang=true'), { key: SINGLE, signal: leave.signal })
    .catch((cause: unknown) => cause)
  await contract.upstream.when((entry) => entry.model === 'hold?hang=true')

  const second = await contract.post(PATH, chat(), { key: SINGLE })
  leave.abort()
  await first
  const third = await eventually('A free place', async () => {
    const answer = await contract.post(PATH, chat(), { key: SINGLE })
    return answer.status === 429 ? null : answer
  })

  expect(second.status).toBe(429)
  expect(second.json.error.code).toBe('concurrency_limit_exceeded')
  expect(second.headers.get('retry-after')).toBe('1')
  expect(third.status).toBe(200)
})

test.each([
  ['an answer', 'up/mock', {}, 200],
  ['a stream', 'up/mock', { stream: true }, 200],
  ['a broken stream', 'up/mock-cut?cut_after=1', { stream: true }, 200],
  ['an upstream’s error', 'up/mock-400?status=400', {}, 400],
  ['a refused body', 'up/mock', { messages: [] }, 400],
  ['an unknown model', 'nope', {}, 404],
])('%s gives the place back', async (_, model, more, status) => {
  const answer = await contract.post(PATH, { ...chat(model), ...more }, { key: SINGLE })
  const next = await eventually('A free place', async () => {
    const again = await contract.post(PATH, chat(), { key: SINGLE })
    return again.status === 429 ? null : again
  })

  expect(answer.status).toBe(status)
  expect(next.status).toBe(200)
})
