/** What an exchange keeps of a long stream, and the headers an answer carries. */

import { describe, expect, test } from 'vitest'
import { UpstreamError } from '../../../src/errors.ts'
import { answers, exchangeOf, HEAD, playedProvider, targetOf, testDeps, upstreamOf } from './parts.ts'

const target = targetOf(upstreamOf('up', playedProvider([answers()])), 'm')

describe('the parts of a long stream', () => {
  test('go to the log at 64 KiB, not before', () => {
    const deps = testDeps()
    const exchange = exchangeOf(deps, [target])

    exchange.onBytes(Buffer.alloc(65_535, 'a'))
    expect(deps.audit.parts).toHaveLength(0)
    exchange.onBytes(Buffer.from('b'))

    expect(deps.audit.parts.map(({ length }) => length)).toEqual([65_536])
  })

  test('or after five seconds, so that a crash keeps what a slow model said', () => {
    const deps = testDeps()
    const exchange = exchangeOf(deps, [target])

    exchange.onBytes(Buffer.from('a'))
    deps.clock.advance(4999)
    exchange.onBytes(Buffer.from('b'))
    expect(deps.audit.parts).toHaveLength(0)
    deps.clock.advance(1)
    exchange.onBytes(Buffer.from('c'))

    expect(deps.audit.parts.map(String)).toEqual(['abc'])
  })

  test('and CLOSE brings the rest: together they are what was sent', async () => {
    const deps = testDeps()
    const exchange = exchangeOf(deps, [target])

    exchange.onBytes(Buffer.alloc(70_000, 'a'))
    exchange.onBytes(Buffer.from('b'))
    await exchange.close('completed', 200, Buffer.from('c'), {})

    expect(deps.audit.order).toEqual(['part', 'close'])
    expect(deps.audit.closes).toMatchObject([{ body: 'bc', record: { responseBytes: 70_002 } }])
  })

  test('an answer without a byte is closed without one', async () => {
    const deps = testDeps()
    const exchange = exchangeOf(deps, [target])

    await exchange.close('client_abort', 499, null, {})

    expect(deps.audit.closes).toMatchObject([{ body: '', record: { responseBytes: 0, usage: null } }])
  })
})

describe('headers', () => {
  test('are ours over our limits over the upstream’s', () => {
    const exchange = exchangeOf(testDeps(), [target], {
      limits: { 'x-ratelimit-limit-requests': '5' },
      envelope: { clientRequestId: 'mine' },
    })
    exchange.target = target
    const head = {
      ...HEAD,
      headers: {
        'x-ratelimit-limit-requests': '7',
        'x-ratelimit-limit-tokens': '9',
        'x-request-id': 'theirs',
      },
    }

    expect(exchange.headers(head, { 'content-type': 'application/json' })).toEqual({
      'x-ratelimit-limit-requests': '5',
      'x-ratelimit-limit-tokens': '9',
      'content-type': 'application/json',
      'x-request-id': 'req_1',
      'x-client-request-id': 'mine',
      'x-aval-model': 'up/m',
    })
  })
})

describe('an attempt', () => {
  test('is timed from the start of the request; what the upstream said is redacted, then cut', () => {
    const deps = testDeps()
    const redacted = {
      ...target,
      upstream: { ...target.upstream, redact: (text: string) => text.replaceAll('sk-1', '***') },
    }
    const exchange = exchangeOf(deps, [redacted])
    exchange.target = redacted
    deps.clock.advance(10)
    const startedMs = exchange.elapsedMs()
    deps.clock.advance(5)

    const error = new UpstreamError('upstream_auth', 'x', {
      retryable: true,
      detail: `sk-1 ${'y'.repeat(9000)}`,
    })
    exchange.recordAttempt(startedMs, { error, head: null, sentDigest: null })

    expect(exchange.attempts).toMatchObject([
      { startedMs: 10, durationMs: 5, status: null, error: 'upstream_auth' },
    ])
    expect(exchange.attempts[0]?.detail).toMatch(/^\*\*\* y+$/)
    expect(exchange.attempts[0]?.detail).toHaveLength(4096)
  })
})
