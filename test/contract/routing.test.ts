/** Routes: order, fallback, retries under one budget, weights, the circuit breaker. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Contract, eventually, hello, ONE_TRY, startContract } from './support/harness.ts'

let contract: Contract

beforeAll(async () => {
  contract = await startContract({
    settings: (up) => ({
      upstreams: { one: up, two: up, three: up, claude: { ...up, dialect: 'anthropic' } },
      routes: {
        ordered: { targets: ['one/ordered-a', 'two/ordered-b', 'three/ordered-c'], retries: 1 },
        once: { targets: ['one/once'], ...ONE_TRY },
        retried: { targets: ['one/retried'], retries: 2 },
        swift: {
          targets: [
            { model: 'one/swift-slow?hang=true', timeouts: { first_byte: '100ms' } },
            'two/swift-fast',
          ],
        },
        weighted: {
          targets: [
            { model: 'one/weighted-a', weight: 7 },
            { model: 'two/weighted-b', weight: 2 },
            { model: 'three/weighted-c', weight: 1 },
          ],
        },
        'weighted-fallback': {
          targets: [
            { model: 'one/wf-down', weight: 1000 },
            { model: 'two/wf-up', weight: 1 },
          ],
          ...ONE_TRY,
        },
        fragile: { targets: ['one/fragile-a', 'two/fragile-b'], ...ONE_TRY },
        lonely: { targets: ['one/lonely'], ...ONE_TRY },
        mixed: { targets: ['claude/no-embeddings-here', 'two/mixed-embed'], ...ONE_TRY },
      },
    }),
  })
})
afterAll(() => contract?.close())
beforeEach(() => contract.upstream.reset())

const ask = (model: string, more: object = {}) =>
  contract.post('/v1/chat/completions', { model, messages: hello, ...more })
const calls = (model: string) => contract.upstream.calls(model).length

describe('fallback', () => {
  test('goes to the next target in order, and the row has every attempt', async () => {
    contract.upstream.on('ordered-a', { status: 500 })
    contract.upstream.on('ordered-b', { status: 429 })

    const answer = await ask('ordered')
    const row = await contract.row(answer.mark)

    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-aval-model')).toBe('three/ordered-c')
    expect(row).toMatchObject({
      outcome: 'completed',
      route: 'ordered',
      upstream: 'three',
      model: 'ordered-c',
    })
    expect(row.attempts.map(({ upstream, status, error }) => [upstream, status, error])).toEqual([
      ['one', 500, 'upstream_unavailable'],
      ['two', 429, 'upstream_rate_limited'],
      ['three', 200, null],
    ])
  })

  test('happens for a stream as long as no byte has gone out', async () => {
    contract.upstream.on('ordered-a', { cutAfter: 0 })
    contract.upstream.on('ordered-b', { body: '<html>', contentType: 'text/html' })

    const answer = await ask('ordered', { stream: true })

    expect(answer.text).toContain('[DONE]')
    expect(answer.headers.get('x-aval-model')).toBe('three/ordered-c')
    expect((await contract.row(answer.mark)).attempts).toHaveLength(3)
  })

  test('never happens after the first byte', async () => {
    contract.upstream.on('ordered-a', { cutAfter: 2, text: 'a b c d' })

    const answer = await ask('ordered', { stream: true })

    expect(answer.text).toContain('"code":"upstream_cut"')
    expect(calls('ordered-a')).toBe(1)
    expect(calls('ordered-b')).toBe(0)
    expect(await contract.row(answer.mark)).toMatchObject({ outcome: 'upstream_cut', upstream: 'one' })
  })

  test.each([400, 404, 413, 422])(
    'does not happen for %i: another target would refuse it, too',
    async (status) => {
      contract.upstream.on('ordered-a', { status })

      const answer = await ask('ordered')

      expect(answer.status).toBe(status === 422 ? 400 : status)
      expect(calls('ordered-b')).toBe(0)
    },
  )

  test('takes over when the first target is silent for longer than it may be', async () => {
    const answer = await ask('swift')

    const row = await contract.row(answer.mark)

    expect(answer.headers.get('x-aval-model')).toBe('two/swift-fast')
    expect(row.attempts[0]).toMatchObject({ error: 'upstream_timeout', status: null })
  })

  test('skips targets whose dialect lacks the operation', async () => {
    const answer = await contract.post('/v1/embeddings', { model: 'mixed', input: 'x' })

    expect(answer.status).toBe(200)
    expect((await contract.row(answer.mark)).attempts.map((attempt) => attempt.upstream)).toEqual(['two'])
  })

  test('every target gets the caller’s bytes with its own model name', async () => {
    contract.upstream.on('ordered-a', { status: 503 })

    await ask('ordered', { x_number: 12345678901234567890n.toString(), seed: 3 })

    const [first] = contract.upstream.calls('ordered-a')
    const [second] = contract.upstream.calls('ordered-b')
    expect(second?.body.toString()).toBe(first?.body.toString().replace('ordered-a', 'ordered-b'))
  })
})

describe('retries', () => {
  test('come after every target was tried once, and end when they are spent', async () => {
    for (const model of ['ordered-a', 'ordered-b', 'ordered-c']) contract.upstream.on(model, { status: 503 })

    const answer = await ask('ordered')
    const row = await contract.row(answer.mark)

    expect(answer.status).toBe(502)
    expect(answer.headers.get('x-should-retry')).toBe('false')
    expect(row.attempts.map((attempt) => attempt.upstream)).toEqual(['one', 'two', 'three', 'one'])
  })

  test('cure a fault that passes', async () => {
    contract.upstream.on('retried', { status: 500 }, { cutAfterBytes: 10 }, { text: 'cured' })

    const answer = await ask('retried')

    expect(answer.json.choices[0].message.content).toBe('cured')
    expect((await contract.row(answer.mark)).attempts.map((attempt) => attempt.error)).toEqual([
      'upstream_unavailable',
      'upstream_cut',
      null,
    ])
  })

  test('do not wait longer than the caller would: a long Retry-After is handed on at once', async () => {
    contract.upstream.on('retried', { status: 429, retryAfter: 30 })

    const answer = await ask('retried')

    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('30')
    expect(calls('retried')).toBe(1)
  })

  test('are not repeated by the openai client once ours are spent', async () => {
    contract.upstream.on('once', { status: 503 })
    const patient = contract.client({ maxRetries: 3 })

    const error = await patient.chat.completions
      .create({ model: 'once', messages: hello })
      .catch((cause: unknown) => cause)

    expect(error).toMatchObject({ status: 502 })
    expect(calls('once')).toBe(1)
  })

  test('share one budget: a fault that hits every call makes at most a fifth more, beyond a small saving', async () => {
    const requests = 60
    const faults = Array.from({ length: requests * 2 }, () => [{ status: 500 }, {}]).flat()
    contract.upstream.on('budget', ...faults)

    for (let at = 0; at < requests; at += 1) await ask('one/budget')

    // 10 saved up and 0.2 earned by each first attempt; not one call for each of the 60.
    expect(calls('budget')).toBeGreaterThan(requests)
    expect(calls('budget')).toBeLessThanOrEqual(requests + 10 + requests / 5)
  })
})

describe('weights', () => {
  test('are followed', async () => {
    const requests = 400
    const seen = new Map<string, number>()
    for (let at = 0; at < requests / 20; at += 1) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask('weighted')))
      for (const answer of answers) {
        const model = answer.headers.get('x-aval-model') ?? ''
        seen.set(model, (seen.get(model) ?? 0) + 1)
      }
    }

    // Six standard deviations of a binomial: fails by chance about once in a billion runs.
    for (const [model, share] of [
      ['one/weighted-a', 0.7],
      ['two/weighted-b', 0.2],
      ['three/weighted-c', 0.1],
    ] as const) {
      const spread = 6 * Math.sqrt(requests * share * (1 - share))
      expect(Math.abs((seen.get(model) ?? 0) - requests * share), model).toBeLessThan(spread)
    }
  })

  test('leave the rest as fallback', async () => {
    contract.upstream.on('wf-down', { status: 500 })

    const answers = [await ask('weighted-fallback'), await ask('weighted-fallback')]

    expect(answers.map((answer) => answer.status)).toEqual([200, 200])
  })
})

describe('the circuit breaker', () => {
  test('spares a target after five failures in a row, and tries it again later', async () => {
    contract.upstream.on('fragile-a', { status: 500 })
    for (let at = 0; at < 5; at += 1) expect((await ask('fragile')).status).toBe(200)
    const whenOpened = calls('fragile-a')

    const spared = await ask('fragile')
    const sparedRow = await contract.row(spared.mark)
    contract.upstream.on('fragile-a', {})
    const recovered = await eventually('The first target serving again', async () => {
      const answer = await ask('fragile')
      return answer.headers.get('x-aval-model') === 'one/fragile-a' ? answer : null
    })

    expect(whenOpened).toBe(5)
    expect(spared.headers.get('x-aval-model')).toBe('two/fragile-b')
    expect(sparedRow.attempts.map((attempt) => attempt.upstream)).toEqual(['two'])
    expect(recovered.status).toBe(200)
    expect((await ask('fragile')).headers.get('x-aval-model')).toBe('one/fragile-a')
  })

  test('with every target out answers at once with a Retry-After, and the row has no attempt', async () => {
    contract.upstream.on('lonely', { status: 500 })
    for (let at = 0; at < 5; at += 1) await ask('lonely')

    const answer = await ask('lonely')
    const row = await contract.row(answer.mark)

    expect(answer.status).toBe(502)
    expect(answer.json.error.code).toBe('upstream_unavailable')
    expect(Number(answer.headers.get('retry-after-ms'))).toBeGreaterThan(0)
    expect(calls('lonely')).toBe(5)
    expect(row).toMatchObject({ outcome: 'upstream_error', attempts: [] })
  })

  test('does not count what the caller did wrong', async () => {
    contract.upstream.on('blameless', { status: 400 })
    for (let at = 0; at < 8; at += 1) await ask('one/blameless')
    contract.upstream.on('blameless', {})

    expect((await ask('one/blameless')).status).toBe(200)
    expect(calls('blameless')).toBe(9)
  })
})
